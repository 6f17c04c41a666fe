// The interpreter: the cases of executor_cases.c.h in a loop. What a stencil gets patched into its
// code, the interpreter reads from the instruction, once for every time that it runs.

#include "interpreter.h"

#include <string.h>

#include "helpers.h"

#define GETLOCAL(INDEX) (frame->locals[INDEX])

#define CURRENT_OPARG() (instruction->oparg)
#define CURRENT_OPERAND0() (instruction->operand0)
#define CURRENT_OPERAND1() (instruction->operand1)
#define CURRENT_TARGET() (instruction->target)

// Going back is what makes a loop, and a loop is what is worth compiling.
#define JUMP_TO_JUMP_TARGET()                                  \
    do {                                                       \
        next = frame->code + instruction->jump_target;         \
        if (thread->tracer != NULL && next <= instruction) {   \
            goto visit_loop;                                   \
        }                                                      \
        goto dispatch;                                         \
    } while (0)

#define JUMP_TO_ERROR()                                  \
    do {                                                 \
        next = frame->code + instruction->error_target;  \
        goto dispatch;                                   \
    } while (0)

#define JUMP_TO_TOP()        \
    do {                     \
        next = frame->code;  \
        goto dispatch;       \
    } while (0)

#define GOTO_TIER_ONE(INDEX)  \
    do {                      \
        position = (INDEX);   \
        goto resume;          \
    } while (0)

#define GOTO_TIER_TWO(EXECUTOR)  \
    do {                         \
        entered = (EXECUTOR);    \
        goto enter_executor;     \
    } while (0)

static uint32_t
interpret(cp_frame *frame, cp_thread *thread)
{
    cp_value *stack_pointer = frame->stack;
    const cp_executor *const current_executor = NULL;
    const cp_instruction *instruction;
    const cp_instruction *next = frame->code;
    const cp_executor *entered;
    uint32_t position;

    if (thread->tracer != NULL) {
        goto visit_loop;
    }

dispatch:
    instruction = next++;
    switch (instruction->opcode) {
        #include "executor_cases.c.h"
        default:
            __builtin_unreachable();
    }
    goto dispatch;

visit_loop:
    entered = cp_tracer_visit_loop(thread->tracer, (uint32_t)(next - frame->code));
    if (entered == NULL) {
        goto dispatch;
    }

enter_executor:
    // The other half of this hand-over is GOTO_TIER_ONE in template.c.
    position = entered->entry(frame, stack_pointer, thread);
    stack_pointer = frame->stack_pointer;

resume:
    if (CP_IS_STATUS(position)) {
        return position;
    }
    next = frame->code + position;
    goto dispatch;
}

uint32_t
cp_run(cp_thread *thread, const cp_program *program, int64_t input, cp_tracer *tracer)
{
    cp_frame frame;
    memset(&frame, 0, sizeof(frame));
    frame.code = program->code;
    frame.locals[0].i = input;
    memset(thread, 0, sizeof(*thread));
    thread->tracer = tracer;
    return interpret(&frame, thread);
}
