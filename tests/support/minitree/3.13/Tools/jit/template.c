#include "Python.h"

#include "pycore_mini.h"

#include "ceval_macros.h"

#define CURRENT_OPARG() (_oparg)
#define CURRENT_TARGET() (_target)
// 3.13 has one operand; the index of an exit is the other number that a uop can carry.
#define CURRENT_OPERAND0() (_operand)
#define CURRENT_OPERAND1() (_exit_index)

#define GOTO_TIER_TWO(EXECUTOR)            \
    do {                                   \
        __attribute__((musttail))          \
        return ((jit_func)((EXECUTOR)->jit_side_entry))(frame, stack_pointer, tstate); \
    } while (0)

#define GOTO_TIER_ONE(TARGET)                \
    do {                                     \
        frame->stackpointer = stack_pointer; \
        return (TARGET);                     \
    } while (0)

#define PATCH_VALUE(TYPE, NAME, ALIAS) \
    PyAPI_DATA(void) ALIAS;            \
    TYPE NAME = (TYPE)(uintptr_t)&ALIAS;

#define PATCH_JUMP(ALIAS)                                        \
    do {                                                         \
        PyAPI_DATA(void) ALIAS;                                  \
        __attribute__((musttail))                                \
        return ((jit_func)&ALIAS)(frame, stack_pointer, tstate); \
    } while (0)

#define JUMP_TO_JUMP_TARGET() PATCH_JUMP(_JIT_JUMP_TARGET)
#define JUMP_TO_ERROR() PATCH_JUMP(_JIT_ERROR_TARGET)

_Py_CODEUNIT *
_JIT_ENTRY(_PyInterpreterFrame *frame, PyObject **stack_pointer, PyThreadState *tstate)
{
    PATCH_VALUE(_PyExecutorObject *, current_executor, _JIT_EXECUTOR)
    int oparg;
    int uopcode = _JIT_OPCODE;
    PATCH_VALUE(uint16_t, _oparg, _JIT_OPARG)
#if SIZEOF_VOID_P == 8
    PATCH_VALUE(uint64_t, _operand, _JIT_OPERAND)
#else
    PATCH_VALUE(uint32_t, _operand_hi, _JIT_OPERAND_HI)
    PATCH_VALUE(uint32_t, _operand_lo, _JIT_OPERAND_LO)
    uint64_t _operand = (uint64_t)_operand_hi << 32 | _operand_lo;
#endif
    PATCH_VALUE(uint32_t, _target, _JIT_TARGET)
    PATCH_VALUE(uint16_t, _exit_index, _JIT_EXIT_INDEX)
    switch (uopcode) {
#include "executor_cases.c.h"
        default:
            Py_UNREACHABLE();
    }
    PATCH_JUMP(_JIT_CONTINUE);
}
