#ifndef Py_INTERNAL_UOP_IDS_H
#define Py_INTERNAL_UOP_IDS_H

// The last three have no case: they are for uops that a test adds.
enum {
    _NOP, _LOAD_OPARG, _LOAD_OPERANDS, _LOAD_NONE, _ADD, _ADD_TWICE, _MIX, _ASSERTED, _NAME_COLOUR, _CHOOSE,
    _ROOT, _CHECK_INTERRUPT, _GUARD, _REPEAT, _EXIT, _EXIT_TO_EXECUTOR, _FAIL, _WARN,
    _NEW_1, _NEW_2, _NEW_3,
};

#endif
