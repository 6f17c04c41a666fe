#include "Python.h"

#include "pycore_mini.h"

_Py_CODEUNIT *
_ENTRY(_PyInterpreterFrame *frame, PyObject **stack_pointer, PyThreadState *tstate)
{
    PyAPI_DATA(void) _JIT_EXECUTOR;
    PyAPI_DATA(void) _JIT_CONTINUE;
    PyObject *executor = (PyObject *)(uintptr_t)&_JIT_EXECUTOR;
    Py_INCREF(executor);
    _Py_CODEUNIT *target = ((jit_func)&_JIT_CONTINUE)(frame, stack_pointer, tstate);
    tstate->current_executor = executor;
    return target;
}
