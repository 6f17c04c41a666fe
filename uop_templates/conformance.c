#include "programs.h"

// One string of results, so that a wrong one can be told apart from its neighbours.
#define SHOW \
    "  int_to_string  load out  swap  string_concat  push_string ' '  string_concat  store out\n"
#define BEGIN "local n  local out  local x  local array  local text\n  push_string ''  store out\n"
#define END "  load out  return_value string\n"
// Two guards a line: one that must hold and one that must not.
#define PASSES(GUARD, LABEL) GUARD " " LABEL "  push_small_int 1" SHOW

static const char integers[] =
    BEGIN
    "nop\n"
    "push_int -9223372036854775808  push_int 9223372036854775807  int_add" SHOW
    "push_int -5  push_small_int 65535  int_sub" SHOW
    "push_int -3  push_int 0x100000000  int_mul" SHOW
    "push_int -7  push_small_int 2  int_div" SHOW
    "push_int -7  push_small_int 2  int_mod" SHOW
    "push_small_int 7  push_int -2  int_div" SHOW
    "push_small_int 7  push_int -2  int_mod" SHOW
    "push_int -9223372036854775808  push_int -1  int_div" SHOW
    "push_int -9223372036854775808  push_int -1  int_mod" SHOW
    "push_int 12345678901234567  int_neg" SHOW
    "push_int 0x0ff0  push_int 0x3c3c  int_and" SHOW
    "push_int 0x0ff0  push_int 0x3c3c  int_or" SHOW
    "push_int 0x0ff0  push_int 0x3c3c  int_xor" SHOW
    "push_int -3  int_shift_left 62" SHOW
    "push_int -300  int_shift_right 3" SHOW
    "push_power_of_ten 0" SHOW
    "push_power_of_ten 15" SHOW
    "push_small_int 11  store x  add_to_local x -13  load x" SHOW
    "scale_local x -1000000000000 4000000000000  load x" SHOW
    "push_small_int 1  push_small_int 2  push_small_int 3  copy 3" SHOW SHOW
    "swap" SHOW
    "pop\n"
    END;

static const char floats[] =
    BEGIN
    "push_float 0.1  push_float 0.2  float_add  push_float 1e17  float_mul  float_to_int" SHOW
    "push_float 1.0  push_float 3.0  float_div  push_float 1e17  float_mul  float_to_int" SHOW
    "push_float 2.0  float_sqrt  push_float 1e17  float_mul  float_to_int" SHOW
    "push_float 1.5  push_float 4.0  float_sub  float_neg  push_float 10  float_mul"
    "  float_to_int" SHOW
    "push_float 180.0  float_to_radians  push_float 1e17  float_mul  float_to_int" SHOW
    "push_int -9007199254740993  int_to_float  float_to_int" SHOW
    "push_float 1.0  push_float 2.0  float_lt" SHOW
    "push_float 2.0  push_float 2.0  float_lt" SHOW
    "push_float nan  push_float 2.0  float_lt" SHOW
    "push_float 2.0  push_float 2.0  float_le" SHOW
    "push_float 2.0  push_float nan  float_le" SHOW
    END;

static const char comparison[] =
    BEGIN
    "push_int -1  push_small_int 1  int_lt" SHOW
    "push_small_int 1  push_small_int 1  int_lt" SHOW
    "push_small_int 1  push_small_int 1  int_le" SHOW
    "push_small_int 2  push_small_int 1  int_le" SHOW
    "push_int 0x100000000  push_small_int 0  int_eq" SHOW
    "push_int -8  push_int -8  int_eq" SHOW
    "push_small_int 0  not" SHOW
    "push_int 0x100000000  not" SHOW
    "push_string 'one'  push_string 'one'  string_eq" SHOW
    "push_string 'one'  push_string 'One'  string_eq" SHOW
    "push_string 'one'  push_string 'ones'  string_eq" SHOW
    END;

static const char guards[] =
    BEGIN
    "push_small_int 1  " PASSES("guard_true", "wrong")
    "push_small_int 0  guard_true a  jump wrong\n"
    "a:  push_small_int 0  " PASSES("guard_false", "wrong")
    "push_int 0x100000000  guard_false b  jump wrong\n"
    "b:  push_small_int 5  store x  " PASSES("guard_local_lt n x", "wrong")
    "guard_local_lt x n c  jump wrong\n"
    "c:  push_int -10  " PASSES("guard_int_range -10 -9", "wrong")
    "guard_int_range -20 -10 d  jump wrong\n"
    "d:  guard_int_range -9 0x100000000 e  jump wrong\n"
    "e:  pop  push_small_int 2  new_array  store array\n"
    "load array  push_small_int 1  push_float 2.5  array_set float\n"
    "load array  push_small_int 0  " PASSES("guard_item_kind int", "wrong")
    "pop  push_small_int 1  guard_item_kind int f  jump wrong\n"
    // No kind is wrong for an item that isn't there.
    "f:  pop  push_small_int 2  " PASSES("guard_item_kind string", "wrong")
    "pop  pop\n"
    END
    "wrong:\n"
    "    raise 'a guard went wrong'\n";

