// Code for AArch64, written word by word, patched by patch.c and executed. Prints one line for each patch
// function and form of instruction that did what it should; exits with 1 at the first that did not.

#define _DEFAULT_SOURCE  // MAP_ANONYMOUS

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "patch.h"

#define PAGE 65536  // of the largest kind
#define RET 0xD65F03C0

static uint32_t *code;        // room for code
static unsigned char *data;   // in reach of adrp
static uint32_t *far_code;    // out of reach of a branch

static void
check(const char *name, uint64_t got, uint64_t expected)
{
    if (got != expected) {
        printf("FAILED %s: %#" PRIx64 ", not %#" PRIx64 "\n", name, got, expected);
        exit(1);
    }
    puts(name);
}

static uint64_t
call(uint32_t *function)
{
    __builtin___clear_cache((char *)function, (char *)function + 128);
    return ((uint64_t (*)(void))(uintptr_t)function)();
}

static unsigned char *
hole(uint32_t *place)
{
    return (unsigned char *)place;
}

// adrp x1, value; WORD (which uses x1 and leaves a result in x0 or d0); ret
static uint64_t
run_low_12(uint32_t word, const void *address, int from_vector)
{
    uint32_t *next = code;
    *next = 0x90000001;
    patch_aarch64_21r(hole(next++), (uintptr_t)address);
    *next = word;
    patch_aarch64_12(hole(next++), (uintptr_t)address);
    if (from_vector) {
        *next++ = 0x9E660000;  // fmov x0, d0
    }
    *next++ = RET;
    return call(code);
}

static void
check_low_12(void)
{
    // In the last bytes of a page of 4 KiB, and not at the same place of it as the code.
    unsigned char *address = data + 3 * 4096 - 16;
    const uint64_t word = 0x8877665544332211;
    memcpy(address, &word, sizeof(word));
    check("add", run_low_12(0x91000020, address + 5, 0), (uintptr_t)address + 5);
    check("ldrb", run_low_12(0x39400020, address + 1, 0), 0x22);
    check("ldrh", run_low_12(0x79400020, address + 2, 0), 0x4433);
    check("ldr w", run_low_12(0xB9400020, address + 4, 0), 0x88776655);
    check("ldr x", run_low_12(0xF9400020, address, 0), word);
    check("ldr s", run_low_12(0xBD400020, address + 4, 1), 0x88776655);
    check("ldr d", run_low_12(0xFD400020, address, 1), word);
    check("ldr q", run_low_12(0x3DC00020, address, 1), word);

    uint32_t store[] = {0x90000001, 0xB9000020, RET};  // adrp x1, value; str w0, [x1, low]
    memcpy(code, store, sizeof(store));
    patch_aarch64_21r(hole(code), (uintptr_t)address + 8);
    patch_aarch64_12(hole(code + 1), (uintptr_t)address + 8);
    __builtin___clear_cache((char *)code, (char *)code + sizeof(store));
    ((void (*)(uint32_t))(uintptr_t)code)(0xCAFE);
    uint32_t stored;
    memcpy(&stored, address + 8, sizeof(stored));
    check("str w", stored, 0xCAFE);
}

static void
check_pages(void)
{
    // adrp x0, value; ret
    const uint32_t words[] = {0x90000000, RET};
    const int64_t pages[] = {0, 1, -1, 7, 0xFFFFF, -0x100000};
    for (size_t i = 0; i < sizeof(pages) / sizeof(*pages); i++) {
        uint64_t page = (((uintptr_t)code >> 12) + (uint64_t)pages[i]) << 12;
        memcpy(code, words, sizeof(words));
        patch_aarch64_21r(hole(code), page + 0x123);
        if (call(code) != page) {
            check("adrp", call(code), page);
        }
    }
    puts("adrp");
}

static void
check_moves(void)
{
    const uint64_t value = 0x1122334455667788;
    // movz x0, a; movk x0, b, lsl 16; movk x0, c, lsl 32; movk x0, d, lsl 48; ret
    const uint32_t words[] = {0xD2800000, 0xF2A00000, 0xF2C00000, 0xF2E00000, RET};
    memcpy(code, words, sizeof(words));
    patch_aarch64_16a(hole(code), value);
    patch_aarch64_16b(hole(code + 1), value);
    patch_aarch64_16c(hole(code + 2), value);
    patch_aarch64_16d(hole(code + 3), value);
    check("movz, movk", call(code), value);
}

// mov x0, VALUE; ret
static void
write_constant(uint32_t *place, uint32_t value)
{
    place[0] = 0xD2800000 | value << 5;
    place[1] = RET;
    __builtin___clear_cache((char *)place, (char *)(place + 2));
}

static void
check_branches(void)
{
    // Into the middle of the page: targets lie on both sides.
    uint32_t *middle = code + 256;
    write_constant(middle + 100, 1);
    write_constant(middle - 100, 2);
    *middle = 0x14000000;  // b
    patch_aarch64_26r(hole(middle), (uintptr_t)(middle + 100));
    check("b forwards", call(middle), 1);
    *middle = 0x14000000;
    patch_aarch64_26r(hole(middle), (uintptr_t)(middle - 100));
    check("b backwards", call(middle), 2);

    // str x30, [sp, -16]!; bl; add x0, x0, 1; ldr x30, [sp], 16; ret
    const uint32_t words[] = {0xF81F0FFE, 0x94000000, 0x91000400, 0xF84107FE, RET};
    memcpy(middle, words, sizeof(words));
    patch_aarch64_26r(hole(middle + 1), (uintptr_t)(middle - 100));
    check("bl", call(middle), 3);

    write_constant(far_code, 40);
    check("far", (uint64_t)patch_aarch64_26r_reaches(hole(middle + 1), (uintptr_t)far_code), 0);
    uint32_t *trampoline = middle + 200;
    patch_aarch64_write_trampoline(hole(trampoline), (uintptr_t)far_code);
    __builtin___clear_cache((char *)trampoline, (char *)trampoline + PATCH_AARCH64_TRAMPOLINE_SIZE);
    memcpy(middle, words, sizeof(words));
    patch_aarch64_26r(hole(middle + 1), (uintptr_t)trampoline);
    check("bl, trampoline", call(middle), 41);
}

static void *
map(uintptr_t hint)
{
    void *memory = mmap((void *)hint, 2 * PAGE, PROT_READ | PROT_WRITE | PROT_EXEC,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        perror("mmap");
        exit(1);
    }
    return memory;
}

int
main(void)
{
    code = map(0);
    data = (unsigned char *)code + PAGE;
    far_code = map((uintptr_t)code + ((uintptr_t)1 << 33));
    check_low_12();
    check_pages();
    check_moves();
    check_branches();
}
