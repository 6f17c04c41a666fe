"""Helpers of the tests: real scons on small trees, and counting what it ran."""
