#ifndef CP_TEMPLATE_H
#define CP_TEMPLATE_H

#include "vm.h"

// Between stencils the frame, the stack pointer and the thread stay in registers: preserve_none
// passes arguments in registers that no callee must save, so the jump from one uop to the next
// needs neither moves nor spills. Compilers of the run time may lack it, so it is named only here.
typedef uint32_t (__attribute__((preserve_none)) *cp_stencil_function)(
    cp_frame *frame, cp_value *stack_pointer, cp_thread *thread);

// A value that is only known when a trace is compiled. The symbol is never defined: its *address*
// is the value, so the compiler leaves a relocation where it is needed, and that becomes a hole.
// What a compiler concludes from a declaration must not be wrong for any address:
// - of no known size, and not const: uops read and write through operands that are pointers.
// - a symbol is never at address 0 and two symbols differ, so a uop must not compare such a value
//   with zero or with another one.
#define PATCH_VALUE(TYPE, NAME, SYMBOL) \
    CP_API char SYMBOL[];               \
    TYPE NAME = (TYPE)(uintptr_t)SYMBOL;

#endif
