"""Benchmarks: copypatch against the tree's own generator."""
