"""Labels of BigQuery jobs and tables: who made them."""

from __future__ import annotations

from collections.abc import Mapping

LONGEST = 63


def as_labels(values: Mapping[str, str]) -> dict[str, str]:
    """Return labels in the only form that BigQuery takes: at most 63 characters of a-z 0-9 _ -."""
    return {key: _label(value) for key, value in values.items()}


def _label(text: str) -> str:
    return "".join(c if c.isascii() and (c.isalnum() or c in "_-") else "_" for c in text.lower())[:LONGEST]
