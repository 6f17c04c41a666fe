// Every operation is compiled as this function, its own code in the switch.

#include "stencil.h"

STENCIL
calculator_stencil(Machine *machine, int64_t steps)
{
    enum { SET, ADD, MULTIPLY, LOOP, SHOW, END };
    switch (_JIT_OPCODE) {
        CASE
        default:
            __builtin_unreachable();
    }
    // To the next operation, whose code comes right behind: this jump is cut off.
    JUMP_TO(HOLE_CONTINUE);
}
