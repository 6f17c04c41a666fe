#ifndef CP_INTERPRETER_H
#define CP_INTERPRETER_H

#include "program.h"
#include "tracer.h"
#include "vm.h"

// Runs a program with `input` as its first local. With a tracer, hot code is compiled and run as
// machine code; with NULL all of it is interpreted. Returns CP_DONE, and the result is in the
// thread, or CP_ERROR, and the error is. The caller frees the thread's blocks.
uint32_t cp_run(cp_thread *thread, const cp_program *program, int64_t input, cp_tracer *tracer);

#endif
