#ifndef Py_PYPORT_H
#define Py_PYPORT_H

// What stdint.h, stddef.h and assert.h would give, if every target had them here.
typedef __UINT8_TYPE__ uint8_t;
typedef __UINT16_TYPE__ uint16_t;
typedef __UINT32_TYPE__ uint32_t;
typedef __UINT64_TYPE__ uint64_t;
typedef __INT64_TYPE__ int64_t;
typedef __UINTPTR_TYPE__ uintptr_t;
#define NULL ((void *)0)

// 64-bit Windows reaches another module's symbols through an import slot, and only if it is told to.
#if defined(_WIN32) && !defined(Py_NO_ENABLE_SHARED)
    #define PyAPI_FUNC(TYPE) __declspec(dllimport) TYPE
    #define PyAPI_DATA(TYPE) extern __declspec(dllimport) TYPE
#else
    #define PyAPI_FUNC(TYPE) TYPE
    #define PyAPI_DATA(TYPE) extern TYPE
#endif

#ifdef NDEBUG
    #define assert(CONDITION) ((void)0)
#else
    PyAPI_FUNC(void) mini_assert_failed(const char *condition, const char *file, int line, const char *function);
    #define assert(CONDITION) \
        ((CONDITION) ? (void)0 : mini_assert_failed(#CONDITION, __FILE__, __LINE__, __func__))
#endif

#define Py_UNREACHABLE() __builtin_unreachable()

// Nothing uses this one.
#define MINI_UNUSED 1

#endif
