// copypatch fragment 1 {"uop": "_GOLD", "code_size": 33, "data_size": 32, "trampolines": []}
void
emit__GOLD(
    unsigned char *code, unsigned char *data, _PyExecutorObject *executor,
    const _PyUOpInstruction *instruction, uintptr_t instruction_starts[])
{
    // 
    // _GOLD.o:        file format elf64-x86-64
    // 
    // Disassembly of section .text:
    // 
    // 0000000000000000 <_JIT_ENTRY>:
    // 0: 48 b8 00 00 00 00 00 00 00 00 movabsq $0x0, %rax
    // 0000000000000002:  R_X86_64_64  _JIT_OPARG
    // 21: ff 25 00 00 00 00             jmpq    *(%rip)
    // 21: 
    const unsigned char code_body[33] = {
        0x48, 0xb8, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x00, 0x00, 0xff, 0x15, 0x00, 0x00, 0x00, 0x00,
        0x48, 0x8b, 0x0d, 0x00, 0x00, 0x00, 0x00, 0x48,
        0xbf, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x00,
    };
    // 0: '\nPrivateExtern\n\x00\x00\x00\x00\x00\x00\x00\x00\x00'
    // 18: 
    // 18: &extfn+0x0
    const unsigned char data_body[32] = {
        0x0a, 0x50, 0x72, 0x69, 0x76, 0x61, 0x74, 0x65,
        0x45, 0x78, 0x74, 0x65, 0x72, 0x6e, 0x0a, 0x00,
        0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    };
    memcpy(data, data_body, sizeof(data_body));
    patch_64(data + 0x10, (uintptr_t)&PyNone_Type + -0x18);
    patch_64(data + 0x18, (uintptr_t)&extfn);
    memcpy(code, code_body, sizeof(code_body));
    patch_64(code + 0x2, instruction->oparg);
    patch_x86_64_32rx(code + 0xc, (uintptr_t)data + 0x14);
    patch_x86_64_32rx(code + 0x13, (uintptr_t)data + 0x14);
    patch_64(code + 0x19, (uintptr_t)data + 0x1);
}

