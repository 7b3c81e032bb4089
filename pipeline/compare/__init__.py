"""Comparisons of values, texts and frames; no I/O."""
