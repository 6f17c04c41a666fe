// The stencil in front of every trace: C code calls it in the ordinary way, and it calls the trace
// in the stencils' own calling convention.

#include "template.h"

uint32_t
_JIT_ENTRY(cp_frame *frame, cp_value *stack_pointer, cp_thread *thread)
{
    // A call and not a tail call: this function has to restore the registers that C callers expect
    // to survive and that preserve_none code uses freely.
    PATCH_VALUE(cp_stencil_function, trace, _JIT_CONTINUE)
    return trace(frame, stack_pointer, thread);
}
