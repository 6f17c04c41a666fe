// What a header of this tree may call. Only the names matter here; patching is the run time's.

void
patch_64(unsigned char *location, unsigned long long value)
{
}

void
patch_aarch64_12(unsigned char *location, unsigned long long value)
{
}

void
patch_aarch64_21r(unsigned char *location, unsigned long long value)
{
}

void
patch_aarch64_trampoline(unsigned char *location, int ordinal, void *state)
{
}

void
patch_x86_64_32rx(unsigned char *location, unsigned long long value)
{
}
