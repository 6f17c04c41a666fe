// Stands for what configure writes; one file for every target, so it asks the compiler.
#define SIZEOF_VOID_P __SIZEOF_POINTER__
#define MINI_FEATURE 1
