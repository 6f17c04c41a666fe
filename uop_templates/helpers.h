#ifndef CP_HELPERS_H
#define CP_HELPERS_H

// What uops call and read outside of their own code: each name here that a uop uses becomes a hole
// with a symbol. Functions that can fail return NULL after they have set the thread's error.

#include "vm.h"

// Set from outside (a signal, say) to stop a program at its next _CHECK_EVENTS.
CP_API volatile int32_t cp_interrupt_requested;

CP_API void cp_raise(cp_thread *thread, const char *text, uint32_t position);
CP_API void cp_raise_index(cp_thread *thread, const char *what, int64_t index, uint32_t position);
CP_API void cp_assert_failed(const char *condition, const char *file, int line);

// Division and remainder towards minus infinity. The divisor is not zero.
CP_API int64_t cp_int_divide(int64_t left, int64_t right);
CP_API int64_t cp_int_modulo(int64_t left, int64_t right);
CP_API double cp_float_sqrt(double value);

CP_API cp_array *cp_new_array(cp_thread *thread, int64_t size, uint32_t position);
CP_API const cp_string *cp_new_string(cp_thread *thread, const char *text);
CP_API const cp_string *cp_int_to_string(cp_thread *thread, int64_t value);
CP_API const cp_string *cp_string_concat(
    cp_thread *thread, const cp_string *left, const cp_string *right);
CP_API int64_t cp_string_equal(const cp_string *left, const cp_string *right);

// The executor that a hot exit should go to, compiled now if need be; NULL while it is cold.
CP_API const cp_executor *cp_warm_exit(cp_thread *thread, cp_exit *exit);

// Not for uops: ends a run.
CP_API void cp_free_blocks(cp_thread *thread);

#endif
