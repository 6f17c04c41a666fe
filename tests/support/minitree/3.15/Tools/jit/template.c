#include "Python.h"

#include "pycore_mini.h"

#include "ceval_macros.h"

#include "jit.h"

// Where the target has them, constants are as small as what they hold.
#if SUPPORTS_SMALL_CONSTS
#define CURRENT_OPARG() (_oparg_16)
#define CURRENT_OPERAND1() (_operand1_32)
#else
#define CURRENT_OPARG() (_oparg)
#define CURRENT_OPERAND1() (_operand1)
#endif
#define CURRENT_OPERAND0() (_operand0)
#define CURRENT_TARGET() (_target)

#define GOTO_TIER_TWO(EXECUTOR)                                              \
    do {                                                                     \
        _PyExecutorObject *next = (EXECUTOR);                                \
        jit_func_preserve_none jitted = (jit_func_preserve_none)next->jit_side_entry; \
        __attribute__((musttail)) return jitted(next, frame, stack_pointer, tstate);  \
    } while (0)

#define GOTO_TIER_ONE(TARGET)                \
    do {                                     \
        frame->stackpointer = stack_pointer; \
        return (TARGET);                     \
    } while (0)

#define PATCH_JUMP(ALIAS)                                                                       \
    do {                                                                                        \
        DECLARE_TARGET(ALIAS);                                                                  \
        __attribute__((musttail)) return ALIAS(current_executor, frame, stack_pointer, tstate); \
    } while (0)

#define JUMP_TO_JUMP_TARGET() PATCH_JUMP(_JIT_JUMP_TARGET)
#define JUMP_TO_ERROR() PATCH_JUMP(_JIT_ERROR_TARGET)

__attribute__((preserve_none)) _Py_CODEUNIT *
_JIT_ENTRY(_PyExecutorObject *executor, _PyInterpreterFrame *frame, PyObject **stack_pointer, PyThreadState *tstate)
{
    _PyExecutorObject *current_executor = executor;
    int oparg;
    int uopcode = _JIT_OPCODE;
#if SIZEOF_VOID_P == 8
    PATCH_VALUE(uint64_t, _operand0, _JIT_OPERAND0)
    PATCH_VALUE(uint64_t, _operand1, _JIT_OPERAND1)
#else
    PATCH_VALUE(uint32_t, _operand0_hi, _JIT_OPERAND0_HI)
    PATCH_VALUE(uint32_t, _operand0_lo, _JIT_OPERAND0_LO)
    uint64_t _operand0 = (uint64_t)_operand0_hi << 32 | _operand0_lo;
    PATCH_VALUE(uint32_t, _operand1_hi, _JIT_OPERAND1_HI)
    PATCH_VALUE(uint32_t, _operand1_lo, _JIT_OPERAND1_LO)
    uint64_t _operand1 = (uint64_t)_operand1_hi << 32 | _operand1_lo;
#endif
#if SUPPORTS_SMALL_CONSTS
    PATCH_VALUE(uint32_t, _operand1_32, _JIT_OPERAND1_32)
    PATCH_VALUE(uint16_t, _oparg_16, _JIT_OPARG_16)
#else
    PATCH_VALUE(uint16_t, _oparg, _JIT_OPARG)
#endif
    PATCH_VALUE(uint32_t, _target, _JIT_TARGET)
    switch (uopcode) {
        CASE
        default:
            Py_UNREACHABLE();
    }
    PATCH_JUMP(_JIT_CONTINUE);
}
