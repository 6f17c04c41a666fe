#ifndef CP_UOP_TABLE_H
#define CP_UOP_TABLE_H

#include "uop_ids.h"

// Which operands a uop takes, as bits: what the formats of uop_ids.h are made of.
enum {
    CP_OPERAND_COUNT = 1 << 0,
    CP_OPERAND_LOCAL = 1 << 1,
    CP_OPERAND_LOCALS = 1 << 2,
    CP_OPERAND_KIND = 1 << 3,
    CP_OPERAND_INT = 1 << 4,
    CP_OPERAND_INTS = 1 << 5,
    CP_OPERAND_FLOAT = 1 << 6,
    CP_OPERAND_STRING = 1 << 7,
    CP_OPERAND_LABEL = 1 << 8,
    CP_OPERAND_TARGET = 1 << 9,
    CP_OPERAND_INTERNAL = 1 << 10,
};

typedef struct {
    const char *name;
    unsigned operands;
} cp_uop_info;

extern const cp_uop_info cp_uop_table[CP_UOP_COUNT];

#endif
