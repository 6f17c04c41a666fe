#ifndef CP_PROGRAM_H
#define CP_PROGRAM_H

#include "vm.h"

// A program, assembled from text such as
//
//     # the sum of all integers below n
//         push_int 0 store total
//         push_int 0 store i
//     loop:
//         check_events
//         guard_local_lt i n done
//         load_pair total i int_add store total
//         add_to_local i 1
//         jump loop
//     done:
//         load total return_value int
//
// Words are uops (without the leading underscore, in lower case) and their operands. A word that
// ends in a colon is a label. `local NAME` declares a local; the first one holds the input.
// `on_error LABEL` sets the handler for what follows; without one an error ends the program.

typedef struct {
    cp_instruction code[CP_MAX_PROGRAM_LENGTH];
    uint32_t length;
    cp_string **strings;  // what operands of the format STRING point to
    size_t string_count;
} cp_program;

// A mistake in the text is reported with `name` and its line, and ends the process: the texts are
// part of this program. Free the result with cp_program_free.
cp_program *cp_assemble(const char *name, const char *text);
void cp_program_free(cp_program *program);

#endif
