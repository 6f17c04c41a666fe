// No include guard, as CPython's has none: to read it twice is an error (see mini_tables).

#define GETLOCAL(INDEX) (frame->locals[INDEX])
#define STACK_GROW(N) (stack_pointer += (N))

// Constants that hold addresses. On 64-bit Windows a release's generator knows no relocation for those.
#ifdef _WIN64
static const char mini_tables[][8] = {"red", "green", "blue", "grey"};
#else
static const char *const mini_tables[] = {"red", "green", "blue", "a colour that nobody has named"};
#endif
