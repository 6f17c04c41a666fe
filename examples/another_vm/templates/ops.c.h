// What each operation does. The build cuts this file up: eight spaces before `case` and its brace.

        case SET: {
            REGISTER(A()) = NUMBER();
            break;
        }

        case ADD: {
            REGISTER(A()) += REGISTER(B());
            break;
        }

        case MULTIPLY: {
            REGISTER(A()) *= REGISTER(B());
            break;
        }

        // Count a register down, and go back until it is zero.
        case LOOP: {
            if (--REGISTER(A()) != 0) {
                JUMP_TO(HOLE_LOOP);
            }
            break;
        }

        case SHOW: {
            calculator_show(machine, REGISTER(A()));
            break;
        }

        case END: {
            return steps + 1;
        }
