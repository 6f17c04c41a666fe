// The C file that every stencil is compiled from. The build puts one case of executor_cases.c.h
// into the switch below and defines _JIT_OPCODE as its name; the optimiser folds the switch away.

#include <stdint.h>

#include "helpers.h"
#include "template.h"
#include "uop_ids.h"
#include "vm.h"

#define GETLOCAL(INDEX) (frame->locals[INDEX])

#define CURRENT_OPARG() (_oparg)
#define CURRENT_OPERAND0() (_operand0)
#define CURRENT_OPERAND1() (_operand1)
#define CURRENT_TARGET() (_target)

// Every jump is a guaranteed tail call: stencils never return to each other, so a trace of any
// length needs the stack space of one.
#define TAIL_CALL(FUNCTION) \
    __attribute__((musttail)) return (FUNCTION)(frame, stack_pointer, thread)

#define PATCH_JUMP(SYMBOL)                                  \
    do {                                                    \
        PATCH_VALUE(cp_stencil_function, _jump, SYMBOL)     \
        TAIL_CALL(_jump);                                   \
    } while (0)

#define JUMP_TO_JUMP_TARGET() PATCH_JUMP(_JIT_JUMP_TARGET)
#define JUMP_TO_ERROR() PATCH_JUMP(_JIT_ERROR_TARGET)
#define JUMP_TO_TOP() PATCH_JUMP(_JIT_TOP)

// To the interpreter: return to whoever called the shim.
#define GOTO_TIER_ONE(INDEX)                   \
    do {                                       \
        thread->current_executor = NULL;       \
        frame->stack_pointer = stack_pointer;  \
        return (INDEX);                        \
    } while (0)

// To another trace: past its shim, since its registers are set up already.
#define GOTO_TIER_TWO(EXECUTOR)                                               \
    do {                                                                      \
        const unsigned char *_side_entry = (EXECUTOR)->side_entry;            \
        TAIL_CALL((cp_stencil_function)(uintptr_t)_side_entry);               \
    } while (0)

__attribute__((preserve_none)) uint32_t
_JIT_ENTRY(cp_frame *frame, cp_value *stack_pointer, cp_thread *thread)
{
    // The names that the cases use. What a case does not use costs nothing.
    const int uopcode = _JIT_OPCODE;
    PATCH_VALUE(const cp_executor *, current_executor, _JIT_EXECUTOR)
    PATCH_VALUE(uint16_t, _oparg, _JIT_OPARG)
    PATCH_VALUE(uint32_t, _target, _JIT_TARGET)
#if UINTPTR_MAX > UINT32_MAX
    PATCH_VALUE(uint64_t, _operand0, _JIT_OPERAND0)
    PATCH_VALUE(uint64_t, _operand1, _JIT_OPERAND1)
#else
    // An address has room for half an operand only.
    PATCH_VALUE(uint32_t, _operand0_hi, _JIT_OPERAND0_HI)
    PATCH_VALUE(uint32_t, _operand0_lo, _JIT_OPERAND0_LO)
    PATCH_VALUE(uint32_t, _operand1_hi, _JIT_OPERAND1_HI)
    PATCH_VALUE(uint32_t, _operand1_lo, _JIT_OPERAND1_LO)
    const uint64_t _operand0 = (uint64_t)_operand0_hi << 32 | _operand0_lo;
    const uint64_t _operand1 = (uint64_t)_operand1_hi << 32 | _operand1_lo;
#endif
    switch (uopcode) {
        // The uop's own code replaces this word:
        CASE
        default:
            __builtin_unreachable();
    }
    // Falling through to the next uop: a jump over nothing, which the build removes.
    PATCH_JUMP(_JIT_CONTINUE);
}
