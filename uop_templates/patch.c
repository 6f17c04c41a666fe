#include "patch.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Failures ////////////////////////////////////////////////////////////////////////////////////////

static void
print_and_abort(const char *function, const char *reason, const unsigned char *location,
                uint64_t value)
{
    fprintf(stderr, "%s: %s (location %p, value %#" PRIx64 ")\n", function, reason,
            (const void *)location, value);
    abort();
}

static patch_failure_handler failure_handler = print_and_abort;

void
patch_set_failure_handler(patch_failure_handler handler)
{
    failure_handler = handler ? handler : print_and_abort;
}

// Not an assert: a wrong patch is machine code gone wrong, so release builds check as well.
#define REQUIRE(CONDITION, REASON)                                \
    do {                                                          \
        if (!(CONDITION)) {                                       \
            failure_handler(__func__, (REASON), location, value); \
            return;                                               \
        }                                                         \
    } while (0)

// Bytes ///////////////////////////////////////////////////////////////////////////////////////////

// Holes in x86 code and in data sit at any address, so they go through memcpy. All targets and all
// hosts that can run their code are little-endian.

static uint32_t
read_32(const unsigned char *location)
{
    uint32_t word;
    memcpy(&word, location, sizeof(word));
    return word;
}

static void
write_32(unsigned char *location, uint32_t word)
{
    memcpy(location, &word, sizeof(word));
}

static uint64_t
read_64(const unsigned char *location)
{
    uint64_t word;
    memcpy(&word, location, sizeof(word));
    return word;
}

static void
write_64(unsigned char *location, uint64_t word)
{
    memcpy(location, &word, sizeof(word));
}

// The signed distance from the hole to the value, and whether it fits. Where addresses have 32 bits
// they wrap around, so that everything is in reach.

static int64_t
distance(const unsigned char *location, uint64_t value)
{
    uint64_t bytes = value - (uintptr_t)location;
    return UINTPTR_MAX == UINT32_MAX ? (int32_t)(uint32_t)bytes : (int64_t)bytes;
}

static int
fits_signed(int64_t value, int bits)
{
    int64_t limit = (int64_t)1 << (bits - 1);
    return -limit <= value && value < limit;
}

// Absolute and relative values ////////////////////////////////////////////////////////////////////

void
patch_32(unsigned char *location, uint64_t value)
{
    REQUIRE(value <= UINT32_MAX, "absolute value needs more than 32 bits");
    write_32(location, (uint32_t)value);
}

void
patch_32r(unsigned char *location, uint64_t value)
{
    int64_t offset = distance(location, value);
    REQUIRE(fits_signed(offset, 32), "target is more than 2 GiB away");
    write_32(location, (uint32_t)offset);
}

void
patch_64(unsigned char *location, uint64_t value)
{
    write_64(location, value);
}

// x86 /////////////////////////////////////////////////////////////////////////////////////////////

// Code that uses an outside symbol can't know how far away it will be, so it loads the address
// from a table in the stencil's data. Often the symbol turns out to be near. Then the instruction
// is rewritten, in the same number of bytes, to use the address itself:
//
//   mov reg, [rip + entry]     8b /r    ->   lea reg, [rip + symbol]   8d /r
//   call [rip + entry]         ff 15    ->   nop; call symbol          90 e8
//   jmp [rip + entry]          ff 25    ->   nop; jmp symbol           90 e9
//
// Other instructions (cmp, add, ...) keep reading the table, which is always near.
void
patch_x86_64_32rx(unsigned char *location, uint64_t value)
{
    // Offsets count from the end of the hole, which is why value came with 4 taken off.
    const unsigned char *entry = (const unsigned char *)(uintptr_t)(value + 4);
    uint64_t symbol = read_64(entry) - 4;
    if (fits_signed(distance(location, symbol), 32)) {
        unsigned char opcode = location[-2];
        unsigned char operand = location[-1];
        if (opcode == 0x8B) {
            location[-2] = 0x8D;
            value = symbol;
        }
        else if (opcode == 0xFF && (operand == 0x15 || operand == 0x25)) {
            location[-2] = 0x90;
            location[-1] = operand == 0x15 ? 0xE8 : 0xE9;
            value = symbol;
        }
    }
    patch_32r(location, value);
}

// AArch64 /////////////////////////////////////////////////////////////////////////////////////////

