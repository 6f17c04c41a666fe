#ifndef CP_LISTING_H
#define CP_LISTING_H

#include "vm.h"

// Prints a compiled trace: every uop with its operands, where its code is, and the bytes there.
void cp_print_trace(const cp_executor *executor, const cp_instruction *trace, size_t length);

#endif
