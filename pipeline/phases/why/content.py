"""What differs between two runs, as one JSON object holds it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pandas as pd

from pipeline.compare.frames import ColumnDifference, FrameDifference
from pipeline.compare.values import plain
from pipeline.phases.why.compose import Why
from pipeline.phases.why.rows import RowsCompared


def content_of(why: Why, shown: int) -> dict[str, Any]:
    """Return all that was compared.

    Parameters
    ----------
    shown
        How many rows of each difference are shown; all are counted.
    """
    content: dict[str, Any] = plain(
        {
            "job": why.job,
            "a": why.a.run_id,
            "b": why.b.run_id,
            "said": why.said,
            "groups": [
                {
                    "group": group.name,
                    "state": group.state,
                    "changes": list(map(asdict, group.changes)),
                    "not_compared": group.lost,
                }
                for group in why.groups
            ],
            "rows": [_rows(rows, shown) for rows in why.rows],
            "metrics": {"values": list(map(asdict, why.metrics.lines)), "not_compared": why.metrics.lost},
        }
    )
    return content


def _rows(rows: RowsCompared, shown: int) -> dict[str, Any]:
    found = {"rows": rows.name, "state": rows.state, "key": rows.key, "not_compared": rows.lost}
    return found | (_difference(rows.difference, rows.key, shown) if rows.difference else {})


def _difference(found: FrameDifference, key: list[str], shown: int) -> dict[str, Any]:
    return {
        "only_a": {"count": len(found.only_a), "keys": records(found.only_a[key], shown)},
        "only_b": {"count": len(found.only_b), "keys": records(found.only_b[key], shown)},
        "in_both": found.common,
        "changed": found.changed,
        "columns": [_column(name, column, shown) for name, column in found.columns.items()],
        "columns_only_a": found.columns_only_a,
        "columns_only_b": found.columns_only_b,
        "types": {name: {"a": a, "b": b} for name, (a, b) in found.types.items()},
        "doubled_a": found.doubled_a,
        "doubled_b": found.doubled_b,
    }


def _column(name: str, column: ColumnDifference, shown: int) -> dict[str, Any]:
    keys, pairs = records(column.keys, shown), records(column.values, shown)
    rows = [{"key": key, **pair} for key, pair in zip(keys, pairs, strict=True)]
    return {"column": name, "count": column.count, "largest": column.largest, "values": rows}


def records(frame: pd.DataFrame, shown: int) -> list[dict[Any, Any]]:
    """Return the first rows of a frame as objects; a missing value is None."""
    first = frame.head(shown).astype(object)
    found: list[dict[Any, Any]] = first.where(first.notna(), None).to_dict("records")
    return found