// Every instruction is one 32-bit word, and a hole is some of its bits. The masks pick the bits
// that tell which instruction it is; see "C4.1 A64 instruction set encoding" of the Arm
// Architecture Reference Manual.

static int
is_add_immediate(uint32_t word)
{
    return (word & 0x7FC00000) == 0x11000000;
}

static int
is_load_or_store_unsigned(uint32_t word)
{
    return (word & 0x3B000000) == 0x39000000;
}

static int
is_adrp(uint32_t word)
{
    return (word & 0x9F000000) == 0x90000000;
}

static int
is_branch(uint32_t word)
{
    return (word & 0x7C000000) == 0x14000000;
}

// movz, movk or movn that fills the given one of the four quarters
static int
is_move_wide(uint32_t word, int quarter)
{
    return (word & 0x1F800000) == 0x12800000 && ((word >> 21) & 3) == (uint32_t)quarter;
}

// word with `width` bits from `start` on replaced by those of `bits`
static uint32_t
with_bits(uint32_t word, int start, int width, uint64_t bits)
{
    uint32_t mask = (uint32_t)(((uint64_t)1 << width) - 1);
    return (word & ~(mask << start)) | (((uint32_t)bits & mask) << start);
}

void
patch_aarch64_12(unsigned char *location, uint64_t value)
{
    uint32_t word = read_32(location);
    int is_memory = is_load_or_store_unsigned(word);
    REQUIRE(is_memory || is_add_immediate(word), "not an add, load or store");
    int scale = 0;
    if (is_memory) {
        // Offsets of loads and stores count in units of what is moved: 1 << size bytes, but for
        // the 16-byte vector forms, which encode size 0 and bit 23.
        scale = (int)(word >> 30);
        int is_vector = (word >> 26) & 1;
        if (is_vector && scale == 0 && ((word >> 23) & 1)) {
            scale = 4;
        }
    }
    uint64_t low = value & 0xFFF;
    REQUIRE((low & (((uint64_t)1 << scale) - 1)) == 0, "address is not aligned for the access");
    write_32(location, with_bits(word, 10, 12, low >> scale));
}

static void
patch_move_wide(const char *function, unsigned char *location, uint64_t value, int quarter)
{
    uint32_t word = read_32(location);
    if (!is_move_wide(word, quarter)) {
        failure_handler(function, "not a move to this quarter", location, value);
        return;
    }
    write_32(location, with_bits(word, 5, 16, value >> (16 * quarter)));
}

void
patch_aarch64_16a(unsigned char *location, uint64_t value)
{
    patch_move_wide(__func__, location, value, 0);
}

void
patch_aarch64_16b(unsigned char *location, uint64_t value)
{
    patch_move_wide(__func__, location, value, 1);
}

void
patch_aarch64_16c(unsigned char *location, uint64_t value)
{
    patch_move_wide(__func__, location, value, 2);
}

void
patch_aarch64_16d(unsigned char *location, uint64_t value)
{
    patch_move_wide(__func__, location, value, 3);
}

void
patch_aarch64_21r(unsigned char *location, uint64_t value)
{
    uint32_t word = read_32(location);
    REQUIRE(is_adrp(word), "not an adrp");
    int64_t pages = (int64_t)((value >> 12) - ((uintptr_t)location >> 12));
    REQUIRE(fits_signed(pages, 21), "page is more than 4 GiB away");
    word = with_bits(word, 29, 2, (uint64_t)pages);
    word = with_bits(word, 5, 19, (uint64_t)pages >> 2);
    write_32(location, word);
}

int
patch_aarch64_26r_reaches(const unsigned char *location, uint64_t value)
{
    return fits_signed(distance(location, value), 28);
}

void
patch_aarch64_26r(unsigned char *location, uint64_t value)
{
    uint32_t word = read_32(location);
    REQUIRE(is_branch(word), "not a branch");
    REQUIRE(patch_aarch64_26r_reaches(location, value), "target is more than 128 MiB away");
    int64_t offset = distance(location, value);
    REQUIRE((offset & 3) == 0, "target is not aligned to 4 bytes");
    write_32(location, with_bits(word, 0, 26, (uint64_t)offset >> 2));
}

// x16 is the register that the calling convention leaves to such code between caller and callee.
void
patch_aarch64_write_trampoline(unsigned char *trampoline, uint64_t value)
{
    write_32(trampoline, 0x58000050);      // ldr x16, .+8
    write_32(trampoline + 4, 0xD61F0200);  // br x16
    write_64(trampoline + 8, value);
}
