#ifndef Py_OBJECT_H
#define Py_OBJECT_H

// A header that includes a header, which the template does not name.
#include "refcount.h"

typedef struct {
    int64_t refcount;
    int64_t value;
} PyObject;

static inline void
Py_INCREF(PyObject *object)
{
    assert(object->refcount > 0);
    object->refcount += MINI_REFERENCE;
}

#endif
