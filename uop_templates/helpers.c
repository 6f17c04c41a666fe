#include "helpers.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tracer.h"

volatile int32_t cp_interrupt_requested = 0;

// Errors //////////////////////////////////////////////////////////////////////////////////////////

// The text is copied: it may live in the data of a stencil that will be freed before it is read.
void
cp_raise(cp_thread *thread, const char *text, uint32_t position)
{
    snprintf(thread->error, sizeof(thread->error), "%s (instruction %" PRIu32 ")", text, position);
}

void
cp_raise_index(cp_thread *thread, const char *what, int64_t index, uint32_t position)
{
    char text[CP_ERROR_SIZE / 2];
    snprintf(text, sizeof(text), "%s index %" PRId64 " out of range", what, index);
    cp_raise(thread, text, position);
}

void
cp_assert_failed(const char *condition, const char *file, int line)
{
    fprintf(stderr, "%s:%d: assertion failed: %s\n", file, line, condition);
    abort();
}

// Numbers /////////////////////////////////////////////////////////////////////////////////////////

// The most negative integer has no positive counterpart, and x86 traps on dividing it by -1. It
// wraps around to itself.
int64_t
cp_int_divide(int64_t left, int64_t right)
{
    if (right == -1) {
        return (int64_t)(0 - (uint64_t)left);
    }
    int64_t quotient = left / right;
    if (left % right != 0 && (left < 0) != (right < 0)) {
        quotient -= 1;
    }
    return quotient;
}

int64_t
cp_int_modulo(int64_t left, int64_t right)
{
    if (right == -1) {
        return 0;
    }
    int64_t remainder = left % right;
    if (remainder != 0 && (remainder < 0) != (right < 0)) {
        remainder += right;
    }
    return remainder;
}

double
cp_float_sqrt(double value)
{
    return sqrt(value);
}

// Memory //////////////////////////////////////////////////////////////////////////////////////////

// Programs allocate and never free; a run's memory goes at its end. Every block begins with this.
struct cp_block {
    cp_block *next;
    cp_value contents[];
};

static void *
allocate(cp_thread *thread, size_t size)
{
    cp_block *block = malloc(sizeof(cp_block) + size);
    if (block == NULL) {
        snprintf(thread->error, sizeof(thread->error), "out of memory");
        return NULL;
    }
    block->next = thread->blocks;
    thread->blocks = block;
    return block->contents;
}

void
cp_free_blocks(cp_thread *thread)
{
    while (thread->blocks != NULL) {
        cp_block *block = thread->blocks;
        thread->blocks = block->next;
        free(block);
    }
}

#define MAX_ARRAY_SIZE ((int64_t)1 << 26)

cp_array *
cp_new_array(cp_thread *thread, int64_t size, uint32_t position)
{
    if (size < 0 || size > MAX_ARRAY_SIZE) {
        cp_raise(thread, "bad array size", position);
        return NULL;
    }
    size_t count = (size_t)size;
    cp_array *array = allocate(thread, sizeof(cp_array) + count * (sizeof(cp_value) + 1));
    if (array == NULL) {
        return NULL;
    }
    array->size = size;
    array->items = (cp_value *)(array + 1);
    array->kinds = (unsigned char *)(array->items + count);
    memset(array->items, 0, count * sizeof(cp_value));
    memset(array->kinds, CP_INT, count);
    return array;
}

// Strings /////////////////////////////////////////////////////////////////////////////////////////

static const cp_string *
join(cp_thread *thread, const char *left, size_t left_size, const char *right, size_t right_size)
{
    size_t size = left_size + right_size;
    cp_string *string = allocate(thread, sizeof(cp_string) + size + 1);
    if (string == NULL) {
        return NULL;
    }
    string->size = (int64_t)size;
    memcpy(string->bytes, left, left_size);
    memcpy(string->bytes + left_size, right, right_size);
    string->bytes[size] = '\0';
    return string;
}

const cp_string *
cp_new_string(cp_thread *thread, const char *text)
{
    return join(thread, text, strlen(text), "", 0);
}

const cp_string *
cp_int_to_string(cp_thread *thread, int64_t value)
{
    char digits[24];
    snprintf(digits, sizeof(digits), "%" PRId64, value);
    return cp_new_string(thread, digits);
}

const cp_string *
cp_string_concat(cp_thread *thread, const cp_string *left, const cp_string *right)
{
    return join(thread, left->bytes, (size_t)left->size, right->bytes, (size_t)right->size);
}

int64_t
cp_string_equal(const cp_string *left, const cp_string *right)
{
    return left->size == right->size
           && memcmp(left->bytes, right->bytes, (size_t)left->size) == 0;
}

// Traces //////////////////////////////////////////////////////////////////////////////////////////

const cp_executor *
cp_warm_exit(cp_thread *thread, cp_exit *exit)
{
    assert(thread->current_executor != NULL);
    return cp_tracer_visit_exit(thread->tracer, exit);
}
