#include "Python.h"

#include "pycore_mini.h"

#include "jit.h"

_Py_CODEUNIT *
_PyJIT_Entry(_PyExecutorObject *executor, _PyInterpreterFrame *frame, PyObject **stack_pointer, PyThreadState *tstate)
{
    jit_func_preserve_none call = (jit_func_preserve_none)executor->jit_side_entry;
    return call(executor, frame, stack_pointer, tstate);
}
