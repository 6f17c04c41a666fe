#ifndef CP_TRACER_H
#define CP_TRACER_H

#include "program.h"
#include "vm.h"

// Decides what is worth compiling: counts the visits of loops and of the exits of traces, turns the
// code behind a hot one into a trace, and owns the executors.

typedef struct {
    uint32_t loop_threshold;  // visits after which a loop is compiled
    uint32_t exit_threshold;  // visits after which the code behind an exit is compiled
    int count_executions;     // put a _COUNT_EXECUTION before every uop
    int far_memory;           // leave it to the system where traces are, instead of near helpers
    int print_traces;
} cp_tracer_options;

struct cp_tracer {
    const cp_program *program;
    cp_tracer_options options;
    cp_executor *executors;                         // all of them, newest first
    cp_executor *by_head[CP_MAX_PROGRAM_LENGTH];    // by the index where they begin
    uint32_t loop_visits[CP_MAX_PROGRAM_LENGTH];
    uint64_t executions[CP_UOP_COUNT];              // only with count_executions
    size_t trace_count;
    size_t code_size;
    size_t data_size;
    size_t linked_exits;                            // exits that jump to another trace
};

void cp_tracer_init(cp_tracer *tracer, const cp_program *program, cp_tracer_options options);
void cp_tracer_free(cp_tracer *tracer);

// The interpreter is about to jump backwards to this index: the executor to enter, or NULL.
const cp_executor *cp_tracer_visit_loop(cp_tracer *tracer, uint32_t index);

// A trace is being left by an exit that leads nowhere yet: the executor to enter, or NULL.
const cp_executor *cp_tracer_visit_exit(cp_tracer *tracer, cp_exit *exit);

#endif
