// Makes a trace with the JIT of uop_templates/, prints the memory that it wrote, and runs the trace.
// tests/docs/test_how_patching_works.py builds and reads it.
//
// So that the bytes are the same on every machine, the one helper that the trace calls is at a fixed
// address: it is in a section of its own, which the linker is told to put there.

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "helpers.h"
#include "jit.h"
#include "vm.h"

// helpers.c is compiled with cp_raise renamed to this.
void cp_raise_elsewhere(cp_thread *thread, const char *text, uint32_t position);

__attribute__((section("at_a_fixed_address"))) void
cp_raise(cp_thread *thread, const char *text, uint32_t position)
{
    cp_raise_elsewhere(thread, text, position);
}

static const cp_instruction trace[] = {
    {.opcode = _FLOAT_DIV, .target = 7, .error_target = 2},
    {.opcode = _RETURN_VALUE, .oparg = CP_FLOAT},
    {.opcode = _PROPAGATE_ERROR},
};
#define LENGTH (sizeof(trace) / sizeof(trace[0]))

static void
print_bytes(const char *name, const unsigned char *memory, size_t size)
{
    printf("%s ", name);
    for (size_t i = 0; i < size; i++) {
        printf("%02x", memory[i]);
    }
    printf("\n");
}

static void
print_memory(const char *where, const cp_executor *executor)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t data = (executor->code_size + page - 1) / page * page;
    printf("%s.code_address %llx\n", where, (unsigned long long)(uintptr_t)executor->memory);
    printf("%s.data_address %llx\n", where, (unsigned long long)(uintptr_t)executor->memory + data);
    printf("%s.", where);
    print_bytes("code", executor->memory, executor->code_size);
    printf("%s.", where);
    print_bytes("data", executor->memory + data, executor->data_size);
}

static void
run(const cp_executor *executor, double dividend, double divisor)
{
    static cp_frame frame;
    cp_thread thread = {0};
    frame.stack[0].f = dividend;
    frame.stack[1].f = divisor;
    uint32_t status = executor->entry(&frame, frame.stack + 2, &thread);
    if (status == CP_DONE) {
        printf("run %g / %g: %g\n", dividend, divisor, thread.result.f);
    }
    else {
        printf("run %g / %g: error: %s\n", dividend, divisor, thread.error);
    }
}

int
main(void)
{
    cp_executor near = {0};
    cp_executor far = {0};
    if (cp_jit_compile(&near, trace, LENGTH, 1) != 0 || cp_jit_compile(&far, trace, LENGTH, 0) != 0) {
        perror("no memory for a trace");
        return EXIT_FAILURE;
    }
    printf("cp_raise %llx\n", (unsigned long long)(uintptr_t)&cp_raise);
    size_t start = (size_t)(near.side_entry - near.memory);
    for (size_t i = 0; i < LENGTH; i++) {
        printf("start %zx\n", start);
        start += cp_jit_stencil_code_size(trace[i].opcode);
    }
    print_memory("near", &near);
    print_memory("far", &far);
    run(&near, 7.0, 2.0);
    run(&near, 7.0, 0.0);
    cp_jit_free(&near);
    cp_jit_free(&far);
    return EXIT_SUCCESS;
}
