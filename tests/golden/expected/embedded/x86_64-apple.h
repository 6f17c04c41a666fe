// copypatch fragment 1 {"uop": "_GOLD", "code_size": 26, "data_size": 64, "trampolines": []}
void
emit__GOLD(
    unsigned char *code, unsigned char *data, const cp_executor *executor,
    const cp_instruction *instruction, jit_state *state)
{
    // 
    // _GOLD.o:        file format mach-o 64-bit x86-64
    // 
    // Disassembly of section .text:
    // 
    // 0000000000000000 <_JIT_ENTRY>:
    // 0: 48 8b 05 00 00 00 00          movq    (%rip), %rax
    const unsigned char code_body[26] = {
        0x48, 0x8b, 0x05, 0x00, 0x00, 0x00, 0x00, 0x48,
        0x8d, 0x3d, 0x08, 0x00, 0x00, 0x00, 0xe8, 0x00,
        0x00, 0x00, 0x00, 0x83, 0x3d, 0x00, 0x00, 0x00,
        0x00, 0x01,
    };
    // 0: '\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\nPrivateExtern\n\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00'
    // 30: &Extern+0x0
    const unsigned char data_body[64] = {
        0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x0a,
        0x50, 0x72, 0x69, 0x76, 0x61, 0x74, 0x65, 0x45,
        0x78, 0x74, 0x65, 0x72, 0x6e, 0x0a,
    };
    memcpy(data, data_body, sizeof(data_body));
    patch_64(data + 0x20, (uintptr_t)code);
    patch_64(data + 0x28, instruction->target);
    patch_64(data + 0x30, (uintptr_t)&Extern);
    memcpy(code, code_body, sizeof(code_body));
    patch_x86_64_32rx(code + 0x3, (uintptr_t)data + 0x2c);
    patch_32r(code + 0xa, (uintptr_t)code + 0x12);
    patch_32r(code + 0xf, (uintptr_t)code + 0xa);
    patch_32r(code + 0x15, (uintptr_t)&PyExt + -0x4);
}

