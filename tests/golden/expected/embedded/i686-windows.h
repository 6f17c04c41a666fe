// copypatch fragment 1 {"uop": "_GOLD", "code_size": 22, "data_size": 48, "trampolines": []}
void
emit__GOLD(
    unsigned char *code, unsigned char *data, const cp_executor *executor,
    const cp_instruction *instruction, jit_state *state)
{
    // 
    // _GOLD.o:        file format coff-i386
    // 
    // Disassembly of section .text:
    // 
    // 0000000000000000 <_JIT_ENTRY>:
    // 0: b8 02 00 00 00                movl    $0x2, %eax
    const unsigned char code_body[22] = {
        0xb8, 0x02, 0x00, 0x00, 0x00, 0xa1, 0x00, 0x00,
        0x00, 0x00, 0xff, 0x15, 0x00, 0x00, 0x00, 0x00,
        0xe8, 0x00, 0x00, 0x00, 0x00, 0xc3,
    };
    // 0: '\xfc\xff\xff\xff\nPrivateExtern\n\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00'
    // 20: &Extern+0x0
    const unsigned char data_body[48] = {
        0xfc, 0xff, 0xff, 0xff, 0x0a, 0x50, 0x72, 0x69,
        0x76, 0x61, 0x74, 0x65, 0x45, 0x78, 0x74, 0x65,
        0x72, 0x6e, 0x0a,
    };
    memcpy(data, data_body, sizeof(data_body));
    patch_32(data + 0x0, (uintptr_t)&PyExt + 0xfffffffc);
    patch_64(data + 0x20, (uintptr_t)&Extern);
    memcpy(code, code_body, sizeof(code_body));
    patch_32(code + 0x1, (uintptr_t)data + 0x6);
    patch_32(code + 0x6, (instruction->operand0 & UINT32_MAX));
    patch_32(code + 0xc, (uintptr_t)data + 0x20);
    patch_32r(code + 0x11, (uintptr_t)code + 0x11);
}

