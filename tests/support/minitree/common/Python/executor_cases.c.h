// The uops of minitree. See the real file's rules: eight spaces before `case` and before its brace.

#ifdef TIER_ONE
    #error "This file is for Tier 2 only"
#endif
#define TIER_TWO 2

        case _NOP: {
            break;
        }

        case _LOAD_OPARG: {
            oparg = CURRENT_OPARG();
            stack_pointer[0] = GETLOCAL(oparg);
            Py_INCREF(stack_pointer[0]);
            STACK_GROW(1);
            break;
        }

        case _LOAD_OPERANDS: {
            tstate->counts[0] += (int64_t)CURRENT_OPERAND0();
            tstate->counts[1] = (int64_t)CURRENT_OPERAND1();
            break;
        }

        case _LOAD_NONE: {
            stack_pointer[0] = &mini_none;
            STACK_GROW(1);
            break;
        }

        case _ADD: {
            PyObject *sum = mini_add(tstate, stack_pointer[-2], stack_pointer[-1]);
            if (sum == NULL) {
                JUMP_TO_ERROR();
            }
            stack_pointer[-2] = sum;
            STACK_GROW(-1);
            break;
        }

        case _ADD_TWICE: {
            PyObject *sum = mini_add(tstate, stack_pointer[-2], stack_pointer[-1]);
            sum = sum == NULL ? NULL : mini_add(tstate, sum, stack_pointer[-1]);
            if (sum == NULL) {
                mini_raise(tstate, "the sum is too large");
                JUMP_TO_ERROR();
            }
            stack_pointer[-2] = sum;
            STACK_GROW(-1);
            break;
        }

        case _MIX: {
            // Two calls, so that no compiler inlines what it could.
            int64_t value = mini_local_value(frame, 0);
            value = mini_mix(value, 5);
            tstate->counts[2] = mini_mix(value, tstate->counts[1]);
            break;
        }

        case _ASSERTED: {
            assert(stack_pointer != NULL);
            assert(frame->stackpointer == NULL);
            tstate->counts[3] += mini_local_value(frame, CURRENT_OPARG());
            break;
        }

        case _NAME_COLOUR: {
            // The table's own address too, or the compiler would turn it into one of distances.
            tstate->names = mini_tables;
            tstate->error = mini_tables[CURRENT_OPARG() & 3];
            break;
        }

        case _CHOOSE: {
            // Far apart, so that the compiler compares: a jump table's relocations can't be patched.
            switch (tstate->counts[0]) {
                case 7: mini_raise(tstate, "seven"); break;
                case 7000: mini_raise(tstate, "seven thousand"); break;
                case 7000000: tstate->counts[0] = 0; break;
            }
            break;
        }

        case _ROOT: {
            tstate->number = mini_sqrt(tstate->number);
            break;
        }

        case _CHECK_INTERRUPT: {
            if (mini_interrupt) {
                mini_raise(tstate, "interrupted");
                JUMP_TO_ERROR();
            }
            break;
        }

        case _GUARD: {
            if (tstate->counts[0] & 1) {
                JUMP_TO_JUMP_TARGET();
            }
            break;
        }

        case _REPEAT: {
            PATCH_JUMP(_JIT_CONTINUE);
        }

        case _EXIT: {
            GOTO_TIER_ONE(frame->code + CURRENT_TARGET());
            break;
        }

        case _EXIT_TO_EXECUTOR: {
            tstate->current_executor = &current_executor->base;
            GOTO_TIER_TWO((_PyExecutorObject *)CURRENT_OPERAND0());
            break;
        }

        case _FAIL: {
            JUMP_TO_ERROR();
            break;
        }

        case _WARN: {
            // clang says that this result is unused, and the build has to pass that on.
            tstate->counts[0] == CURRENT_OPARG();
            break;
        }

#undef TIER_TWO
