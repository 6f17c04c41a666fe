// copypatch fragment 1 {"uop": "_GOLD", "code_size": 32, "data_size": 32, "trampolines": ["PrivateExtern", "Extern"]}
void
emit__GOLD(
    unsigned char *code, unsigned char *data, const cp_executor *executor,
    const cp_instruction *instruction, jit_state *state)
{
    // 
    // _GOLD.o:        file format mach-o arm64
    // 
    // Disassembly of section .text:
    // 
    // 0000000000000000 <_JIT_ENTRY>:
    // 0: a9bf7bfd      stp     x29, x30, [sp, #-16]!
    const unsigned char code_body[32] = {
        0xfd, 0x7b, 0xbf, 0xa9, 0x08, 0x00, 0x00, 0x90,
        0x08, 0x01, 0x40, 0xf9, 0x00, 0x00, 0x00, 0x94,
        0x00, 0x00, 0x00, 0x94, 0x00, 0x00, 0x00, 0x90,
        0x00, 0x00, 0x00, 0x91, 0x00, 0x00, 0x00, 0x14,
    };
    // 0: '\nPrivateExter\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00'
    // 18: &PyExt+0x0
    const unsigned char data_body[32] = {
        0x0a, 0x50, 0x72, 0x69, 0x76, 0x61, 0x74, 0x65,
        0x45, 0x78, 0x74, 0x65, 0x72,
    };
    memcpy(data, data_body, sizeof(data_body));
    patch_64(data + 0x10, (uintptr_t)&Extern);
    patch_64(data + 0x18, (uintptr_t)&PyExt);
    memcpy(code, code_body, sizeof(code_body));
    patch_aarch64_21r(code + 0x4, (uintptr_t)data + 0x18);
    patch_aarch64_12(code + 0x8, (uintptr_t)data + 0x18);
    patch_aarch64_trampoline(code + 0xc, @ordinal(Extern)@, state);
    patch_aarch64_trampoline(code + 0x10, @ordinal(PrivateExtern)@, state);
    patch_aarch64_21r(code + 0x14, (uintptr_t)data);
    patch_aarch64_12(code + 0x18, (uintptr_t)data);
    patch_aarch64_26r(code + 0x1c, (uintptr_t)code + sizeof(code_body));
}

