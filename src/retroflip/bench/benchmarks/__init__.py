"""Benchmarks that others made, one file each: their questions, their own way to score, and ours beside it."""
