// copypatch fragment 1 {"uop": "_GOLD", "code_size": 32, "data_size": 48, "trampolines": ["Extern", "PrivateExtern"]}
void
emit__GOLD(
    unsigned char *code, unsigned char *data, const cp_executor *executor,
    const cp_instruction *instruction, jit_state *state)
{
    // 
    // _GOLD.o:        file format elf64-littleaarch64
    // 
    // Disassembly of section .text:
    // 
    // 0000000000000000 <_JIT_ENTRY>:
    // 0: a9bf7bfd      stp     x29, x30, [sp, #-0x10]!
    const unsigned char code_body[32] = {
        0xfd, 0x7b, 0xbf, 0xa9, 0x08, 0x00, 0x00, 0x90,
        0x08, 0x01, 0x40, 0xf9, 0x00, 0x00, 0x00, 0x94,
        0x00, 0x00, 0x00, 0x94, 0x00, 0x00, 0x00, 0x90,
        0x00, 0x00, 0x00, 0x91, 0x1f, 0x20, 0x03, 0xd5,
    };
    // 0: '0123456789\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00'
    // 1b: 00 00 00 00 00
    // 20: &PyExt+0x0
    const unsigned char data_body[48] = {
        0x30, 0x31, 0x32, 0x33, 0x34, 0x35, 0x36, 0x37,
        0x38, 0x39,
    };
    memcpy(data, data_body, sizeof(data_body));
    patch_64(data + 0xb, (uintptr_t)code + 0x4);
    patch_64(data + 0x13, instruction->target + -0x1);
    patch_64(data + 0x20, (uintptr_t)&PyExt);
    memcpy(code, code_body, sizeof(code_body));
    patch_aarch64_21r(code + 0x4, (uintptr_t)data + 0x20);
    patch_aarch64_12(code + 0x8, (uintptr_t)data + 0x20);
    patch_aarch64_trampoline(code + 0xc, @ordinal(Extern)@, state);
    patch_aarch64_trampoline(code + 0x10, @ordinal(PrivateExtern)@, state);
    patch_aarch64_21r(code + 0x14, (uintptr_t)data + 0x8);
    patch_aarch64_12(code + 0x18, (uintptr_t)data + 0x8);
}

