#ifndef CP_PATCH_H
#define CP_PATCH_H

// The patch functions: each fills one kind of hole, as a linker would resolve one kind of
// relocation. The generated header calls them by name. They know nothing of the VM and of the
// machine that they run on, so that all of them can be tested anywhere.
//
// `location` is the hole, in memory that is still writable and already at its final address.
// A value that doesn't fit is an error of the build or of the memory layout, never of the program
// that is being compiled; it is reported to the failure handler, and nothing is written.

#include <stdint.h>

// Absolute and relative values, for data and for x86.
void patch_32(unsigned char *location, uint64_t value);
void patch_32r(unsigned char *location, uint64_t value);
void patch_64(unsigned char *location, uint64_t value);

// A 32-bit relative offset to an entry of the data's table of addresses; value is that of the
// entry, minus 4. Relaxes the load of the address into the address itself where it is near.
void patch_x86_64_32rx(unsigned char *location, uint64_t value);

// The low 12 bits of an address, for an add, a load or a store.
void patch_aarch64_12(unsigned char *location, uint64_t value);
// 16 bits of a value, for one of the four moves that build it.
void patch_aarch64_16a(unsigned char *location, uint64_t value);
void patch_aarch64_16b(unsigned char *location, uint64_t value);
void patch_aarch64_16c(unsigned char *location, uint64_t value);
void patch_aarch64_16d(unsigned char *location, uint64_t value);
// The distance in pages, for an adrp.
void patch_aarch64_21r(unsigned char *location, uint64_t value);
// The distance in instructions, for a branch or a call.
void patch_aarch64_26r(unsigned char *location, uint64_t value);

// Whether patch_aarch64_26r can reach from location to value.
int patch_aarch64_26r_reaches(const unsigned char *location, uint64_t value);
// Writes the code that jumps to any 64-bit address.
#define PATCH_AARCH64_TRAMPOLINE_SIZE 16
void patch_aarch64_write_trampoline(unsigned char *trampoline, uint64_t value);

// Told what is wrong. The default prints it and aborts; one that returns lets the caller go on
// with the hole unpatched, which suits a test and nothing else.
typedef void (*patch_failure_handler)(
    const char *function, const char *reason, const unsigned char *location, uint64_t value);
void patch_set_failure_handler(patch_failure_handler handler);

#endif
