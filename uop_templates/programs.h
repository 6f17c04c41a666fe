#ifndef CP_PROGRAMS_H
#define CP_PROGRAMS_H

#include <stddef.h>
#include <stdint.h>

// A program to run, with what must come out: the value of `return_value`, or "error: " and the
// text of the error that ended it.
typedef struct {
    const char *name;
    const char *summary;
    const char *text;
    int64_t quick_input;
    const char *quick_result;
    int64_t full_input;
    const char *full_result;
} cp_example;

// Programs that do real work, worth timing.
extern const cp_example cp_examples[];
extern const size_t cp_example_count;

// Short ones without a loop that matters: between them they use every uop and every way to fail.
extern const cp_example cp_conformance[];
extern const size_t cp_conformance_count;

#endif
