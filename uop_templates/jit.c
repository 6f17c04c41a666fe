// The copy-and-patch compiler. It knows no instruction set: the machine code comes from the
// generated jit_stencils.h, as one emit function per uop that copies the stencil's code and data
// and then calls a patch function for each of its holes. What is left to do here is to decide where
// everything goes.

#define _DEFAULT_SOURCE  // MAP_ANONYMOUS

#include "jit.h"

#include <assert.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "helpers.h"
#include "patch.h"

// What the generated header expects ///////////////////////////////////////////////////////////////

// One bit for each outside function that code reaches through a trampoline.
#define SYMBOL_MASK_WORDS 4
typedef uint32_t symbol_mask[SYMBOL_MASK_WORDS];

typedef struct {
    unsigned char *memory;
    size_t size;
    symbol_mask mask;
} trampoline_state;

typedef struct {
    trampoline_state trampolines;
    uintptr_t instruction_starts[CP_MAX_TRACE_LENGTH];
} jit_state;

void patch_aarch64_trampoline(unsigned char *location, int ordinal, jit_state *state);

// An emit function takes all that any of them could need.
#if defined(__GNUC__)
    #pragma GCC diagnostic push
    #pragma GCC diagnostic ignored "-Wunused-parameter"
#endif
#include "jit_stencils.h"
#if defined(__GNUC__)
    #pragma GCC diagnostic pop
#endif

// Trampolines /////////////////////////////////////////////////////////////////////////////////////

#if defined(__aarch64__)
    #define TRAMPOLINE_SIZE PATCH_AARCH64_TRAMPOLINE_SIZE
#else
    #define TRAMPOLINE_SIZE 0
#endif

static void
add_symbols(symbol_mask mask, const symbol_mask added)
{
    for (size_t i = 0; i < SYMBOL_MASK_WORDS; i++) {
        mask[i] |= added[i];
    }
}

// How many symbols with an ordinal below this one are in the mask.
static size_t
count_symbols_below(const symbol_mask mask, int ordinal)
{
    size_t count = 0;
    for (int i = 0; i < ordinal / 32; i++) {
        count += (size_t)__builtin_popcount(mask[i]);
    }
    if (ordinal % 32 != 0) {
        uint32_t below = ((uint32_t)1 << ordinal % 32) - 1;
        count += (size_t)__builtin_popcount(mask[ordinal / 32] & below);
    }
    return count;
}

// AArch64's call reaches 128 MiB, and helpers may be further away than that. A trace has one
// trampoline for each helper that it calls; all calls of that helper share it.
void
patch_aarch64_trampoline(unsigned char *location, int ordinal, jit_state *state)
{
    uint64_t value = (uintptr_t)symbols_map[ordinal];
    if (!patch_aarch64_26r_reaches(location, value)) {
        size_t offset = count_symbols_below(state->trampolines.mask, ordinal) * TRAMPOLINE_SIZE;
        assert(offset < state->trampolines.size);
        unsigned char *trampoline = state->trampolines.memory + offset;
        patch_aarch64_write_trampoline(trampoline, value);
        value = (uintptr_t)trampoline;
    }
    patch_aarch64_26r(location, value);
}

// Memory //////////////////////////////////////////////////////////////////////////////////////////

static size_t
round_up(size_t size, size_t unit)
{
    return (size + unit - 1) / unit * unit;
}

// A place that is likely to be free and in reach of the helpers for a direct call on every target
// (128 MiB on AArch64). It is a hint: where the system can't follow it, calls go the long way.
static void *
near_hint(size_t size)
{
    static uintptr_t lowest;  // of the memory handed out so far
    const uintptr_t gap = (uintptr_t)16 << 20;
    const uintptr_t room = (uintptr_t)64 << 20;
    uintptr_t here = (uintptr_t)&cp_raise & ~(((uintptr_t)1 << 16) - 1);
    if (here < gap + room) {
        return NULL;
    }
    if (lowest < here - gap - room + size) {
        lowest = here - gap;
    }
    lowest -= size;
    return (void *)lowest;
}

