// What every jitted function takes. It is named apart from minitree's jit_func, which has no executor.
typedef _Py_CODEUNIT *(__attribute__((preserve_none)) *jit_func_preserve_none)(
    _PyExecutorObject *, _PyInterpreterFrame *, PyObject **, PyThreadState *);

#define PATCH_VALUE(TYPE, NAME, ALIAS) \
    PyAPI_DATA(void) ALIAS;            \
    TYPE NAME = (TYPE)(uintptr_t)&ALIAS;

#define DECLARE_TARGET(NAME)                                                     \
    _Py_CODEUNIT *__attribute__((preserve_none, visibility("hidden"))) NAME(     \
        _PyExecutorObject *executor, _PyInterpreterFrame *frame, PyObject **stack_pointer, PyThreadState *tstate);
