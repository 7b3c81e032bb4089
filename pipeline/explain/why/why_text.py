"""What differs between two runs, as lines of text and as one JSON object."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import pandas as pd

from pipeline.explain.changes import change_lines, plain, value_text
from pipeline.explain.compare_frames import ColumnDifference, FrameDifference
from pipeline.explain.why.data import MetricLine, RowsCompared
from pipeline.explain.why.why import Why


def why_json(why: Why, shown: int) -> dict[str, Any]:
    """Return everything that was compared as one JSON object.

    Parameters
    ----------
    shown
        How many rows of each difference to include; all are counted.
    """
    content: dict[str, Any] = plain(
        {
            "job": why.job,
            "a": why.a.run_id,
            "b": why.b.run_id,
            "summary": why.summary,
            "groups": [
                {
                    "group": group.name,
                    "state": group.state,
                    "changes": list(map(asdict, group.changes)),
                    "not_compared": group.not_compared,
                }
                for group in why.groups
            ],
            "rows": [_rows_json(rows, shown) for rows in why.rows],
            "metrics": {"values": list(map(asdict, why.metrics.lines)), "not_compared": why.metrics.not_compared},
        }
    )
    return content


def _rows_json(rows: RowsCompared, shown: int) -> dict[str, Any]:
    content = {"rows": rows.name, "state": rows.state, "key": rows.key, "not_compared": rows.not_compared}
    difference = rows.difference
    if difference is None:
        return content
    return {
        **content,
        "only_a": {"count": len(difference.only_a), "keys": _objects(difference.only_a[rows.key], shown)},
        "only_b": {"count": len(difference.only_b), "keys": _objects(difference.only_b[rows.key], shown)},
        "in_both": difference.common,
        "changed": difference.changed,
        "columns": [_column_json(name, column, shown) for name, column in difference.columns.items()],
        "columns_only_a": difference.columns_only_a,
        "columns_only_b": difference.columns_only_b,
        "types": {name: {"a": a, "b": b} for name, (a, b) in difference.types.items()},
        "doubled_a": difference.doubled_a,
        "doubled_b": difference.doubled_b,
    }


def _column_json(name: str, column: ColumnDifference, shown: int) -> dict[str, Any]:
    pairs = zip(_objects(column.keys, shown), _objects(column.values, shown), strict=True)
    rows = [{"key": key, **values} for key, values in pairs]
    return {"column": name, "count": column.count, "largest": column.largest, "values": rows}


def _objects(frame: pd.DataFrame, shown: int) -> list[dict[Any, Any]]:
    """Return the first rows of a frame as objects; a missing value is None."""
    first = frame.head(shown).astype(object)
    objects: list[dict[Any, Any]] = first.where(first.notna(), None).to_dict("records")
    return objects


def why_lines(why: Why, shown: int) -> Iterator[str]:
    """Return everything that was compared as lines, with the summary last.

    Parameters
    ----------
    shown
        How many rows of each difference to show; all are counted.
    """
    yield f"A {why.a.run_id}"
    yield f"B {why.b.run_id}"
    for group in why.groups:
        yield f"{group.name}: {group.state}"
        for change in group.changes:
            yield from (f"  {line}" for line in change_lines(change))
        yield from _not_compared(group.not_compared)
    for rows in why.rows:
        yield f"{rows.name}: {rows.state}"
        if rows.difference:
            yield from _row_lines(rows.difference, rows.key, shown)
        yield from _not_compared(rows.not_compared)
    yield "metrics:"
    yield from map(_metric_line, why.metrics.lines)
    yield from _not_compared(why.metrics.not_compared)
    yield why.summary


def _not_compared(reasons: Sequence[str]) -> Iterator[str]:
    return (f"  not compared: {reason}" for reason in reasons)


def _row_lines(difference: FrameDifference, key: list[str], shown: int) -> Iterator[str]:
    yield f"  in both {difference.common:,}, of which {difference.changed:,} differ; by {', '.join(key)}"
    for letter, only in (("A", difference.only_a), ("B", difference.only_b)):
        yield f"  only in {letter} {len(only):,}"
        yield from (f"    {_key_text(row)}" for row in _objects(only[key], shown))
        yield from _more(len(only), shown)
    for name, column in difference.columns.items():
        yield from _column_lines(name, column, shown)
    for letter, names in (("A", difference.columns_only_a), ("B", difference.columns_only_b)):
        if names:
            yield f"  columns only in {letter}: {', '.join(names)}"
    for name, (a, b) in difference.types.items():
        yield f"  type of {name}: {a} -> {b}"
    for letter, count in (("A", difference.doubled_a), ("B", difference.doubled_b)):
        if count:
            yield f"  not compared: {letter}: {count:,} rows share their key with another row"


def _column_lines(name: str, column: ColumnDifference, shown: int) -> Iterator[str]:
    gap = "" if column.largest is None else f", by at most {value_text(column.largest)}"
    yield f"  {name}: {column.count:,} rows differ{gap}"
    for row, values in zip(_objects(column.keys, shown), _objects(column.values, shown), strict=True):
        yield f"    {_key_text(row)}: {value_text(values['a'])} -> {value_text(values['b'])}"
    yield from _more(column.count, shown)


def _more(count: int, shown: int) -> Iterator[str]:
    if count > shown:
        yield f"    ... and {count - shown:,} more: --rows {count} shows all"


def _key_text(key: Mapping[str, Any]) -> str:
    return " ".join(map(value_text, key.values()))


def _metric_line(line: MetricLine) -> str:
    a, b = ("-" if value is None else f"{value:.4f}" for value in (line.a, line.b))
    gap = "" if line.difference is None else f" ({line.difference:+.4g})"
    only = f", only in {line.only}" if line.only else ""
    return f"  {line.variant} {line.metric} {a} -> {b}{gap}{only}"
