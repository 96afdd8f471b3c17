"""Readers of data sets: each gives arrays, labels and splits, and drops what must not be learned from."""
