#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "program.h"
#include "uop_table.h"

#define MAX_WORD 64
#define MAX_LABELS 128
#define UNPLACED UINT32_MAX

typedef struct {
    char name[MAX_WORD];
    uint32_t place;  // an index into the program
} label;

typedef struct {
    const char *program_name;
    const char *rest;  // of the text
    int line;
    char word[MAX_WORD];
    cp_program *program;
    char locals[CP_MAX_LOCALS][MAX_WORD];
    int local_count;
    label labels[MAX_LABELS];
    int label_count;
    int error_label;
} assembler;

#if defined(__GNUC__)
__attribute__((noreturn, format(printf, 2, 3)))
#endif
static void
fail(const assembler *a, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "%s:%d: ", a->program_name, a->line);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(EXIT_FAILURE);
}

static void *
checked(const assembler *a, void *memory)
{
    if (memory == NULL) {
        fail(a, "out of memory");
    }
    return memory;
}

// Words ///////////////////////////////////////////////////////////////////////////////////////////

static void
skip_space(assembler *a)
{
    while (*a->rest == '#' || isspace((unsigned char)*a->rest)) {
        if (*a->rest == '#') {
            a->rest += strcspn(a->rest, "\n");
        }
        else {
            a->line += *a->rest == '\n';
            a->rest += 1;
        }
    }
}

// Returns 0 at the end of the text.
static int
next_word(assembler *a)
{
    skip_space(a);
    size_t size = 0;
    while (a->rest[size] != '\0' && !isspace((unsigned char)a->rest[size])) {
        size += 1;
    }
    if (size >= MAX_WORD) {
        fail(a, "a word of %zu characters is too long", size);
    }
    memcpy(a->word, a->rest, size);
    a->word[size] = '\0';
    a->rest += size;
    return size > 0;
}

static void
operand_word(assembler *a)
{
    if (!next_word(a)) {
        fail(a, "operand missing at the end");
    }
}

// Operands ////////////////////////////////////////////////////////////////////////////////////////

static uint16_t
local_operand(assembler *a)
{
    operand_word(a);
    for (int i = 0; i < a->local_count; i++) {
        if (strcmp(a->locals[i], a->word) == 0) {
            return (uint16_t)i;
        }
    }
    fail(a, "no local is called %s", a->word);
}

static uint64_t
int_operand(assembler *a)
{
    operand_word(a);
    char *end;
    long long value = strtoll(a->word, &end, 0);
    if (*end != '\0') {
        fail(a, "%s is no integer", a->word);
    }
    return (uint64_t)value;
}

static uint16_t
count_operand(assembler *a)
{
    uint64_t value = int_operand(a);
    if (value > UINT16_MAX) {
        fail(a, "%s is too large for an oparg", a->word);
    }
    return (uint16_t)value;
}

static uint64_t
float_operand(assembler *a)
{
    operand_word(a);
    char *end;
    cp_value value = {.f = strtod(a->word, &end)};
    if (*end != '\0') {
        fail(a, "%s is no number", a->word);
    }
    return value.bits;
}

static uint16_t
kind_operand(assembler *a)
{
    static const char *const names[] = {
        [CP_INT] = "int", [CP_FLOAT] = "float", [CP_STRING] = "string", [CP_ARRAY] = "array"};
    operand_word(a);
    for (uint16_t kind = CP_INT; kind <= CP_ARRAY; kind++) {
        if (strcmp(names[kind], a->word) == 0) {
            return kind;
        }
    }
    fail(a, "no kind is called %s", a->word);
}

static uint64_t
string_operand(assembler *a)
{
    skip_space(a);
    const char *end = *a->rest == '\'' ? strchr(a->rest + 1, '\'') : NULL;
    if (end == NULL) {
        fail(a, "expected a string in single quotes");
    }
    const char *start = a->rest + 1;
    size_t size = (size_t)(end - start);
    a->rest = end + 1;

    cp_program *program = a->program;
    cp_string *string = checked(a, malloc(sizeof(cp_string) + size + 1));
    string->size = (int64_t)size;
    memcpy(string->bytes, start, size);
    string->bytes[size] = '\0';
    program->strings = checked(
        a, realloc(program->strings, (program->string_count + 1) * sizeof(cp_string *)));
    program->strings[program->string_count++] = string;
    return (uintptr_t)string;
}

// A label may be used before it is placed, so instructions hold its number until the end.
static int
find_label(assembler *a, const char *name)
{
    for (int i = 0; i < a->label_count; i++) {
        if (strcmp(a->labels[i].name, name) == 0) {
            return i;
        }
    }
    if (a->label_count == MAX_LABELS) {
        fail(a, "too many labels");
    }
    strcpy(a->labels[a->label_count].name, name);
    a->labels[a->label_count].place = UNPLACED;
    return a->label_count++;
}

static int
label_operand(assembler *a)
{
    operand_word(a);
    return find_label(a, a->word);
}

