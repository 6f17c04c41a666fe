#include "listing.h"

#include <inttypes.h>
#include <stdio.h>

#include "jit.h"
#include "uop_table.h"

#define BYTES_PER_LINE 16

static void
print_code(const unsigned char *memory, size_t start, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (i % BYTES_PER_LINE == 0) {
            printf("      %04zx ", start + i);
        }
        printf(" %02x%s", memory[start + i],
               i + 1 == size || (i + 1) % BYTES_PER_LINE == 0 ? "\n" : "");
    }
}

static void
print_operands(const cp_instruction *instruction)
{
    unsigned operands = cp_uop_table[instruction->opcode].operands;
    if (operands & (CP_OPERAND_COUNT | CP_OPERAND_LOCAL | CP_OPERAND_LOCALS | CP_OPERAND_KIND)) {
        printf("  oparg %d", instruction->oparg);
    }
    if (operands & (CP_OPERAND_INT | CP_OPERAND_INTS | CP_OPERAND_FLOAT | CP_OPERAND_STRING)
        || instruction->operand0 != 0) {
        printf("  operand0 %#" PRIx64, instruction->operand0);
    }
    if (operands & CP_OPERAND_INTS) {
        printf("  operand1 %#" PRIx64, instruction->operand1);
    }
    if (operands & CP_OPERAND_LABEL) {
        printf("  jump_target %d", instruction->jump_target);
    }
    if (operands & CP_OPERAND_TARGET || instruction->opcode == _EXIT_TRACE) {
        printf("  target %" PRIu32, instruction->target);
    }
    if (instruction->error_target != 0) {
        printf("  error_target %d", instruction->error_target);
    }
}

void
cp_print_trace(const cp_executor *executor, const cp_instruction *trace, size_t length)
{
    printf("trace from instruction %" PRIu32 ": %zu uops, %zu bytes of code, %zu of data\n",
           executor->head, length, executor->code_size, executor->data_size);
    size_t start = (size_t)(executor->side_entry - executor->memory);
    printf("  shim\n");
    print_code(executor->memory, 0, start);
    for (size_t i = 0; i < length; i++) {
        size_t size = cp_jit_stencil_code_size(trace[i].opcode);
        printf("  %3zu %s", i, cp_uop_table[trace[i].opcode].name);
        print_operands(&trace[i]);
        printf("\n");
        print_code(executor->memory, start, size);
        start += size;
    }
}
