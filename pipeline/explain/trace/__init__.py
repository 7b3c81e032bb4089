"""Trace: what a number, file, model or table was made from, and what it fed. It only reads."""
