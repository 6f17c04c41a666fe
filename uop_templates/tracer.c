#include "tracer.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jit.h"
#include "listing.h"
#include "uop_table.h"

// A trace under construction //////////////////////////////////////////////////////////////////////

// A trace copies instructions of the program in the order in which they run if no guard fails. Then
// come its stubs: an _EXIT_TRACE for each place that guards lead to, and an exit for each handler
// of errors. So the code that matters is one straight line, and what is rare is behind it.
//
//     program                          trace that begins at `loop`
//
//     loop:                        0       _START_EXECUTOR
//         _GUARD_LOCAL_LT done     1       _GUARD_LOCAL_LT    jump_target 6
//         _LOAD total              2       _LOAD              error_target 7
//         _LOAD i                  3       ...
//         ...                      5       _JUMP_TO_TOP
//         _JUMP loop               6       _EXIT_TRACE        -> done
//     done:                        7       _PROPAGATE_ERROR

// Every trace starts with _START_EXECUTOR, so nothing of the program is at index 0.
#define ABSENT 0

// A copied instruction needs at most one exit and one error stub, each counted.
#define MAX_COPIED (CP_MAX_TRACE_LENGTH / 8)

typedef struct {
    const cp_tracer *tracer;
    cp_instruction code[CP_MAX_TRACE_LENGTH];
    uint16_t length;
    uint16_t position[CP_MAX_PROGRAM_LENGTH];    // in the trace, of the program's instructions
    uint16_t exit_stub[CP_MAX_PROGRAM_LENGTH];   // in the trace, of the exit to an index
    uint16_t error_stub[CP_MAX_PROGRAM_LENGTH];
    cp_exit exits[CP_MAX_TRACE_LENGTH];
    size_t exit_count;
} trace_builder;

// Returns the index to jump to for this instruction, which is that of its counter if it has one.
static uint16_t
append(trace_builder *builder, cp_instruction instruction)
{
    uint16_t start = builder->length;
    assert(start + 2 <= CP_MAX_TRACE_LENGTH);
    if (builder->tracer->options.count_executions) {
        const uint64_t *counter = &builder->tracer->executions[instruction.opcode];
        builder->code[builder->length++] = (cp_instruction){
            .opcode = _COUNT_EXECUTION,
            .operand0 = (uintptr_t)counter,
        };
    }
    builder->code[builder->length++] = instruction;
    return start;
}

static uint16_t
append_exit(trace_builder *builder, uint32_t target)
{
    size_t index = builder->exit_count++;
    builder->exits[index] = (cp_exit){
        .executor = builder->tracer->by_head[target],
        .target = target,
    };
    // operand0 becomes a pointer when the executor that will hold the exit exists.
    return append(builder, (cp_instruction){
        .opcode = _EXIT_TRACE, .target = target, .operand0 = index});
}

static int
ends_trace(uint16_t opcode)
{
    return opcode == _RETURN_VALUE || opcode == _PROPAGATE_ERROR || opcode == _FATAL_ERROR
           || opcode == _DEOPT;
}

static void
copy_path(trace_builder *builder, uint32_t head)
{
    const cp_tracer *tracer = builder->tracer;
    uint32_t index = head;
    for (int copied = 0;; copied++) {
        const cp_instruction *instruction = &tracer->program->code[index];
        if (copied > 0 && index == head) {
            append(builder, (cp_instruction){.opcode = _JUMP_TO_TOP});
            return;
        }
        if (builder->position[index] != ABSENT) {
            append(builder, (cp_instruction){
                .opcode = _JUMP, .jump_target = builder->position[index]});
            return;
        }
        // Joining a loop that has its own trace beats having its code twice.
        if (copied == MAX_COPIED || (copied > 0 && tracer->by_head[index] != NULL)) {
            append_exit(builder, index);
            return;
        }
        if (instruction->opcode == _JUMP) {
            // The path goes on at its target, so the jump itself is not needed.
            builder->position[index] = builder->length;
            index = instruction->jump_target;
            continue;
        }
        builder->position[index] = append(builder, *instruction);
        if (ends_trace(instruction->opcode)) {
            return;
        }
        // The one uop that fails for certain: its handler is on the path.
        index = instruction->opcode == _RAISE ? instruction->error_target : index + 1;
    }
}

// Guards that lead to code in the same trace jump there; all others get an exit.
static uint16_t
jump_position(trace_builder *builder, uint16_t index)
{
    if (builder->position[index] != ABSENT) {
        return builder->position[index];
    }
    if (builder->exit_stub[index] == ABSENT) {
        builder->exit_stub[index] = append_exit(builder, index);
    }
    return builder->exit_stub[index];
}

