#include "programs.h"

// The language is described in program.h. A loop is written as
//
//     loop:  check_events  guard_local_lt i n done  ...  add_to_local i 1  jump loop
//     done:

// Integers and loops //////////////////////////////////////////////////////////////////////////////

static const char sum[] =
    "local n  local i  local total\n"
    "loop:\n"
    "    check_events  guard_local_lt i n done\n"
    "    load_pair total i  int_add  store total\n"
    "    add_to_local i 1  jump loop\n"
    "done:\n"
    "    load total  return_value int\n";

// The start below n whose sequence takes the most steps to reach 1. Odd and even numbers take
// turns without a pattern, so that the guard fails about as often as it holds: its exit gets hot
// and becomes a second trace that jumps back into the first.
static const char collatz[] =
    "local n  local start  local x  local steps  local best  local best_start\n"
    "    push_small_int 1  store start\n"
    "outer:\n"
    "    check_events  guard_local_lt start n done\n"
    "    load start  store x\n"
    "    push_small_int 0  store steps\n"
    "step:\n"
    "    load x  push_small_int 1  int_eq  guard_false finished\n"
    "    add_to_local steps 1\n"
    "    load x  push_small_int 1  int_and  guard_false odd\n"
    "    load x  int_shift_right 1  store x\n"
    "    jump step\n"
    "odd:\n"
    "    scale_local x 3 1\n"
    "    jump step\n"
    "finished:\n"
    "    guard_local_lt best steps next\n"
    "    load steps  store best\n"
    "    load start  store best_start\n"
    "next:\n"
    "    add_to_local start 1  jump outer\n"
    "done:\n"
    "    load best_start  return_value int\n";

static const char sieve[] =
    "local n  local i  local j  local count  local composite\n"
    "    load n  new_array  store composite\n"
    "    push_small_int 2  store i\n"
    "outer:\n"
    "    check_events  guard_local_lt i n done\n"
    "    load_pair composite i  array_get  guard_false next\n"
    "    add_to_local count 1\n"
    "    load_pair i i  int_mul  store j\n"
    "strike:\n"
    "    guard_local_lt j n next\n"
    "    load_pair composite j  push_small_int 1  array_set int\n"
    "    load_pair j i  int_add  store j\n"
    "    jump strike\n"
    "next:\n"
    "    add_to_local i 1  jump outer\n"
    "done:\n"
    "    load count  return_value int\n";

// Floats //////////////////////////////////////////////////////////////////////////////////////////

// Iterations over an n by n grid, up to 50 for a point.
static const char mandelbrot[] =
    "local n  local row  local column  local k  local limit  local total\n"
    "local step  local cr  local ci  local zr  local zi  local zr2  local zi2\n"
    "    push_small_int 50  store limit\n"
    "    push_float 3.0  load n  int_to_float  float_div  store step\n"
    "rows:\n"
    "    check_events  guard_local_lt row n done\n"
    "    load row  int_to_float  load step  float_mul  push_float 1.5  float_sub  store ci\n"
    "    push_small_int 0  store column\n"
    "columns:\n"
    "    guard_local_lt column n next_row\n"
    "    load column  int_to_float  load step  float_mul  push_float 2.0  float_sub  store cr\n"
    "    push_float 0.0  store zr\n"
    "    push_float 0.0  store zi\n"
    "    push_small_int 0  store k\n"
    "iterate:\n"
    "    guard_local_lt k limit next_column\n"
    "    load_pair zr zr  float_mul  store zr2\n"
    "    load_pair zi zi  float_mul  store zi2\n"
    "    load_pair zr2 zi2  float_add  push_float 4.0  float_le  guard_true next_column\n"
    "    load_pair zr zi  float_mul  copy 1  float_add  load ci  float_add  store zi\n"
    "    load_pair zr2 zi2  float_sub  load cr  float_add  store zr\n"
    "    add_to_local k 1  jump iterate\n"
    "next_column:\n"
    "    load_pair total k  int_add  store total\n"
    "    add_to_local column 1  jump columns\n"
    "next_row:\n"
    "    add_to_local row 1  jump rows\n"
    "done:\n"
    "    load total  return_value int\n";

