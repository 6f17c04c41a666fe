"""All seven targets: built, compared with the generators, and executed where this machine can."""