static unsigned char *
allocate(size_t size, int near)
{
    void *memory = mmap(near ? near_hint(size) : NULL, size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

// Memory is never writable and executable at once. The processor may still hold stale instructions
// for these addresses; x86 looks after that itself, most others don't.
static int
protect(unsigned char *memory, size_t code_size, size_t data_size)
{
    __builtin___clear_cache((char *)memory, (char *)memory + code_size);
    if (mprotect(memory, code_size, PROT_READ | PROT_EXEC) != 0) {
        return -1;
    }
    return data_size == 0 ? 0 : mprotect(memory + code_size, data_size, PROT_READ);
}

// Layout //////////////////////////////////////////////////////////////////////////////////////////

static void
emit(const StencilGroup *group, unsigned char **code, unsigned char **data,
     const cp_executor *executor, const cp_instruction *instruction, jit_state *state)
{
    group->emit(*code, *data, executor, instruction, state);
    *code += group->code_size;
    *data += group->data_size;
}

// The memory of a trace, in whole pages:
//
//   | shim | uop 0 | uop 1 | ... | trampolines |      | shim | uop 0 | uop 1 | ... |
//   '---------- code: read and execute --------'------'-------- data: read --------'
//
// One mapping, because code reaches its data by 32-bit offsets.
int
cp_jit_compile(cp_executor *executor, const cp_instruction *trace, size_t length, int near)
{
    assert(0 < length && length <= CP_MAX_TRACE_LENGTH);

    // First pass: sizes, and where each uop will start. Jumps forward need that before the code
    // they jump to exists.
    jit_state state = {0};
    size_t code_size = shim.code_size;
    size_t data_size = shim.data_size;
    add_symbols(state.trampolines.mask, shim.trampoline_mask);
    for (size_t i = 0; i < length; i++) {
        const StencilGroup *group = &stencil_groups[trace[i].opcode];
        state.instruction_starts[i] = code_size;
        code_size += group->code_size;
        data_size += group->data_size;
        add_symbols(state.trampolines.mask, group->trampoline_mask);
    }
    state.trampolines.size =
        count_symbols_below(state.trampolines.mask, 32 * SYMBOL_MASK_WORDS) * TRAMPOLINE_SIZE;

    size_t page_size = (size_t)sysconf(_SC_PAGESIZE);
    size_t data_start = round_up(code_size + state.trampolines.size, page_size);
    size_t memory_size = data_start + round_up(data_size, page_size);
    unsigned char *memory = allocate(memory_size, near);
    if (memory == NULL) {
        return -1;
    }

    // Second pass: copy and patch. Holes are filled for the address where the code is now, so it
    // can't be written somewhere else and moved here.
    for (size_t i = 0; i < length; i++) {
        state.instruction_starts[i] += (uintptr_t)memory;
    }
    state.trampolines.memory = memory + code_size;
    unsigned char *code = memory;
    unsigned char *data = memory + data_start;
    emit(&shim, &code, &data, executor, NULL, &state);
    for (size_t i = 0; i < length; i++) {
        emit(&stencil_groups[trace[i].opcode], &code, &data, executor, &trace[i], &state);
    }
    assert(code == memory + code_size);
    assert(data == memory + data_start + data_size);

    if (protect(memory, data_start, memory_size - data_start) != 0) {
        munmap(memory, memory_size);
        return -1;
    }
    executor->entry = (cp_entry)(uintptr_t)memory;
    executor->side_entry = memory + shim.code_size;
    executor->memory = memory;
    executor->memory_size = memory_size;
    executor->code_size = code_size + state.trampolines.size;
    executor->data_size = data_size;
    return 0;
}

void
cp_jit_free(cp_executor *executor)
{
    munmap(executor->memory, executor->memory_size);
    executor->entry = NULL;
    executor->side_entry = NULL;
    executor->memory = NULL;
}

size_t
cp_jit_stencil_code_size(uint16_t opcode)
{
    return stencil_groups[opcode].code_size;
}