// The Sun and the four giant planets over n steps; the result is the energy, times a million.
#define NEW_ARRAY(NAME) "    push_small_int 5  new_array  store " NAME "\n"
#define SET(ARRAY, BODY, VALUE) \
    "    load " ARRAY "  push_small_int " BODY "  push_float " VALUE "  array_set float\n"
#define BODY(INDEX, X, Y, Z, VX, VY, VZ, MASS) \
    SET("x", INDEX, X) SET("y", INDEX, Y) SET("z", INDEX, Z) \
    SET("vx", INDEX, VX) SET("vy", INDEX, VY) SET("vz", INDEX, VZ) SET("mass", INDEX, MASS)
#define DIFFERENCE(D, ARRAY) \
    "    load_pair " ARRAY " i  array_get  load_pair " ARRAY " j  array_get  float_sub  " \
    "store " D "\n"
#define SQUARES(A, B, C) \
    "    load_pair " A " " A "  float_mul  load_pair " B " " B "  float_mul  float_add  " \
    "load_pair " C " " C "  float_mul  float_add\n"
#define KICK(V, INDEX, D, PULL, OPERATION) \
    "    load_pair " V " " INDEX "  copy 2  copy 2  array_get  " \
    "load_pair " D " " PULL "  float_mul  " OPERATION "  array_set float\n"
#define MOVE(ARRAY, V) \
    "    load_pair " ARRAY " i  copy 2  copy 2  array_get  " \
    "load_pair " V " i  array_get  load dt  float_mul  float_add  array_set float\n"

static const char nbody[] =
    "local n  local step  local i  local j  local bodies  local dt  local energy\n"
    "local x  local y  local z  local vx  local vy  local vz  local mass\n"
    "local dx  local dy  local dz  local square  local pull_i  local pull_j\n"
    "    push_small_int 5  store bodies\n"
    "    push_float 0.01  store dt\n"
    NEW_ARRAY("x") NEW_ARRAY("y") NEW_ARRAY("z")
    NEW_ARRAY("vx") NEW_ARRAY("vy") NEW_ARRAY("vz") NEW_ARRAY("mass")
    BODY("0", "0.0", "0.0", "0.0", "0.0", "0.0", "0.0", "39.47841760435743")
    BODY("1", "4.841431442464721", "-1.1603200440274284", "-0.10362204447112311",
         "0.606326392995832", "2.81198684491626", "-0.02521836165988763", "0.03769367487038949")
    BODY("2", "8.34336671824458", "4.124798564124305", "-0.4035234171143214",
         "-1.0107743461787924", "1.8256623712304119", "0.008415761376584154",
         "0.011286326131968767")
    BODY("3", "12.894369562139131", "-15.111151401698631", "-0.22330757889265573",
         "1.0827910064415354", "0.8687130181696082", "-0.010832637401363636",
         "0.0017237240570597112")
    BODY("4", "15.379697114850917", "-25.919314609987964", "0.17925877295037118",
         "0.979090732243898", "0.5946989986476762", "-0.034755955504078104",
         "0.0020336868699246304")
    "steps:\n"
    "    check_events  guard_local_lt step n measure\n"
    "    push_small_int 0  store i\n"
    "kick_i:\n"
    "    guard_local_lt i bodies moves\n"
    "    load i  store j  add_to_local j 1\n"
    "kick_j:\n"
    "    guard_local_lt j bodies next_i\n"
    DIFFERENCE("dx", "x") DIFFERENCE("dy", "y") DIFFERENCE("dz", "z")
    SQUARES("dx", "dy", "dz")
    "    store square\n"
    "    load dt  load square  copy 1  float_sqrt  float_mul  float_div\n"
    "    copy 1  load_pair mass i  array_get  float_mul  store pull_i\n"
    "    load_pair mass j  array_get  float_mul  store pull_j\n"
    KICK("vx", "i", "dx", "pull_j", "float_sub")
    KICK("vy", "i", "dy", "pull_j", "float_sub")
    KICK("vz", "i", "dz", "pull_j", "float_sub")
    KICK("vx", "j", "dx", "pull_i", "float_add")
    KICK("vy", "j", "dy", "pull_i", "float_add")
    KICK("vz", "j", "dz", "pull_i", "float_add")
    "    add_to_local j 1  jump kick_j\n"
    "next_i:\n"
    "    add_to_local i 1  jump kick_i\n"
    "moves:\n"
    "    push_small_int 0  store i\n"
    "move:\n"
    "    guard_local_lt i bodies moved\n"
    MOVE("x", "vx") MOVE("y", "vy") MOVE("z", "vz")
    "    add_to_local i 1  jump move\n"
    "moved:\n"
    "    add_to_local step 1  jump steps\n"
    "measure:\n"
    "    push_float 0.0  store energy\n"
    "    push_small_int 0  store i\n"
    "energy_i:\n"
    "    guard_local_lt i bodies done\n"
    "    load_pair vx i  array_get  store dx\n"
    "    load_pair vy i  array_get  store dy\n"
    "    load_pair vz i  array_get  store dz\n"
    "    load energy  push_float 0.5  load_pair mass i  array_get  float_mul\n"
    SQUARES("dx", "dy", "dz")
    "    float_mul  float_add  store energy\n"
    "    load i  store j  add_to_local j 1\n"
    "energy_j:\n"
    "    guard_local_lt j bodies energy_next\n"
    DIFFERENCE("dx", "x") DIFFERENCE("dy", "y") DIFFERENCE("dz", "z")
    "    load energy  load_pair mass i  array_get  load_pair mass j  array_get  float_mul\n"
    SQUARES("dx", "dy", "dz")
    "    float_sqrt  float_div  float_sub  store energy\n"
    "    add_to_local j 1  jump energy_j\n"
    "energy_next:\n"
    "    add_to_local i 1  jump energy_i\n"
    "done:\n"
    "    load energy  push_float 1e6  float_mul  return_value float\n";

