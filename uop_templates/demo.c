// Runs programs through the interpreter and through the JIT, checks that both give the known
// result, and prints how long each took.

#define _POSIX_C_SOURCE 200809L  // clock_gettime

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "helpers.h"
#include "interpreter.h"
#include "programs.h"
#include "tracer.h"
#include "uop_table.h"

// Long enough for a trace to be worth its compilation; short enough that the quick inputs get hot.
static const cp_tracer_options when_hot = {.loop_threshold = 32, .exit_threshold = 8};

// Compiles all code before it first runs, and counts what is executed. The memory is far away from
// the helpers, so that the long forms of calls are run as well.
static const cp_tracer_options at_once = {
    .loop_threshold = 1, .exit_threshold = 1, .count_executions = 1, .far_memory = 1};

#define RESULT_SIZE 1024

typedef struct {
    char result[RESULT_SIZE];
    double milliseconds;
} outcome;

static struct {
    int quick;
    int print_traces;
    int failures;
    uint64_t executions[CP_UOP_COUNT];  // by compiled code, over all programs
} demo;

static double
now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

static void
write_result(char *result, const cp_thread *thread, uint32_t status)
{
    if (status == CP_ERROR) {
        snprintf(result, RESULT_SIZE, "error: %s", thread->error);
        return;
    }
    switch (thread->result_kind) {
        case CP_INT:
            snprintf(result, RESULT_SIZE, "%" PRId64, thread->result.i);
            break;
        case CP_FLOAT:
            // With 17 digits, equal text means equal bits.
            snprintf(result, RESULT_SIZE, "%.17g", thread->result.f);
            break;
        case CP_STRING:
            snprintf(result, RESULT_SIZE, "%s", thread->result.s->bytes);
            break;
        case CP_ARRAY:
            snprintf(result, RESULT_SIZE, "array of %" PRId64, thread->result.a->size);
            break;
    }
}

static outcome
run(const cp_program *program, int64_t input, cp_tracer *tracer)
{
    outcome end;
    cp_thread thread;
    double start = now();
    uint32_t status = cp_run(&thread, program, input, tracer);
    end.milliseconds = now() - start;
    write_result(end.result, &thread, status);
    cp_free_blocks(&thread);
    return end;
}

static void
check(const char *program, const char *how, const char *result, const char *expected)
{
    if (strcmp(result, expected) != 0) {
        printf("FAILED: %s, %s\n    expected  %s\n    got       %s\n",
               program, how, expected, result);
        demo.failures += 1;
    }
}

// The ordinary JIT leaves cold code to the interpreter, so each program runs once more with all of
// it compiled, and counted.
static void
run_at_once(const cp_example *example, const cp_program *program, int print_traces)
{
    cp_tracer_options options = at_once;
    options.print_traces = print_traces;
    cp_tracer tracer;
    cp_tracer_init(&tracer, program, options);
    outcome compiled = run(program, example->quick_input, &tracer);
    check(example->name, "compiled at once", compiled.result, example->quick_result);
    for (int opcode = 0; opcode < CP_UOP_COUNT; opcode++) {
        demo.executions[opcode] += tracer.executions[opcode];
        demo.executions[_COUNT_EXECUTION] += tracer.executions[opcode];
    }
    cp_tracer_free(&tracer);
}

static void
print_row(const char *name, const char *result, double interpreter, double jit,
          const cp_tracer *tracer)
{
    printf("%-11s %10.1f %9.1f %7.2f %7zu %7zu %7zu  %s\n", name, interpreter, jit,
           interpreter / jit, tracer->trace_count, tracer->linked_exits,
           tracer->code_size + tracer->data_size, result);
    fflush(stdout);
}