static void
place_label(assembler *a, const char *name)
{
    int number = find_label(a, name);
    if (a->labels[number].place != UNPLACED) {
        fail(a, "label %s is there twice", name);
    }
    a->labels[number].place = a->program->length;
}

// Instructions ////////////////////////////////////////////////////////////////////////////////////

static uint16_t
find_uop(const assembler *a)
{
    for (uint16_t opcode = 0; opcode < CP_UOP_COUNT; opcode++) {
        const char *name = cp_uop_table[opcode].name + 1;
        const char *word = a->word;
        while (*word != '\0' && tolower((unsigned char)*name) == *word) {
            name += 1;
            word += 1;
        }
        if (*name == '\0' && *word == '\0'
            && !(cp_uop_table[opcode].operands & CP_OPERAND_INTERNAL)) {
            return opcode;
        }
    }
    fail(a, "no uop is called %s", a->word);
}

static void
append(assembler *a, cp_instruction instruction)
{
    cp_program *program = a->program;
    if (program->length == CP_MAX_PROGRAM_LENGTH) {
        fail(a, "the program is too long");
    }
    instruction.error_target = (uint16_t)a->error_label;
    if (!(cp_uop_table[instruction.opcode].operands & CP_OPERAND_TARGET)) {
        instruction.target = program->length;
    }
    program->code[program->length++] = instruction;
}

static void
assemble_uop(assembler *a)
{
    uint16_t opcode = find_uop(a);
    unsigned operands = cp_uop_table[opcode].operands;
    cp_instruction instruction = {.opcode = opcode};
    if (operands & CP_OPERAND_COUNT) {
        instruction.oparg = count_operand(a);
    }
    if (operands & CP_OPERAND_LOCAL) {
        instruction.oparg = local_operand(a);
    }
    if (operands & CP_OPERAND_LOCALS) {
        uint16_t first = local_operand(a);
        instruction.oparg = (uint16_t)(first << 8 | local_operand(a));
    }
    if (operands & CP_OPERAND_KIND) {
        instruction.oparg = kind_operand(a);
    }
    if (operands & (CP_OPERAND_INT | CP_OPERAND_INTS)) {
        instruction.operand0 = int_operand(a);
    }
    if (operands & CP_OPERAND_INTS) {
        instruction.operand1 = int_operand(a);
    }
    if (operands & CP_OPERAND_FLOAT) {
        instruction.operand0 = float_operand(a);
    }
    if (operands & CP_OPERAND_STRING) {
        instruction.operand0 = string_operand(a);
    }
    if (operands & CP_OPERAND_LABEL) {
        instruction.jump_target = (uint16_t)label_operand(a);
    }
    if (operands & CP_OPERAND_TARGET) {
        instruction.target = (uint32_t)label_operand(a);
    }
    append(a, instruction);
}

static void
assemble_word(assembler *a)
{
    size_t size = strlen(a->word);
    if (a->word[size - 1] == ':') {
        a->word[size - 1] = '\0';
        place_label(a, a->word);
    }
    else if (strcmp(a->word, "local") == 0) {
        operand_word(a);
        if (a->local_count == CP_MAX_LOCALS) {
            fail(a, "too many locals");
        }
        strcpy(a->locals[a->local_count++], a->word);
    }
    else if (strcmp(a->word, "on_error") == 0) {
        a->error_label = label_operand(a);
    }
    else {
        assemble_uop(a);
    }
}

static void
resolve_labels(assembler *a)
{
    for (int i = 0; i < a->label_count; i++) {
        if (a->labels[i].place == UNPLACED) {
            fail(a, "no label is called %s", a->labels[i].name);
        }
    }
    for (uint32_t i = 0; i < a->program->length; i++) {
        cp_instruction *instruction = &a->program->code[i];
        unsigned operands = cp_uop_table[instruction->opcode].operands;
        if (operands & CP_OPERAND_LABEL) {
            instruction->jump_target = (uint16_t)a->labels[instruction->jump_target].place;
        }
        if (operands & CP_OPERAND_TARGET) {
            instruction->target = a->labels[instruction->target].place;
        }
        instruction->error_target = (uint16_t)a->labels[instruction->error_target].place;
    }
}

cp_program *
cp_assemble(const char *name, const char *text)
{
    assembler a = {.program_name = name, .rest = text, .line = 1};
    a.program = checked(&a, calloc(1, sizeof(cp_program)));
    a.error_label = find_label(&a, "default handler");
    while (next_word(&a)) {
        assemble_word(&a);
    }
    append(&a, (cp_instruction){.opcode = _FATAL_ERROR});
    place_label(&a, "default handler");
    append(&a, (cp_instruction){.opcode = _PROPAGATE_ERROR});
    resolve_labels(&a);
    return a.program;
}

void
cp_program_free(cp_program *program)
{
    for (size_t i = 0; i < program->string_count; i++) {
        free(program->strings[i]);
    }
    free(program->strings);
    free(program);
}
