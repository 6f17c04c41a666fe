// copypatch fragment 1 {"uop": "_GOLD", "code_size": 80, "data_size": 40, "trampolines": []}
void
emit__GOLD(
    unsigned char *code, unsigned char *data, _PyExecutorObject *executor,
    const _PyUOpInstruction *instruction, uintptr_t instruction_starts[])
{
    // 
    // _GOLD.o:        file format elf64-littleaarch64
    // 
    // Disassembly of section .text:
    // 
    // 0000000000000000 <_JIT_ENTRY>:
    // 0: a9bf7bfd      stp     x29, x30, [sp, #-0x10]!
    // 20: 
    // 20: d2800008      mov     x8, #0x0
    // 0000000000000020:  R_AARCH64_MOVW_UABS_G0_NC    Extern
    // 24: f2a00008      movk    x8, #0x0, lsl #16
    // 0000000000000024:  R_AARCH64_MOVW_UABS_G1_NC    Extern
    // 28: f2c00008      movk    x8, #0x0, lsl #32
    // 0000000000000028:  R_AARCH64_MOVW_UABS_G2_NC    Extern
    // 2c: f2e00008      movk    x8, #0x0, lsl #48
    // 000000000000002c:  R_AARCH64_MOVW_UABS_G3       Extern
    // 30: d61f0100      br      x8
    // 34: 00 00 00 00
    // 38: d2800008      mov     x8, #0x0
    // 0000000000000038:  R_AARCH64_MOVW_UABS_G0_NC    PrivateExtern
    // 3c: f2a00008      movk    x8, #0x0, lsl #16
    // 000000000000003c:  R_AARCH64_MOVW_UABS_G1_NC    PrivateExtern
    // 40: f2c00008      movk    x8, #0x0, lsl #32
    // 0000000000000040:  R_AARCH64_MOVW_UABS_G2_NC    PrivateExtern
    // 44: f2e00008      movk    x8, #0x0, lsl #48
    // 0000000000000044:  R_AARCH64_MOVW_UABS_G3       PrivateExtern
    // 48: d61f0100      br      x8
    // 4c: 00 00 00 00
    const unsigned char code_body[80] = {
        0xfd, 0x7b, 0xbf, 0xa9, 0x08, 0x00, 0x00, 0x90,
        0x08, 0x01, 0x40, 0xf9, 0x05, 0x00, 0x00, 0x94,
        0x0a, 0x00, 0x00, 0x94, 0x00, 0x00, 0x00, 0x90,
        0x00, 0x00, 0x00, 0x91, 0x00, 0x00, 0x00, 0x14,
        0x08, 0x00, 0x80, 0xd2, 0x08, 0x00, 0xa0, 0xf2,
        0x08, 0x00, 0xc0, 0xf2, 0x08, 0x00, 0xe0, 0xf2,
        0x00, 0x01, 0x1f, 0xd6, 0x00, 0x00, 0x00, 0x00,
        0x08, 0x00, 0x80, 0xd2, 0x08, 0x00, 0xa0, 0xf2,
        0x08, 0x00, 0xc0, 0xf2, 0x08, 0x00, 0xe0, 0xf2,
        0x00, 0x01, 0x1f, 0xd6, 0x00, 0x00, 0x00, 0x00,
    };
    // 0: '0123456789\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00'
    // 1b: 00 00 00 00 00
    // 20: &PyExt+0x0
    const unsigned char data_body[40] = {
        0x30, 0x31, 0x32, 0x33, 0x34, 0x35, 0x36, 0x37,
        0x38, 0x39, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    };
    memcpy(data, data_body, sizeof(data_body));
    patch_64(data + 0xb, (uintptr_t)code + 0x4);
    patch_64(data + 0x13, instruction->target + -0x1);
    patch_64(data + 0x20, (uintptr_t)&PyExt);
    memcpy(code, code_body, sizeof(code_body));
    patch_aarch64_21r(code + 0x4, (uintptr_t)data + 0x20);
    patch_aarch64_12(code + 0x8, (uintptr_t)data + 0x20);
    patch_aarch64_21r(code + 0x14, (uintptr_t)data + 0x8);
    patch_aarch64_12(code + 0x18, (uintptr_t)data + 0x8);
    patch_aarch64_26r(code + 0x1c, (uintptr_t)code + sizeof(code_body));
    patch_aarch64_16a(code + 0x20, (uintptr_t)&Extern);
    patch_aarch64_16b(code + 0x24, (uintptr_t)&Extern);
    patch_aarch64_16c(code + 0x28, (uintptr_t)&Extern);
    patch_aarch64_16d(code + 0x2c, (uintptr_t)&Extern);
    patch_aarch64_16a(code + 0x38, (uintptr_t)&PrivateExtern);
    patch_aarch64_16b(code + 0x3c, (uintptr_t)&PrivateExtern);
    patch_aarch64_16c(code + 0x40, (uintptr_t)&PrivateExtern);
    patch_aarch64_16d(code + 0x44, (uintptr_t)&PrivateExtern);
}

