#ifndef CP_VM_H
#define CP_VM_H

// The types that the stencils, the interpreter and the JIT share.
//
// Stencils are compiled for targets whose system headers are not there, so this file, helpers.h
// and everything else that template.c includes is freestanding: it needs a compiler, no libc.

#include <stddef.h>
#include <stdint.h>

#include "uop_ids.h"

// A stencil reaches every outside symbol through an address that the JIT writes down for it.
// 64-bit Windows reaches a symbol that way only if it is declared as imported from a DLL.
#if defined(_WIN64) && defined(_JIT_OPCODE)
    #define CP_API extern __declspec(dllimport)
#else
    #define CP_API extern
#endif

#define CP_MAX_PROGRAM_LENGTH 1024
#define CP_MAX_TRACE_LENGTH 2048
#define CP_MAX_LOCALS 256
#define CP_STACK_SIZE 64
#define CP_ERROR_SIZE 128

typedef enum { CP_INT, CP_FLOAT, CP_STRING, CP_ARRAY } cp_kind;

typedef struct {
    int64_t size;
    char bytes[];
} cp_string;

typedef struct cp_array cp_array;

// A value carries no tag: a uop knows what it works on. Arrays do record the kind of each item,
// and that is where guards on kinds have something to check.
typedef union {
    int64_t i;
    double f;
    const cp_string *s;
    cp_array *a;
    uint64_t bits;
} cp_value;

struct cp_array {
    int64_t size;
    unsigned char *kinds;
    cp_value *items;
};

// One uop with its operands. A program is an array of these, and so is a trace. `jump_target` and
// `error_target` are indexes into that same array. `target` is always an index into the program:
// the place that an error is blamed on, or where the interpreter goes on.
typedef struct {
    uint16_t opcode;
    uint16_t oparg;
    uint16_t jump_target;
    uint16_t error_target;
    uint32_t target;
    uint64_t operand0;
    uint64_t operand1;
} cp_instruction;

typedef struct {
    cp_value *stack_pointer;  // only valid while no code that keeps it in a register runs
    const cp_instruction *code;
    cp_value locals[CP_MAX_LOCALS];
    cp_value stack[CP_STACK_SIZE];
} cp_frame;

typedef struct cp_executor cp_executor;
typedef struct cp_tracer cp_tracer;
typedef struct cp_block cp_block;

typedef struct {
    const cp_executor *current_executor;  // NULL while the interpreter runs
    cp_tracer *tracer;                    // NULL: interpret, and compile nothing
    cp_block *blocks;                     // arrays and strings, freed after the run
    cp_value result;
    cp_kind result_kind;
    char error[CP_ERROR_SIZE];
} cp_thread;

// A way out of a trace. It begins cold and goes to the interpreter; once it is hot the code at its
// target becomes a trace of its own, and from then on the jump goes straight there.
typedef struct {
    const cp_executor *executor;
    uint32_t target;
    uint32_t visits;
} cp_exit;

// Compiled code returns the index of the program's instruction to go on with, or one of these.
#define CP_DONE UINT32_MAX
#define CP_ERROR (UINT32_MAX - 1)
#define CP_IS_STATUS(INDEX) ((INDEX) >= CP_ERROR)

typedef uint32_t (*cp_entry)(cp_frame *frame, cp_value *stack_pointer, cp_thread *thread);

// A compiled trace. The C compiler of the run time need not know the calling convention of the
// stencils, so the entry for jumps from other traces is untyped here; template.h gives it a type.
struct cp_executor {
    cp_entry entry;             // the shim: callable from C
    unsigned char *side_entry;  // the first uop: only for jumps from stencils
    unsigned char *memory;
    size_t memory_size;
    size_t code_size;
    size_t data_size;
    uint32_t head;  // where in the program the trace begins
    cp_exit *exits;
    size_t exit_count;
    cp_executor *next;
};

#ifdef _DEBUG
    #define cp_assert(CONDITION) \
        ((CONDITION) ? (void)0 : cp_assert_failed(#CONDITION, __FILE__, __LINE__))
#else
    #define cp_assert(CONDITION) ((void)0)
#endif

#endif
