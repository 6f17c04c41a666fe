#ifndef CALCULATOR_STENCIL_H
#define CALCULATOR_STENCIL_H

#include "calculator.h"

// The calling convention between stencils: everything stays in registers.
#define STENCIL __attribute__((preserve_none)) int64_t
typedef __attribute__((preserve_none)) int64_t (*Next)(Machine *machine, int64_t steps);

// A hole: the address of something that is never defined, so that a relocation is left where it is used.
extern char HOLE_A[], HOLE_B[], HOLE_NUMBER[], HOLE_LOOP[], HOLE_CONTINUE[];

#define A() ((int)(uintptr_t)HOLE_A)
#define B() ((int)(uintptr_t)HOLE_B)
#define NUMBER() ((int64_t)(uintptr_t)HOLE_NUMBER)
#define REGISTER(INDEX) (machine->registers[INDEX])
#define JUMP_TO(HOLE) __attribute__((musttail)) return ((Next)(uintptr_t)(HOLE))(machine, steps + 1)

#endif
