#ifndef CALCULATOR_H
#define CALCULATOR_H

// What the stencils and the program around them share.

#include <stdint.h>

typedef enum { OP_SET, OP_ADD, OP_MULTIPLY, OP_LOOP, OP_SHOW, OP_END, OP_ENTER } Kind;

// One operation: registers a and b, and a number, which for a loop is the index of the operation to go back to.
typedef struct {
    Kind kind;
    int a, b;
    int64_t number;
} Op;

typedef struct {
    int64_t registers[8];
    int64_t shown;
} Machine;

// Called by a stencil.
void calculator_show(Machine *machine, int64_t value);

#endif
