// What each uop does, as the cases of a switch. The interpreter includes this file as it is;
// the build cuts it up and compiles each case alone, inside of template.c, into a stencil.
//
// A case sees frame, stack_pointer, thread and current_executor, and uses these macros, which mean
// different things to the interpreter and to a stencil:
//
//   CURRENT_OPARG() CURRENT_OPERAND0() CURRENT_OPERAND1() CURRENT_TARGET()   the operands
//   GETLOCAL(i)               a local variable
//   JUMP_TO_JUMP_TARGET()     go to the instruction that jump_target names
//   JUMP_TO_ERROR()           go to the one that error_target names; an error has been raised
//   JUMP_TO_TOP()             go to the first instruction of the trace
//   GOTO_TIER_ONE(index)      leave the trace: the interpreter goes on at `index`
//   GOTO_TIER_TWO(executor)   leave the trace for another one
//
// stack_pointer points past the top of the stack. The layout matters to the build: eight spaces
// before `case` and before the brace that closes it.

        // Traces: how they begin, repeat and end //////////////////////////////////////////////////

        case _NOP: {
            break;
        }

        case _START_EXECUTOR: {
            thread->current_executor = current_executor;
            break;
        }

        // Put before every other uop by the trace builder when it has been asked to count.
        case _COUNT_EXECUTION: {
            *(uint64_t *)(uintptr_t)CURRENT_OPERAND0() += 1;
            break;
        }

        // External data. A loop without this could not be stopped.
        case _CHECK_EVENTS: {
            if (cp_interrupt_requested) {
                cp_raise(thread, "interrupted", CURRENT_TARGET());
                JUMP_TO_ERROR();
            }
            break;
        }

        case _JUMP: {
            JUMP_TO_JUMP_TARGET();
            break;
        }

        case _JUMP_TO_TOP: {
            JUMP_TO_TOP();
            break;
        }

        // Where the guards of a trace jump to when they fail.
        case _EXIT_TRACE: {
            cp_exit *exit = (cp_exit *)(uintptr_t)CURRENT_OPERAND0();
            const cp_executor *executor = exit->executor;
            if (executor == NULL) {
                executor = cp_warm_exit(thread, exit);
                if (executor == NULL) {
                    GOTO_TIER_ONE(exit->target);
                }
            }
            GOTO_TIER_TWO(executor);
            break;
        }

        // An exit that stays cold, so that it is not worth counting.
        case _DEOPT: {
            GOTO_TIER_ONE(CURRENT_TARGET());
            break;
        }

        case _RETURN_VALUE: {
            cp_assert(stack_pointer == frame->stack + 1);
            thread->result = stack_pointer[-1];
            thread->result_kind = (cp_kind)CURRENT_OPARG();
            stack_pointer -= 1;
            GOTO_TIER_ONE(CP_DONE);
            break;
        }

        // Stands behind the last uop of every program and trace, which never falls through.
        case _FATAL_ERROR: {
            cp_raise(thread, "ran past the last instruction", CURRENT_TARGET());
            GOTO_TIER_ONE(CP_ERROR);
            break;
        }

        // Errors //////////////////////////////////////////////////////////////////////////////////

        case _RAISE: {
            const cp_string *text = (const cp_string *)(uintptr_t)CURRENT_OPERAND0();
            cp_raise(thread, text->bytes, CURRENT_TARGET());
            JUMP_TO_ERROR();
            break;
        }

        case _PROPAGATE_ERROR: {
            cp_assert(thread->error[0] != '\0');
            GOTO_TIER_ONE(CP_ERROR);
            break;
        }

        // An error can strike with anything on the stack: handlers begin with an empty one.
        case _CATCH_ERROR: {
            cp_assert(thread->error[0] != '\0');
            stack_pointer = frame->stack;
            const cp_string *text = cp_new_string(thread, thread->error);
            if (text == NULL) {
                JUMP_TO_ERROR();
            }
            thread->error[0] = '\0';
            stack_pointer[0].s = text;
            stack_pointer += 1;
            break;
        }

        // Constants ///////////////////////////////////////////////////////////////////////////////

        case _PUSH_SMALL_INT: {
            stack_pointer[0].i = CURRENT_OPARG();
            stack_pointer += 1;
            cp_assert(stack_pointer <= frame->stack + CP_STACK_SIZE);
            break;
        }

        case _PUSH_INT: {
            stack_pointer[0].bits = CURRENT_OPERAND0();
            stack_pointer += 1;
            cp_assert(stack_pointer <= frame->stack + CP_STACK_SIZE);
            break;
        }

        case _PUSH_FLOAT: {
            stack_pointer[0].bits = CURRENT_OPERAND0();
            stack_pointer += 1;
            cp_assert(stack_pointer <= frame->stack + CP_STACK_SIZE);
            break;
        }

        case _PUSH_STRING: {
            stack_pointer[0].s = (const cp_string *)(uintptr_t)CURRENT_OPERAND0();
            stack_pointer += 1;
            cp_assert(stack_pointer <= frame->stack + CP_STACK_SIZE);
            break;
        }

        // A table of constants, which travels as the data of the stencil.
        case _PUSH_POWER_OF_TEN: {
            static const int64_t powers[] = {
                1, 10, 100, 1000, 10000, 100000, 1000000, 10000000,
                100000000, 1000000000, 10000000000, 100000000000,
                1000000000000, 10000000000000, 100000000000000, 1000000000000000,
            };
            stack_pointer[0].i = powers[CURRENT_OPARG() & 15];
            stack_pointer += 1;
            cp_assert(stack_pointer <= frame->stack + CP_STACK_SIZE);
            break;
        }

        // Text in the stencil's data. An array of char and not of pointers: compilers may turn a
        // table of pointers into one of relative offsets, which has relocations of its own.
        case _PUSH_KIND_NAME: {
            static const char names[4][8] = {"int", "float", "string", "array"};
            const cp_string *name = cp_new_string(thread, names[CURRENT_OPARG() & 3]);
            if (name == NULL) {
                JUMP_TO_ERROR();
            }
            stack_pointer[0].s = name;
            stack_pointer += 1;
            cp_assert(stack_pointer <= frame->stack + CP_STACK_SIZE);
            break;
        }

        // Stack and locals ////////////////////////////////////////////////////////////////////////

        case _POP: {
            cp_assert(stack_pointer > frame->stack);
            stack_pointer -= 1;
            break;
        }

        // oparg 1 copies the top.
        case _COPY: {
            uint16_t depth = CURRENT_OPARG();
            cp_assert(stack_pointer - depth >= frame->stack);
            stack_pointer[0] = stack_pointer[-(int)depth];
            stack_pointer += 1;
            cp_assert(stack_pointer <= frame->stack + CP_STACK_SIZE);
            break;
        }

        case _SWAP: {
            cp_value top = stack_pointer[-1];
            stack_pointer[-1].bits = stack_pointer[-2].bits;
            stack_pointer[-2].bits = top.bits;
            break;
        }

        case _LOAD: {
            stack_pointer[0] = GETLOCAL(CURRENT_OPARG());
            stack_pointer += 1;
            cp_assert(stack_pointer <= frame->stack + CP_STACK_SIZE);
            break;
        }

        case _LOAD_PAIR: {
            uint16_t oparg = CURRENT_OPARG();
            stack_pointer[0] = GETLOCAL(oparg >> 8);
            stack_pointer[1] = GETLOCAL(oparg & 255);
            stack_pointer += 2;
            cp_assert(stack_pointer <= frame->stack + CP_STACK_SIZE);
            break;
        }

        case _STORE: {
            cp_assert(stack_pointer > frame->stack);
            GETLOCAL(CURRENT_OPARG()) = stack_pointer[-1];
            stack_pointer -= 1;
            break;
        }

        // For loop counters; wraps around, as the next one does.
        case _ADD_TO_LOCAL: {
            GETLOCAL(CURRENT_OPARG()).bits += CURRENT_OPERAND0();
            break;
        }

        // Both operands: local * operand0 + operand1, the step of many a random number generator.
        case _SCALE_LOCAL: {
            cp_value *local = &GETLOCAL(CURRENT_OPARG());
            local->bits = local->bits * CURRENT_OPERAND0() + CURRENT_OPERAND1();
            break;
        }

        // Integers ////////////////////////////////////////////////////////////////////////////////

        case _INT_ADD: {
            int64_t sum;
            if (__builtin_add_overflow(stack_pointer[-2].i, stack_pointer[-1].i, &sum)) {
                cp_raise(thread, "integer overflow", CURRENT_TARGET());
                JUMP_TO_ERROR();
            }
            stack_pointer[-2].i = sum;
            stack_pointer -= 1;
            break;
        }

        case _INT_SUB: {
            int64_t difference;
            if (__builtin_sub_overflow(stack_pointer[-2].i, stack_pointer[-1].i, &difference)) {
                cp_raise(thread, "integer overflow", CURRENT_TARGET());
                JUMP_TO_ERROR();
            }
            stack_pointer[-2].i = difference;
            stack_pointer -= 1;
            break;
        }

        case _INT_MUL: {
            int64_t product;
            if (__builtin_mul_overflow(stack_pointer[-2].i, stack_pointer[-1].i, &product)) {
                cp_raise(thread, "integer overflow", CURRENT_TARGET());
                JUMP_TO_ERROR();
            }
            stack_pointer[-2].i = product;
            stack_pointer -= 1;
            break;
        }

        case _INT_DIV: {
            int64_t divisor = stack_pointer[-1].i;
            if (divisor == 0) {
                cp_raise(thread, "integer division by zero", CURRENT_TARGET());
                JUMP_TO_ERROR();
            }
            stack_pointer[-2].i = cp_int_divide(stack_pointer[-2].i, divisor);
            stack_pointer -= 1;
            break;
        }

        case _INT_MOD: {
            int64_t divisor = stack_pointer[-1].i;
            if (divisor == 0) {
                cp_raise(thread, "integer modulo by zero", CURRENT_TARGET());
                JUMP_TO_ERROR();
            }
            stack_pointer[-2].i = cp_int_modulo(stack_pointer[-2].i, divisor);
            stack_pointer -= 1;
            break;
        }

        case _INT_NEG: {
            int64_t negated;
            if (__builtin_sub_overflow((int64_t)0, stack_pointer[-1].i, &negated)) {
                cp_raise(thread, "integer overflow", CURRENT_TARGET());
                JUMP_TO_ERROR();
            }
            stack_pointer[-1].i = negated;
            break;
        }

        case _INT_AND: {
            stack_pointer[-2].bits &= stack_pointer[-1].bits;
            stack_pointer -= 1;
            break;
        }

        case _INT_OR: {
            stack_pointer[-2].bits |= stack_pointer[-1].bits;
            stack_pointer -= 1;
            break;
        }

        case _INT_XOR: {
            stack_pointer[-2].bits ^= stack_pointer[-1].bits;
            stack_pointer -= 1;
            break;
        }

        // The bits that leave are lost, as everywhere.
        case _INT_SHIFT_LEFT: {
            stack_pointer[-1].bits <<= CURRENT_OPARG() & 63;
            break;
        }

        case _INT_SHIFT_RIGHT: {
            stack_pointer[-1].i >>= CURRENT_OPARG() & 63;
            break;
        }

        case _INT_TO_FLOAT: {
            stack_pointer[-1].f = (double)stack_pointer[-1].i;
            break;
        }

        // Floats: one operation a uop, so that no compiler can fuse two and round once ////////////

        case _FLOAT_ADD: {
            stack_pointer[-2].f += stack_pointer[-1].f;
            stack_pointer -= 1;
            break;
        }

        case _FLOAT_SUB: {
            stack_pointer[-2].f -= stack_pointer[-1].f;
            stack_pointer -= 1;
            break;
        }

        case _FLOAT_MUL: {
            stack_pointer[-2].f *= stack_pointer[-1].f;
            stack_pointer -= 1;
            break;
        }

        case _FLOAT_DIV: {
            double divisor = stack_pointer[-1].f;
            if (divisor == 0.0) {
                cp_raise(thread, "float division by zero", CURRENT_TARGET());
                JUMP_TO_ERROR();
            }
            stack_pointer[-2].f /= divisor;
            stack_pointer -= 1;
            break;
        }

        // On the bits: the instruction for floats would want a mask of 16 aligned bytes as data.
        case _FLOAT_NEG: {
            stack_pointer[-1].bits ^= (uint64_t)1 << 63;
            break;
        }

        case _FLOAT_SQRT: {
            if (stack_pointer[-1].f < 0.0) {
                cp_raise(thread, "square root of a negative number", CURRENT_TARGET());
                JUMP_TO_ERROR();
            }
            stack_pointer[-1].f = cp_float_sqrt(stack_pointer[-1].f);
            break;
        }

        // A float constant, which travels as the data of the stencil.
        case _FLOAT_TO_RADIANS: {
            stack_pointer[-1].f *= 0.017453292519943295;
            break;
        }

        // Both bounds are powers of two, so they are exact; NaN fails the test too.
        case _FLOAT_TO_INT: {
            double value = stack_pointer[-1].f;
            if (!(value >= -9223372036854775808.0 && value < 9223372036854775808.0)) {
                cp_raise(thread, "float too large for an integer", CURRENT_TARGET());
                JUMP_TO_ERROR();
            }
            stack_pointer[-1].i = (int64_t)value;
            break;
        }

        // Comparison: pushes 0 or 1 ///////////////////////////////////////////////////////////////

        case _INT_LT: {
            stack_pointer[-2].i = stack_pointer[-2].i < stack_pointer[-1].i;
            stack_pointer -= 1;
            break;
        }

        case _INT_LE: {
            stack_pointer[-2].i = stack_pointer[-2].i <= stack_pointer[-1].i;
            stack_pointer -= 1;
            break;
        }

        case _INT_EQ: {
            stack_pointer[-2].i = stack_pointer[-2].i == stack_pointer[-1].i;
            stack_pointer -= 1;
            break;
        }

        case _FLOAT_LT: {
            stack_pointer[-2].i = stack_pointer[-2].f < stack_pointer[-1].f;
            stack_pointer -= 1;
            break;
        }

        case _FLOAT_LE: {
            stack_pointer[-2].i = stack_pointer[-2].f <= stack_pointer[-1].f;
            stack_pointer -= 1;
            break;
        }

        case _STRING_EQ: {
            stack_pointer[-2].i = cp_string_equal(stack_pointer[-2].s, stack_pointer[-1].s);
            stack_pointer -= 1;
            break;
        }

        case _NOT: {
            stack_pointer[-1].i = stack_pointer[-1].i == 0;
            break;
        }

        // Guards: they fall through when what they promise holds, and jump when it does not ///////

        case _GUARD_TRUE: {
            stack_pointer -= 1;
            if (stack_pointer[0].i == 0) {
                JUMP_TO_JUMP_TARGET();
            }
            break;
        }

        case _GUARD_FALSE: {
            stack_pointer -= 1;
            if (stack_pointer[0].i != 0) {
                JUMP_TO_JUMP_TARGET();
            }
            break;
        }

        // Four uops in one; most loops begin with it.
        case _GUARD_LOCAL_LT: {
            uint16_t oparg = CURRENT_OPARG();
            if (GETLOCAL(oparg >> 8).i >= GETLOCAL(oparg & 255).i) {
                JUMP_TO_JUMP_TARGET();
            }
            break;
        }

        // operand0 <= top < operand1; the value stays.
        case _GUARD_INT_RANGE: {
            int64_t value = stack_pointer[-1].i;
            if (value < (int64_t)CURRENT_OPERAND0() || value >= (int64_t)CURRENT_OPERAND1()) {
                JUMP_TO_JUMP_TARGET();
            }
            break;
        }

        // Array and index stay. Where the index is out of range, _ARRAY_GET says so.
        case _GUARD_ITEM_KIND: {
            const cp_array *array = stack_pointer[-2].a;
            uint64_t index = stack_pointer[-1].bits;
            if (index < (uint64_t)array->size && array->kinds[index] != CURRENT_OPARG()) {
                JUMP_TO_JUMP_TARGET();
            }
            break;
        }

        // Arrays //////////////////////////////////////////////////////////////////////////////////

        // size -> array of that many integers 0
        case _NEW_ARRAY: {
            cp_array *array = cp_new_array(thread, stack_pointer[-1].i, CURRENT_TARGET());
            if (array == NULL) {
                JUMP_TO_ERROR();
            }
            stack_pointer[-1].a = array;
            break;
        }

        case _ARRAY_SIZE: {
            stack_pointer[-1].i = stack_pointer[-1].a->size;
            break;
        }

        // array, index -> item. One unsigned comparison finds negative indexes too.
        case _ARRAY_GET: {
            const cp_array *array = stack_pointer[-2].a;
            int64_t index = stack_pointer[-1].i;
            if ((uint64_t)index >= (uint64_t)array->size) {
                cp_raise_index(thread, "array", index, CURRENT_TARGET());
                JUMP_TO_ERROR();
            }
            stack_pointer[-2] = array->items[index];
            stack_pointer -= 1;
            break;
        }

        // array, index, value ->
        case _ARRAY_SET: {
            cp_array *array = stack_pointer[-3].a;
            int64_t index = stack_pointer[-2].i;
            if ((uint64_t)index >= (uint64_t)array->size) {
                cp_raise_index(thread, "array", index, CURRENT_TARGET());
                JUMP_TO_ERROR();
            }
            array->items[index] = stack_pointer[-1];
            array->kinds[index] = (unsigned char)CURRENT_OPARG();
            stack_pointer -= 3;
            break;
        }

        // Strings /////////////////////////////////////////////////////////////////////////////////

        case _INT_TO_STRING: {
            const cp_string *text = cp_int_to_string(thread, stack_pointer[-1].i);
            if (text == NULL) {
                JUMP_TO_ERROR();
            }
            stack_pointer[-1].s = text;
            break;
        }

        case _STRING_CONCAT: {
            const cp_string *text = cp_string_concat(
                thread, stack_pointer[-2].s, stack_pointer[-1].s);
            if (text == NULL) {
                JUMP_TO_ERROR();
            }
            stack_pointer[-2].s = text;
            stack_pointer -= 1;
            break;
        }

        case _STRING_SIZE: {
            stack_pointer[-1].i = stack_pointer[-1].s->size;
            break;
        }

        // string, index -> byte
        case _STRING_BYTE: {
            const cp_string *text = stack_pointer[-2].s;
            int64_t index = stack_pointer[-1].i;
            if ((uint64_t)index >= (uint64_t)text->size) {
                cp_raise_index(thread, "string", index, CURRENT_TARGET());
                JUMP_TO_ERROR();
            }
            stack_pointer[-2].i = (unsigned char)text->bytes[index];
            stack_pointer -= 1;
            break;
        }
