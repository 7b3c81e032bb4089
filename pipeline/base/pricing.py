"""The price of bytes: BigQuery bills whole MiB, and at least 10 MiB for each table of a query."""

from __future__ import annotations

MEBIBYTE, TEBIBYTE = 2**20, 2**40

LEAST = 10 * MEBIBYTE
"""Smallest number of billed bytes of a query and of each table in it."""


def billed_bytes(processed: int, tables: int) -> int:
    """Return the bytes that are billed for the bytes that a query processes in a number of tables.

    BigQuery rounds for each table, which a dry run does not report, so this is a lower bound.
    """
    if not processed:
        return 0
    return max(-(-processed // MEBIBYTE) * MEBIBYTE, LEAST * max(tables, 1))


def cost_of(billed: int | None, price_per_tib: float | None) -> float | None:
    """Return the cost of billed bytes in the currency of the price; None if bytes or price are unknown."""
    return None if billed is None or price_per_tib is None else billed / TEBIBYTE * price_per_tib