// The trace of a product of two n by n matrices.
static const char matmul[] =
    "local n  local i  local j  local k  local a  local b  local c  local total\n"
    "local size  local cell  local row\n"
    "    load_pair n n  int_mul  store size\n"
    "    load size  new_array  store a\n"
    "    load size  new_array  store b\n"
    "    load size  new_array  store c\n"
    "fill:\n"
    "    guard_local_lt i size filled\n"
    "    load_pair a i  load i  push_small_int 7  int_mod  int_to_float  array_set float\n"
    "    load_pair b i  load i  push_small_int 5  int_mod  int_to_float  array_set float\n"
    "    add_to_local i 1  jump fill\n"
    "filled:\n"
    "    push_small_int 0  store i\n"
    "rows:\n"
    "    check_events  guard_local_lt i n product\n"
    "    load_pair i n  int_mul  store row\n"
    "    push_small_int 0  store j\n"
    "columns:\n"
    "    guard_local_lt j n next_row\n"
    "    push_float 0.0  store cell\n"
    "    push_small_int 0  store k\n"
    "dot:\n"
    "    guard_local_lt k n store_cell\n"
    "    load cell\n"
    "    load a  load_pair row k  int_add  array_get\n"
    "    load b  load_pair k n  int_mul  load j  int_add  array_get\n"
    "    float_mul  float_add  store cell\n"
    "    add_to_local k 1  jump dot\n"
    "store_cell:\n"
    "    load c  load_pair row j  int_add  load cell  array_set float\n"
    "    add_to_local j 1  jump columns\n"
    "next_row:\n"
    "    add_to_local i 1  jump rows\n"
    "product:\n"
    "    push_float 0.0  store total\n"
    "    push_small_int 0  store i\n"
    "diagonal:\n"
    "    guard_local_lt i n done\n"
    "    load total  load c  load_pair i n  int_mul  load i  int_add  array_get\n"
    "    float_add  store total\n"
    "    add_to_local i 1  jump diagonal\n"
    "done:\n"
    "    load total  return_value float\n";

// Guards on kinds, strings, errors ////////////////////////////////////////////////////////////////

