#ifndef Py_INTERNAL_MINI_H
#define Py_INTERNAL_MINI_H

#include "object.h"
#include "pycore_uop_ids.h"

typedef uint16_t _Py_CODEUNIT;

typedef struct {
    PyObject **stackpointer;
    _Py_CODEUNIT *code;
    PyObject *locals[8];
} _PyInterpreterFrame;

typedef struct {
    PyObject *current_executor;
    const char *error;
    const void *names;
    double number;
    int64_t counts[4];
} PyThreadState;

typedef _Py_CODEUNIT *(*jit_func)(_PyInterpreterFrame *, PyObject **, PyThreadState *);

typedef struct {
    PyObject base;
    void *jit_side_entry;
} _PyExecutorObject;

PyAPI_DATA(int) mini_interrupt;
PyAPI_DATA(PyObject) mini_none;
PyAPI_FUNC(PyObject *) mini_add(PyThreadState *tstate, PyObject *left, PyObject *right);
PyAPI_FUNC(void) mini_raise(PyThreadState *tstate, const char *message);
PyAPI_FUNC(double) mini_sqrt(double number);

// Stays out of line: a stencil of its own function and a helper.
static __attribute__((noinline)) int64_t
mini_mix(int64_t value, int64_t salt)
{
    assert(value != salt);
    value ^= salt << 7;
    value *= 0x9E3779B97F4A7C15;
    return value ^ value >> 31;
}

static inline int64_t
mini_local_value(_PyInterpreterFrame *frame, int index)
{
    // In a debug build, the line of this assert and the name of this file are in the stencil.
    assert(frame->locals[index] != NULL);
    return frame->locals[index]->value;
}

#endif
