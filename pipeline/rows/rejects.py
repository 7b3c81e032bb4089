"""Rejects: rows that do not fit a schema, found by whole columns, each with the column and the reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl

from pipeline.errors import CheckError, quoted
from pipeline.rows.cast import declared_columns
from pipeline.rows.schema import Column, Schema
from pipeline.rows.unfit_values import fit_column, reasons_of, shown, texts_of

LONGEST_VALUE = 200
"""Characters of a rejected value that are written."""


@dataclass(frozen=True)
class Split:
    """The rows of a frame that fit a schema, and those that do not.

    Parameters
    ----------
    rows
        Rows that fit, in their order, cast to the schema.
    rejects
        `line` (1 for the first row of the frame), `column` (the first that is wrong), `reason` and `value`.
    """

    rows: pd.DataFrame
    rejects: pd.DataFrame


def split_frame(frame: pd.DataFrame, schema: Schema, *, origin: str) -> Split:
    """Tell the rows that fit a schema from those that do not.

    The columns are cast whole; only where that fails, or values are missing or infinite, rows are looked for.

    Parameters
    ----------
    frame
        Is not changed.
    origin
        Where it comes from.

    Raises
    ------
    RequestError
        A column of the schema is missing.
    """
    frame = declared_columns(frame, schema, origin).reset_index(drop=True)
    columns = {column.name: fit_column(frame[column.name], column) for column in schema.columns}
    rows = pd.DataFrame({name: values for name, (values, _) in columns.items()}, index=frame.index)
    wrong = pd.DataFrame({name: misfits for name, (_, misfits) in columns.items()}, index=frame.index)
    rejected = wrong.any(axis=1)
    if not rejected.any():
        return Split(rows, _rejects(frame[:0], wrong[:0], schema))
    return Split(rows[~rejected].reset_index(drop=True), _rejects(frame[rejected], wrong[rejected], schema))


def refuse_rejects(split: Split, file: str) -> None:
    """Raise when a row does not fit.

    Raises
    ------
    CheckError
        The first of them, with file, line and column.
    """
    if len(split.rejects):
        first = split.rejects.iloc[0]
        raise CheckError(
            f"{len(split.rejects)} of {len(split.rejects) + len(split.rows)} rows do not fit, the first is {file}: "
            f"line {first['line']}, column {first['column']}: {first['reason']} ({quoted(first['value'])})",
            hint="mend what makes these rows",
        )


def write_rejects(rejects: pd.DataFrame, frame: pd.DataFrame, key: Sequence[str], file: str, path: Path) -> None:
    """Write rejected rows as JSON Lines: file, line, column, reason, key (as text) and value.

    Parameters
    ----------
    rejects
        Of `split_frame(frame, ...)`.
    key
        Columns that name a row.
    file
        Name of the file that the rows were meant for.
    """
    keys = frame.reset_index(drop=True).loc[rejects["line"] - 1, list(key)]
    texts = {name: texts_of(keys[name]).where(keys[name].notna(), None).tolist() for name in key}
    data = pl.DataFrame({name: rejects[name].tolist() for name in ("line", "column", "reason", "value")})
    key_column = pl.DataFrame(texts, schema=dict.fromkeys(key, pl.String)).to_struct("key")
    data = data.with_columns(pl.lit(file).alias("file"), key_column)
    data.select("file", "line", "column", "reason", "key", "value").write_ndjson(path)


def _rejects(frame: pd.DataFrame, wrong: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """Describe rejected rows; `wrong` has the shape of `frame`, True where a value does not fit."""
    first = wrong.to_numpy().argmax(axis=1) if len(wrong) else np.array([], dtype=int)
    found = [_described(frame.loc[first == at, column.name], column) for at, column in enumerate(schema.columns)]
    return pd.concat(found).sort_values("line", ignore_index=True)


def _described(values: pd.Series, column: Column) -> pd.DataFrame:
    described = {
        "line": values.index + 1,
        "column": column.name,
        "reason": reasons_of(values, column),
        "value": shown(values).str[:LONGEST_VALUE],
    }
    return pd.DataFrame(described, index=values.index)
