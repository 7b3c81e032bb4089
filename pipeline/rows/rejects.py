"""Splits a frame into rows that fit a schema and rejected rows, each with its column and reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.errors import CheckError, quoted
from pipeline.rows.cast import declared_columns
from pipeline.rows.schema import Column, Schema
from pipeline.rows.unfit_values import fit_column, reasons_of, shown, texts_of

LONGEST_VALUE = 200
"""A rejected value is cut off after this many characters."""


@dataclass(frozen=True)
class Split:
    """The rows of a frame that fit a schema, and a description of the others.

    Parameters
    ----------
    frame
        The columns of the schema before the cast, shape (rows, columns).
    cast
        The columns after the cast, shape (rows, columns); values that do not fit are missing or cannot be written.
    misfits
        Whether a value does not fit, shape (rows, columns).
    rejects
        One row for each row that does not fit: `line` (1 for the first row of the frame), `column` (the first that is
        wrong), `reason` and `value`.
    """

    frame: pd.DataFrame
    cast: pd.DataFrame
    misfits: pd.DataFrame
    rejects: pd.DataFrame

    @cached_property
    def rows(self) -> pd.DataFrame:
        """Rows that fit, in their order, cast to the schema, shape (rows, columns)."""
        return self.fitting(list(self.cast.columns))

    def fitting(self, columns: Sequence[str]) -> pd.DataFrame:
        """Return columns of the rows in which these fit, cast to the schema, shape (rows, columns)."""
        rejected = self.misfits[list(columns)].any(axis=1)
        cast = self.cast[list(columns)]
        return cast[~rejected].reset_index(drop=True) if rejected.any() else cast


def split_frame(frame: pd.DataFrame, schema: Schema, *, origin: str) -> Split:
    """Split a frame into rows that fit a schema and rejects.

    Whole columns are cast. Single rows are examined only where a cast fails or values are missing or infinite.

    Parameters
    ----------
    frame
        Shape (rows, columns); it is not changed.
    origin
        Source of the frame, for errors.

    Raises
    ------
    RequestError
        A column of the schema is missing.
    """
    frame = declared_columns(frame, schema, origin).reset_index(drop=True)
    columns = {column.name: fit_column(frame[column.name], column) for column in schema.columns}
    cast = pd.DataFrame({name: values for name, (values, _) in columns.items()}, index=frame.index)
    misfits = pd.DataFrame({name: wrong for name, (_, wrong) in columns.items()}, index=frame.index)
    rejected = misfits.any(axis=1)
    return Split(frame, cast, misfits, _rejects(frame[rejected], misfits[rejected], schema))


def refuse_rejects(split: Split, file: str) -> None:
    """Refuse a split with rejects.

    Raises
    ------
    CheckError
        A row does not fit; the message names the number of such rows and the first one's file, line and column.
    """
    if len(split.rejects):
        first = split.rejects.iloc[0]
        raise CheckError(
            f"{len(split.rejects)} of {len(split.rejects) + len(split.rows)} rows do not fit, the first is {file}: "
            f"line {first['line']}, column {first['column']}: {first['reason']} ({quoted(first['value'])})",
            hint="fix the code or SQL that makes these rows",
        )


def write_rejects(split: Split, key: Sequence[str], file: str, path: Path) -> None:
    """Write rejected rows as JSON Lines: file, line, column, reason, key (as text) and value.

    Parameters
    ----------
    key
        Columns that name a row.
    file
        Name of the file that the rows were meant for.
    """
    import polars as pl

    rejects = split.rejects
    keys = split.frame.loc[rejects["line"] - 1, list(key)]
    texts = {name: texts_of(keys[name]).where(keys[name].notna(), None).tolist() for name in key}
    data = pl.DataFrame({name: rejects[name].tolist() for name in ("line", "column", "reason", "value")})
    key_column = pl.DataFrame(texts, schema=dict.fromkeys(key, pl.String)).to_struct("key")
    data = data.with_columns(pl.lit(file).alias("file"), key_column)
    data.select("file", "line", "column", "reason", "key", "value").write_ndjson(path)


def _rejects(frame: pd.DataFrame, wrong: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """Describe rejected rows; `wrong`, of the shape of `frame`, is True where a value does not fit."""
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
