#ifndef CP_UOP_IDS_H
#define CP_UOP_IDS_H

// Every uop of the VM with the operands that its assembly text takes. The list is the one place
// that names them all: the ids, the assembler's table and the coverage report are made from it.
//
//   format    operands in the text        where they land in the instruction
//   NONE      -
//   COUNT     a small number              oparg
//   LOCAL     a local variable            oparg
//   LOCALS    two locals                  oparg (first << 8 | second)
//   KIND      int, float, string, array   oparg
//   INT       an integer                  operand0
//   FLOAT     a float                     operand0, as its bits
//   STRING    a quoted string             operand0, as a pointer
//   INTS      two integers                operand0, operand1
//   LABEL     a label                     jump_target
//   TARGET    a label                     target
//   INTERNAL  none: only the trace builder writes these uops
//
// Formats joined by an underscore take the operands of both, in that order.

#define CP_UOPS(X) \
    /* Traces: how they begin, repeat and end */ \
    X(_NOP, NONE) \
    X(_START_EXECUTOR, INTERNAL) \
    X(_COUNT_EXECUTION, INTERNAL) \
    X(_CHECK_EVENTS, NONE) \
    X(_JUMP, LABEL) \
    X(_JUMP_TO_TOP, INTERNAL) \
    X(_EXIT_TRACE, INTERNAL) \
    X(_DEOPT, TARGET) \
    X(_RETURN_VALUE, KIND) \
    X(_FATAL_ERROR, NONE) \
    /* Errors */ \
    X(_RAISE, STRING) \
    X(_PROPAGATE_ERROR, NONE) \
    X(_CATCH_ERROR, NONE) \
    /* Constants */ \
    X(_PUSH_SMALL_INT, COUNT) \
    X(_PUSH_INT, INT) \
    X(_PUSH_FLOAT, FLOAT) \
    X(_PUSH_STRING, STRING) \
    X(_PUSH_POWER_OF_TEN, COUNT) \
    X(_PUSH_KIND_NAME, KIND) \
    /* Stack and locals */ \
    X(_POP, NONE) \
    X(_COPY, COUNT) \
    X(_SWAP, NONE) \
    X(_LOAD, LOCAL) \
    X(_LOAD_PAIR, LOCALS) \
    X(_STORE, LOCAL) \
    X(_ADD_TO_LOCAL, LOCAL_INT) \
    X(_SCALE_LOCAL, LOCAL_INTS) \
    /* Integers */ \
    X(_INT_ADD, NONE) \
    X(_INT_SUB, NONE) \
    X(_INT_MUL, NONE) \
    X(_INT_DIV, NONE) \
    X(_INT_MOD, NONE) \
    X(_INT_NEG, NONE) \
    X(_INT_AND, NONE) \
    X(_INT_OR, NONE) \
    X(_INT_XOR, NONE) \
    X(_INT_SHIFT_LEFT, COUNT) \
    X(_INT_SHIFT_RIGHT, COUNT) \
    X(_INT_TO_FLOAT, NONE) \
    /* Floats */ \
    X(_FLOAT_ADD, NONE) \
    X(_FLOAT_SUB, NONE) \
    X(_FLOAT_MUL, NONE) \
    X(_FLOAT_DIV, NONE) \
    X(_FLOAT_NEG, NONE) \
    X(_FLOAT_SQRT, NONE) \
    X(_FLOAT_TO_RADIANS, NONE) \
    X(_FLOAT_TO_INT, NONE) \
    /* Comparison */ \
    X(_INT_LT, NONE) \
    X(_INT_LE, NONE) \
    X(_INT_EQ, NONE) \
    X(_FLOAT_LT, NONE) \
    X(_FLOAT_LE, NONE) \
    X(_STRING_EQ, NONE) \
    X(_NOT, NONE) \
    /* Guards */ \
    X(_GUARD_TRUE, LABEL) \
    X(_GUARD_FALSE, LABEL) \
    X(_GUARD_LOCAL_LT, LOCALS_LABEL) \
    X(_GUARD_INT_RANGE, INTS_LABEL) \
    X(_GUARD_ITEM_KIND, KIND_LABEL) \
    /* Arrays */ \
    X(_NEW_ARRAY, NONE) \
    X(_ARRAY_SIZE, NONE) \
    X(_ARRAY_GET, NONE) \
    X(_ARRAY_SET, KIND) \
    /* Strings */ \
    X(_INT_TO_STRING, NONE) \
    X(_STRING_CONCAT, NONE) \
    X(_STRING_SIZE, NONE) \
    X(_STRING_BYTE, NONE)

#define CP_UOP_ID(NAME, FORMAT) NAME,
enum cp_uop_id { CP_UOPS(CP_UOP_ID) CP_UOP_COUNT };
#undef CP_UOP_ID

#define MAX_UOP_ID (CP_UOP_COUNT - 1)

#endif
