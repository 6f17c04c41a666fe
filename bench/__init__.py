"""Benchmarks: copypatch against the tree's own generator. README.md says how to run them and what they mean."""
