// copypatch fragment 1 {"uop": "_GOLD", "code_size": 26, "data_size": 48, "trampolines": []}
void
emit__GOLD(
    unsigned char *code, unsigned char *data, const cp_executor *executor,
    const cp_instruction *instruction, jit_state *state)
{
    // 
    // _GOLD.o:        file format coff-x86-64
    // 
    // Disassembly of section .text:
    // 
    // 0000000000000000 <_JIT_ENTRY>:
    // 0: 48 8d 3d 02 00 00 00          leaq    0x2(%rip), %rdi
    const unsigned char code_body[26] = {
        0x48, 0x8d, 0x3d, 0x02, 0x00, 0x00, 0x00, 0x48,
        0x8b, 0x05, 0x00, 0x00, 0x00, 0x00, 0xff, 0x15,
        0x00, 0x00, 0x00, 0x00, 0x8b, 0x05,
    };
    // 0: '\x01\x02\x03\x04\nPrivateExtern\n\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00'
    // 20: &PyExt+0x0
    // 28: &Extern+0x0
    const unsigned char data_body[48] = {
        0x01, 0x02, 0x03, 0x04, 0x0a, 0x50, 0x72, 0x69,
        0x76, 0x61, 0x74, 0x65, 0x45, 0x78, 0x74, 0x65,
        0x72, 0x6e, 0x0a,
    };
    memcpy(data, data_body, sizeof(data_body));
    patch_64(data + 0x20, (uintptr_t)&PyExt);
    patch_64(data + 0x28, (uintptr_t)&Extern);
    memcpy(code, code_body, sizeof(code_body));
    patch_32r(code + 0x3, (uintptr_t)data + 0x2);
    patch_x86_64_32rx(code + 0xa, (uintptr_t)data + 0x1c);
    patch_x86_64_32rx(code + 0x10, (uintptr_t)data + 0x24);
    patch_32r(code + 0x16, (uintptr_t)data + 0x14);
}

