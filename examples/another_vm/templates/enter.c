// The code in front of every program: C calls it in the ordinary way, and it calls the first operation.

#include "stencil.h"

int64_t
calculator_stencil(Machine *machine)
{
    return ((Next)(uintptr_t)HOLE_CONTINUE)(machine, 0);
}
