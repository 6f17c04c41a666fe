#ifndef CP_JIT_H
#define CP_JIT_H

#include "vm.h"

// Makes a trace executable: fills in the executor's entry points and sizes. Its other fields stay.
// Returns 0, or -1 with errno set if the system gives no memory.
//
// With `near`, the memory is sought close to this program's own code, so that calls of helpers can
// be direct; without, it is wherever the system likes. The trace does the same in either case.
int cp_jit_compile(
    cp_executor *executor, const cp_instruction *trace, size_t length, int near);

// Unmaps what cp_jit_compile mapped.
void cp_jit_free(cp_executor *executor);

// How many bytes of code a uop is.
size_t cp_jit_stencil_code_size(uint16_t opcode);

#endif
