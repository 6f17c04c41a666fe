// copypatch fragment 1 {"uop": "_GOLD", "code_size": 32, "data_size": 48, "trampolines": []}
void
emit__GOLD(
    unsigned char *code, unsigned char *data, const cp_executor *executor,
    const cp_instruction *instruction, jit_state *state)
{
    // 
    // _GOLD.o:        file format coff-arm64
    // 
    // Disassembly of section .text:
    // 
    // 0000000000000000 <_JIT_ENTRY>:
    // 0: a9bf7bfd      stp     x29, x30, [sp, #-16]!
    const unsigned char code_body[32] = {
        0xfd, 0x7b, 0xbf, 0xa9, 0x08, 0x00, 0x00, 0x90,
        0x08, 0x01, 0x40, 0xf9, 0x00, 0x00, 0x00, 0x94,
        0x00, 0x00, 0x00, 0x90, 0x00, 0x00, 0x00, 0x91,
        0x00, 0x00, 0x00, 0x14, 0x1f, 0x20, 0x03, 0xd5,
    };
    // 0: '\x01\x02\x03\x04\nPrivateExtern\n\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00'
    // 20: &PyExt+0x0
    const unsigned char data_body[48] = {
        0x01, 0x02, 0x03, 0x04, 0x0a, 0x50, 0x72, 0x69,
        0x76, 0x61, 0x74, 0x65, 0x45, 0x78, 0x74, 0x65,
        0x72, 0x6e, 0x0a,
    };
    memcpy(data, data_body, sizeof(data_body));
    patch_64(data + 0x20, (uintptr_t)&PyExt);
    memcpy(code, code_body, sizeof(code_body));
    patch_aarch64_21r(code + 0x4, (uintptr_t)data + 0x20);
    patch_aarch64_12(code + 0x8, (uintptr_t)data + 0x20);
    patch_aarch64_26r(code + 0xc, (uintptr_t)&Extern);
    patch_aarch64_21r(code + 0x10, (uintptr_t)data);
    patch_aarch64_12(code + 0x14, (uintptr_t)data);
    patch_aarch64_26r(code + 0x18, (uintptr_t)code + sizeof(code_body));
}

