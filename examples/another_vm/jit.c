// A program of the calculator, compiled by copying stencils and patching their holes, and run.

#define _DEFAULT_SOURCE
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "calculator.h"
#include "patch.h"

// What the emit functions of the generated header are given besides where to write.
typedef struct {
    // Where each operation's code begins.
    unsigned char *starts[16];
} Program;

typedef struct {
    void (*emit)(unsigned char *code, unsigned char *data, const Op *op, const Program *program);
    size_t code_size, data_size;
} Stencil;

#include "calculator_stencils.h"

void
calculator_show(Machine *machine, int64_t value)
{
    machine->shown = value;
    printf("show %" PRId64 "\n", value);
}

static const Op *
at(const Op *ops, int index)
{
    static const Op enter = {.kind = OP_ENTER};
    return index ? &ops[index - 1] : &enter;
}

typedef int64_t (*Compiled)(Machine *machine);

static Compiled
compile(const Op *ops, int count)
{
    size_t code_size = 0, data_size = 0;
    for (int i = 0; i <= count; i++) {
        code_size += stencils[at(ops, i)->kind].code_size;
        data_size += stencils[at(ops, i)->kind].data_size;
    }
    // Code first; the data behind it has to be aligned to 16 bytes.
    code_size = (code_size + 15) & ~(size_t)15;
    unsigned char *memory = mmap(NULL, code_size + data_size, PROT_READ | PROT_WRITE,
                                 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        perror("mmap");
        exit(1);
    }
    Program program;
    unsigned char *code = memory;
    for (int i = 0; i <= count; i++) {
        if (i) {
            program.starts[i - 1] = code;
        }
        code += stencils[at(ops, i)->kind].code_size;
    }
    code = memory;
    unsigned char *data = memory + code_size;
    for (int i = 0; i <= count; i++) {
        const Stencil *stencil = &stencils[at(ops, i)->kind];
        stencil->emit(code, data, at(ops, i), &program);
        code += stencil->code_size;
        data += stencil->data_size;
    }
    __builtin___clear_cache((char *)memory, (char *)memory + code_size);
    if (mprotect(memory, code_size + data_size, PROT_READ | PROT_EXEC)) {
        perror("mprotect");
        exit(1);
    }
    return (Compiled)(uintptr_t)memory;
}

int
main(void)
{
    // The factorial of 10.
    static const Op ops[] = {
        {OP_SET, 0, 0, 10},     // number
        {OP_SET, 1, 0, 1},      // product
        {OP_MULTIPLY, 1, 0, 0},
        {OP_LOOP, 0, 0, 2},
        {OP_SHOW, 1, 0, 0},
        {OP_END, 0, 0, 0},
    };
    int count = sizeof(ops) / sizeof(*ops);
    Machine machine = {0};
    int64_t steps = compile(ops, count)(&machine);
    printf("%" PRId64 " operations\n", steps);
    return machine.shown != 3628800 || steps != 24;
}