// Errors are rare: a handler that isn't on the path is not compiled. If it only ends the program,
// its uop is the stub; else the interpreter takes over there.
static uint16_t
error_position(trace_builder *builder, uint16_t index)
{
    if (builder->position[index] != ABSENT) {
        return builder->position[index];
    }
    if (builder->error_stub[index] == ABSENT) {
        cp_instruction stub = {.opcode = _DEOPT, .target = index};
        if (builder->tracer->program->code[index].opcode == _PROPAGATE_ERROR) {
            stub.opcode = _PROPAGATE_ERROR;
        }
        builder->error_stub[index] = append(builder, stub);
    }
    return builder->error_stub[index];
}

static void
build_trace(trace_builder *builder, uint32_t head)
{
    append(builder, (cp_instruction){.opcode = _START_EXECUTOR, .target = head});
    copy_path(builder, head);
    // The builder's own uops come with their targets set or have none, and have no error target.
    uint16_t path_length = builder->length;
    for (uint16_t i = 1; i < path_length; i++) {
        uint16_t opcode = builder->code[i].opcode;
        if (opcode == _JUMP || (cp_uop_table[opcode].operands & CP_OPERAND_INTERNAL)) {
            continue;
        }
        if (cp_uop_table[opcode].operands & CP_OPERAND_LABEL) {
            uint16_t position = jump_position(builder, builder->code[i].jump_target);
            builder->code[i].jump_target = position;
        }
        uint16_t position = error_position(builder, builder->code[i].error_target);
        builder->code[i].error_target = position;
    }
}

// Executors ///////////////////////////////////////////////////////////////////////////////////////

static void
out_of_memory(void)
{
    perror("no memory for a trace");
    exit(EXIT_FAILURE);
}

static const cp_executor *
compile(cp_tracer *tracer, uint32_t head)
{
    trace_builder *builder = calloc(1, sizeof(*builder));
    if (builder == NULL) {
        out_of_memory();
    }
    builder->tracer = tracer;
    build_trace(builder, head);

    cp_executor *executor = calloc(1, sizeof(*executor));
    cp_exit *exits = calloc(builder->exit_count + 1, sizeof(*exits));
    if (executor == NULL || exits == NULL) {
        out_of_memory();
    }
    executor->head = head;
    executor->exits = exits;
    executor->exit_count = builder->exit_count;
    for (size_t i = 0; i < builder->exit_count; i++) {
        exits[i] = builder->exits[i];
        tracer->linked_exits += exits[i].executor != NULL;
    }
    for (uint16_t i = 0; i < builder->length; i++) {
        cp_instruction *instruction = &builder->code[i];
        if (instruction->opcode == _EXIT_TRACE) {
            instruction->operand0 = (uintptr_t)&exits[instruction->operand0];
        }
    }
    int near = !tracer->options.far_memory;
    if (cp_jit_compile(executor, builder->code, builder->length, near) != 0) {
        out_of_memory();
    }
    if (tracer->options.print_traces) {
        cp_print_trace(executor, builder->code, builder->length);
    }
    free(builder);
    executor->next = tracer->executors;
    tracer->executors = executor;
    tracer->by_head[head] = executor;
    tracer->trace_count += 1;
    tracer->code_size += executor->code_size;
    tracer->data_size += executor->data_size;
    return executor;
}

void
cp_tracer_init(cp_tracer *tracer, const cp_program *program, cp_tracer_options options)
{
    memset(tracer, 0, sizeof(*tracer));
    tracer->program = program;
    tracer->options = options;
}

void
cp_tracer_free(cp_tracer *tracer)
{
    while (tracer->executors != NULL) {
        cp_executor *executor = tracer->executors;
        tracer->executors = executor->next;
        cp_jit_free(executor);
        free(executor->exits);
        free(executor);
    }
}

// Hot code ////////////////////////////////////////////////////////////////////////////////////////

const cp_executor *
cp_tracer_visit_loop(cp_tracer *tracer, uint32_t index)
{
    if (tracer->by_head[index] == NULL
        && ++tracer->loop_visits[index] >= tracer->options.loop_threshold) {
        return compile(tracer, index);
    }
    return tracer->by_head[index];
}

const cp_executor *
cp_tracer_visit_exit(cp_tracer *tracer, cp_exit *exit)
{
    exit->visits += 1;
    // Another exit, or a loop, may have compiled the code here in the meantime.
    const cp_executor *executor = tracer->by_head[exit->target];
    if (executor == NULL && exit->visits >= tracer->options.exit_threshold) {
        executor = compile(tracer, exit->target);
    }
    if (executor != NULL) {
        exit->executor = executor;
        tracer->linked_exits += 1;
    }
    return executor;
}