static const char arrays_and_strings[] =
    BEGIN
    "push_small_int 3  new_array  store array\n"
    "load array  array_size" SHOW
    "load array  push_small_int 2  array_get" SHOW
    "load array  push_small_int 2  push_int -77  array_set int\n"
    "load array  push_small_int 2  array_get" SHOW
    "push_kind_name int  push_kind_name array  string_concat  store text\n"
    "load text  string_size" SHOW
    "load text  push_small_int 3  string_byte" SHOW
    "load out  load text  string_concat  return_value string\n";

// Every uop that can raise does, in a row: each handler notes its error and sets the next one.
#define TRY(CODE, HANDLER) \
    "on_error " HANDLER "  " CODE "  raise 'no error'\n" \
    HANDLER ":  on_error unexpected  catch_error  push_string '; '  string_concat  store text  " \
    "load_pair out text  string_concat  store out\n"

static const char errors[] =
    BEGIN
    TRY("push_int 9223372036854775807  push_small_int 1  int_add", "a")
    TRY("push_int -9223372036854775808  push_small_int 1  int_sub", "b")
    TRY("push_int 4294967296  push_int 4294967296  int_mul", "c")
    TRY("push_int -9223372036854775808  int_neg", "d")
    TRY("push_small_int 1  push_small_int 0  int_div", "e")
    TRY("push_small_int 1  push_small_int 0  int_mod", "f")
    TRY("push_float 1.0  push_float 0.0  float_div", "g")
    TRY("push_float -1.0  float_sqrt", "h")
    TRY("push_float 9.3e18  float_to_int", "i")
    TRY("push_float nan  float_to_int", "j")
    TRY("push_int -1  new_array", "k")
    TRY("push_small_int 2  new_array  push_int -1  array_get", "l")
    TRY("push_small_int 2  new_array  push_small_int 2  push_small_int 2  array_set int", "m")
    TRY("push_string 'abc'  push_small_int 3  string_byte", "o")
    TRY("raise 'raised on purpose'", "p")
    END
    "unexpected:\n"
    "    deopt last\n"
    "last:\n"
    "    raise 'error in a handler'\n";

static const char uncaught[] =
    "raise 'nobody catches this'\n";

static const char deoptimise[] =
    "push_small_int 42  deopt there\n"
    "raise 'the interpreter went on at the wrong place'\n"
    "there:  return_value int\n";

static const char no_return[] =
    "push_small_int 1  pop\n";

#define PROGRAM(NAME, SUMMARY, RESULT) {#NAME, SUMMARY, NAME, 0, RESULT, 0, RESULT}

const cp_example cp_conformance[] = {
    PROGRAM(integers, "integer uops at their limits",
            "-1 -65540 -12884901888 -4 1 -4 -1 -9223372036854775808 0 -12345678901234567 "
            "3120 16380 13260 4611686018427387904 -38 1 1000000000000000 -2 6000000000000 "
            "1 3 1 "),
    PROGRAM(floats, "float uops, NaN included",
            "30000000000000004 33333333333333332 141421356237309520 25 314159265358979328 "
            "-9007199254740992 1 0 0 1 0 "),
    PROGRAM(comparison, "comparisons", "1 0 1 0 0 1 1 0 1 0 0 "),
    PROGRAM(guards, "guards that hold and guards that fail", "1 1 1 1 1 1 "),
    PROGRAM(arrays_and_strings, "arrays and strings", "3 0 -77 8 97 intarray"),
    PROGRAM(errors, "every uop that can raise",
            "integer overflow (instruction 4); "
            "integer overflow (instruction 15); "
            "integer overflow (instruction 26); "
            "integer overflow (instruction 36); "
            "integer division by zero (instruction 47); "
            "integer modulo by zero (instruction 58); "
            "float division by zero (instruction 69); "
            "square root of a negative number (instruction 79); "
            "float too large for an integer (instruction 89); "
            "float too large for an integer (instruction 99); "
            "bad array size (instruction 109); "
            "array index -1 out of range (instruction 121); "
            "array index 2 out of range (instruction 134); "
            "string index 3 out of range (instruction 145); "
            "raised on purpose (instruction 154); "),
    PROGRAM(uncaught, "an error that ends the program",
            "error: nobody catches this (instruction 0)"),
    PROGRAM(deoptimise, "from a trace to the interpreter", "42"),
    PROGRAM(no_return, "running past the end",
            "error: ran past the last instruction (instruction 2)"),
};

const size_t cp_conformance_count = sizeof(cp_conformance) / sizeof(cp_conformance[0]);