static void
run_example(const cp_example *example)
{
    cp_program *program = cp_assemble(example->name, example->text);
    int64_t input = demo.quick ? example->quick_input : example->full_input;
    const char *expected = demo.quick ? example->quick_result : example->full_result;

    outcome interpreted = run(program, input, NULL);
    cp_tracer_options options = when_hot;
    options.print_traces = demo.print_traces;
    cp_tracer tracer;
    cp_tracer_init(&tracer, program, options);
    outcome compiled = run(program, input, &tracer);

    check(example->name, "interpreter", interpreted.result, expected);
    check(example->name, "JIT", compiled.result, expected);
    print_row(example->name, compiled.result, interpreted.milliseconds, compiled.milliseconds,
              &tracer);
    cp_tracer_free(&tracer);
    run_at_once(example, program, 0);
    cp_program_free(program);
}

static void
run_conformance(const cp_example *example)
{
    cp_program *program = cp_assemble(example->name, example->text);
    outcome interpreted = run(program, example->quick_input, NULL);
    check(example->name, "interpreter", interpreted.result, example->quick_result);
    run_at_once(example, program, demo.print_traces);
    cp_program_free(program);
}

// An event that is pending before the program starts stops it at the first place that looks.
static void
run_interrupted(void)
{
    static const cp_example interrupted = {
        .name = "interrupted",
        .text = "local n  nop  loop:  check_events  add_to_local n 1  jump loop",
        .quick_result = "error: interrupted (instruction 1)",
    };
    cp_interrupt_requested = 1;
    run_conformance(&interrupted);
    cp_interrupt_requested = 0;
}

static void
report_coverage(void)
{
    int covered = 0;
    for (int opcode = 0; opcode < CP_UOP_COUNT; opcode++) {
        covered += demo.executions[opcode] != 0;
    }
    printf("uops executed as machine code: %d of %d\n", covered, CP_UOP_COUNT);
    for (int opcode = 0; opcode < CP_UOP_COUNT; opcode++) {
        if (demo.executions[opcode] == 0) {
            printf("FAILED: %s was never executed\n", cp_uop_table[opcode].name);
            demo.failures += 1;
        }
    }
}

static const cp_example *
find(const char *name, const cp_example *examples, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(examples[i].name, name) == 0) {
            return &examples[i];
        }
    }
    return NULL;
}

static void
list(const cp_example *examples, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        printf("  %-20s %s\n", examples[i].name, examples[i].summary);
    }
}

static void
print_header(void)
{
    printf("%-11s %10s %9s %7s %7s %7s %7s  %s\n", "program", "interp. ms", "JIT ms", "ratio",
           "traces", "links", "bytes", "result");
}

static void
run_all(void)
{
    print_header();
    for (size_t i = 0; i < cp_example_count; i++) {
        run_example(&cp_examples[i]);
    }
    for (size_t i = 0; i < cp_conformance_count; i++) {
        run_conformance(&cp_conformance[i]);
    }
    run_interrupted();
    printf("\nconformance programs: %zu\n", cp_conformance_count + 1);
    report_coverage();
}

static int
run_one(const char *name)
{
    const cp_example *example = find(name, cp_examples, cp_example_count);
    if (example != NULL) {
        print_header();
        run_example(example);
        return 0;
    }
    example = find(name, cp_conformance, cp_conformance_count);
    if (example != NULL) {
        run_conformance(example);
        return 0;
    }
    fprintf(stderr, "no program is called %s; --list names them all\n", name);
    return -1;
}

int
main(int argc, char **argv)
{
    const char *name = NULL;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--quick") == 0) {
            demo.quick = 1;
        }
        else if (strcmp(argv[i], "--program") == 0 && i + 1 < argc) {
            name = argv[++i];
        }
        else if (strcmp(argv[i], "--traces") == 0) {
            demo.print_traces = 1;
        }
        else if (strcmp(argv[i], "--list") == 0) {
            puts("programs:");
            list(cp_examples, cp_example_count);
            puts("conformance programs:");
            list(cp_conformance, cp_conformance_count);
            return EXIT_SUCCESS;
        }
        else {
            fprintf(stderr, "usage: %s [--quick] [--program NAME] [--traces] [--list]\n", argv[0]);
            return 2;
        }
    }
    if (name == NULL) {
        run_all();
    }
    else if (run_one(name) != 0) {
        return 2;
    }
    puts(demo.failures == 0 ? "all results are equal" : "SOME CHECKS FAILED");
    return demo.failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
