// copypatch fragment 1 {"uop": "_GOLD", "code_size": 39, "data_size": 48, "trampolines": []}
void
emit__GOLD(
    unsigned char *code, unsigned char *data, const cp_executor *executor,
    const cp_instruction *instruction, jit_state *state)
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
    const unsigned char code_body[39] = {
        0x48, 0xb8, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x00, 0x00, 0xff, 0x15, 0x00, 0x00, 0x00, 0x00,
        0x48, 0x8b, 0x0d, 0x00, 0x00, 0x00, 0x00, 0x48,
        0xbf, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x00, 0xff, 0x25,
    };
    // 0: '\nPrivateExtern\n\x00\x00\x00\x00\x00\x00\x00\x00\x00'
    // 18: &extfn+0x0
    // 20: CONTINUE
    const unsigned char data_body[48] = {
        0x0a, 0x50, 0x72, 0x69, 0x76, 0x61, 0x74, 0x65,
        0x45, 0x78, 0x74, 0x65, 0x72, 0x6e, 0x0a,
    };
    memcpy(data, data_body, sizeof(data_body));
    patch_64(data + 0x10, (uintptr_t)&PyNone_Type + -0x18);
    patch_64(data + 0x18, (uintptr_t)&extfn);
    patch_64(data + 0x20, (uintptr_t)code + sizeof(code_body));
    memcpy(code, code_body, sizeof(code_body));
    patch_64(code + 0x2, instruction->oparg);
    patch_x86_64_32rx(code + 0xc, (uintptr_t)data + 0x14);
    patch_x86_64_32rx(code + 0x13, (uintptr_t)data + 0x14);
    patch_64(code + 0x19, (uintptr_t)data + 0x1);
    patch_x86_64_32rx(code + 0x23, (uintptr_t)data + 0x1c);
}

