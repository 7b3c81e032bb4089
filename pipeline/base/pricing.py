"""What bytes cost: BigQuery bills whole MiB, and some for every table that a query names, however small."""

from __future__ import annotations

MEBIBYTE, TEBIBYTE = 2**20, 2**40

LEAST = 10 * MEBIBYTE
"""Bytes that are billed at least, of a query and of every table in it."""


def billed_bytes(processed: int, tables: int) -> int:
    """Return what is billed for the bytes that a query processes in a number of tables.

    BigQuery rounds table by table, of which a dry run says nothing: this is the least that it can be.
    """
    if not processed:
        return 0
    return max(-(-processed // MEBIBYTE) * MEBIBYTE, LEAST * max(tables, 1))


def cost_of(billed: int | None, price_per_tib: float | None) -> float | None:
    """Return the cost of bytes in the currency of the price; None where bytes or price are not known."""
    return None if billed is None or price_per_tib is None else billed / TEBIBYTE * price_per_tib