// An array of integers with a float here and there. The trace bets on integers; the exit of its
// guard becomes the trace for floats.
static const char mixed[] =
    "local n  local i  local items  local whole  local fraction  local random\n"
    "    load n  new_array  store items\n"
    "fill:\n"
    "    check_events  guard_local_lt i n filled\n"
    "    scale_local random 6364136223846793005 1442695040888963407\n"
    "    load random  int_shift_right 60  guard_int_range -6 8 small\n"
    "    pop  load_pair items i  load i  array_set int\n"
    "    jump next\n"
    "small:\n"
    "    int_to_float  push_float 0.25  float_mul  store fraction\n"
    "    load_pair items i  load fraction  array_set float\n"
    "next:\n"
    "    add_to_local i 1  jump fill\n"
    "filled:\n"
    "    push_float 0.0  store fraction\n"
    "    push_small_int 0  store i\n"
    "add:\n"
    "    check_events  guard_local_lt i n done\n"
    "    load_pair items i  guard_item_kind int is_float\n"
    "    array_get  load whole  int_add  store whole\n"
    "    add_to_local i 1  jump add\n"
    "is_float:\n"
    "    array_get  load fraction  float_add  store fraction\n"
    "    add_to_local i 1  jump add\n"
    "done:\n"
    "    load whole  int_to_float  load fraction  float_add  return_value float\n";

// Spells out the numbers below n and hashes every character, then reads one too many.
static const char strings[] =
    "local n  local i  local j  local size  local text  local hash\n"
    "numbers:\n"
    "    check_events  guard_local_lt i n one_too_many\n"
    "    load i  int_to_string  push_string ' bottles'  string_concat  store text\n"
    "    load text  string_size  store size\n"
    "    push_small_int 0  store j\n"
    "characters:\n"
    "    guard_local_lt j size next\n"
    "    load_pair text j  string_byte  load hash  int_xor  store hash\n"
    "    scale_local hash 1099511628211 0\n"
    "    add_to_local j 1  jump characters\n"
    "next:\n"
    "    add_to_local i 1  jump numbers\n"
    "one_too_many:\n"
    "    load hash  push_int 0xff  int_and  load text  string_size  int_add\n"
    "    store j\n"
    "    load_pair text j  string_byte  return_value int\n";

// One division in seven fails. Its handler is not part of the trace: the interpreter runs it.
static const char recover[] =
    "local n  local i  local total  local text\n"
    "loop:\n"
    "    check_events  guard_local_lt i n done\n"
    "    on_error failed\n"
    "    load n  load i  push_small_int 7  int_mod  int_div\n"
    "    load total  int_add  store total\n"
    "next:\n"
    "    add_to_local i 1  jump loop\n"
    "failed:\n"
    "    catch_error  store text\n"
    "    load text  string_size  load total  int_sub  int_neg  store total\n"
    "    jump next\n"
    "done:\n"
    "    load total  return_value int\n";

const cp_example cp_examples[] = {
    {
        "sum", "adds the integers below n", sum,
        100000, "4999950000",
        20000000, "199999990000000",
    },
    {
        "collatz", "longest Collatz sequence below n", collatz,
        1000, "871",
        100000, "77031",
    },
    {
        "sieve", "counts the primes below n", sieve,
        10000, "1229",
        3000000, "216816",
    },
    {
        "mandelbrot", "iterations over an n by n grid", mandelbrot,
        24, "7360",
        800, "7878902",
    },
    {
        "nbody", "energy of five bodies after n steps", nbody,
        100, "-169266.65164096837",
        100000, "-169228.80529623272",
    },
    {
        "matmul", "trace of an n by n product", matmul,
        16, "1517",
        240, "345583",
    },
    {
        "mixed", "adds n integers and floats", mixed,
        10000, "43591650",
        3000000, "3939746386115.25",
    },
    {
        "strings", "hashes n strings, ends in an error", strings,
        500, "error: string index 189 out of range (instruction 31)",
        400000, "error: string index 186 out of range (instruction 31)",
    },
    {
        "recover", "n divisions, every 7th by zero", recover,
        1000, "344321",
        3000000, "3149984207120",
    },
};

const size_t cp_example_count = sizeof(cp_examples) / sizeof(cp_examples[0]);
