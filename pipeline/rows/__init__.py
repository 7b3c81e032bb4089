"""Typed rows: schemas, exact casts, values that do not fit, JSON Lines."""
