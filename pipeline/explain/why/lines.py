"""What differs between two runs, as one JSON object holds it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import pandas as pd

from pipeline.explain.changes import change_lines, plain, value_text
from pipeline.explain.compare_frames import ColumnDifference, FrameDifference
from pipeline.explain.why.compose import Why
from pipeline.explain.why.data import MetricLine
from pipeline.explain.why.rows import RowsCompared


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
            "rows": [_rows_json(rows, shown) for rows in why.rows],
            "metrics": {"values": list(map(asdict, why.metrics.lines)), "not_compared": why.metrics.lost},
        }
    )
    return content


def _rows_json(rows: RowsCompared, shown: int) -> dict[str, Any]:
    found = {"rows": rows.name, "state": rows.state, "key": rows.key, "not_compared": rows.lost}
    return found | (_difference(rows.difference, rows.key, shown) if rows.difference else {})


def _difference(found: FrameDifference, key: list[str], shown: int) -> dict[str, Any]:
    return {
        "only_a": {"count": len(found.only_a), "keys": records(found.only_a[key], shown)},
        "only_b": {"count": len(found.only_b), "keys": records(found.only_b[key], shown)},
        "in_both": found.common,
        "changed": found.changed,
        "columns": [_column_json(name, column, shown) for name, column in found.columns.items()],
        "columns_only_a": found.columns_only_a,
        "columns_only_b": found.columns_only_b,
        "types": {name: {"a": a, "b": b} for name, (a, b) in found.types.items()},
        "doubled_a": found.doubled_a,
        "doubled_b": found.doubled_b,
    }


def _column_json(name: str, column: ColumnDifference, shown: int) -> dict[str, Any]:
    keys, pairs = records(column.keys, shown), records(column.values, shown)
    rows = [{"key": key, **pair} for key, pair in zip(keys, pairs, strict=True)]
    return {"column": name, "count": column.count, "largest": column.largest, "values": rows}


def records(frame: pd.DataFrame, shown: int) -> list[dict[Any, Any]]:
    """Return the first rows of a frame as objects; a missing value is None."""
    first = frame.head(shown).astype(object)
    found: list[dict[Any, Any]] = first.where(first.notna(), None).to_dict("records")
    return found


def why_lines(why: Why, shown: int) -> Iterator[str]:
    """Return the lines: a group each, with what differs below.

    Parameters
    ----------
    shown
        How many rows of each difference are shown; all are counted.
    """
    yield f"A {why.a.run_id}"
    yield f"B {why.b.run_id}"
    for group in why.groups:
        yield f"{group.name}: {group.state}"
        for change in group.changes:
            yield from (f"  {line}" for line in change_lines(change))
        yield from _lost(group.lost)
    for rows in why.rows:
        yield f"{rows.name}: {rows.state}"
        if rows.difference:
            yield from _rows(rows, rows.difference, shown)
        yield from _lost(rows.lost)
    yield "metrics:"
    yield from map(_metric, why.metrics.lines)
    yield from _lost(why.metrics.lost)
    yield why.said


def _lost(lost: Sequence[str]) -> Iterator[str]:
    for said in lost:
        yield f"  not compared: {said}"


def _rows(rows: RowsCompared, found: FrameDifference, shown: int) -> Iterator[str]:
    yield f"  in both {found.common:,}, of which {found.changed:,} differ; by {', '.join(rows.key)}"
    for letter, only in (("A", found.only_a), ("B", found.only_b)):
        yield f"  only in {letter} {len(only):,}"
        yield from _keys(only[rows.key], shown)
    for name, column in found.columns.items():
        yield from _column(name, column, shown)
    for letter, names in (("A", found.columns_only_a), ("B", found.columns_only_b)):
        if names:
            yield f"  columns only in {letter}: {', '.join(names)}"
    for name, (a, b) in found.types.items():
        yield f"  type of {name}: {a} -> {b}"
    for letter, count in (("A", found.doubled_a), ("B", found.doubled_b)):
        if count:
            yield f"  not compared: {letter}: {count:,} rows share their key with another one"


def _keys(keys: pd.DataFrame, shown: int) -> Iterator[str]:
    yield from (f"    {_key(key)}" for key in records(keys, shown))
    yield from _more(len(keys), shown)


def _column(name: str, column: ColumnDifference, shown: int) -> Iterator[str]:
    gap = "" if column.largest is None else f", by at most {value_text(column.largest)}"
    yield f"  {name}: {column.count:,} rows differ{gap}"
    for key, pair in zip(records(column.keys, shown), records(column.values, shown), strict=True):
        yield f"    {_key(key)}: {value_text(pair['a'])} -> {value_text(pair['b'])}"
    yield from _more(column.count, shown)


def _more(count: int, shown: int) -> Iterator[str]:
    if count > shown:
        yield f"    ... and {count - shown:,} more: --rows {count} shows all"


def _key(key: Mapping[str, Any]) -> str:
    return " ".join(map(value_text, key.values()))


def _metric(line: MetricLine) -> str:
    gap = "" if line.difference is None else f" ({line.difference:+.4g})"
    only = f", only in {line.only}" if line.only else ""
    return f"  {line.variant} {line.metric} {_number(line.a)} -> {_number(line.b)}{gap}{only}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
