#ifndef Py_REFCOUNT_H
#define Py_REFCOUNT_H

#define MINI_REFERENCE 1

#endif
