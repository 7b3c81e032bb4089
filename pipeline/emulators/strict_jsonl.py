"""Newline-delimited JSON read as a load job reads it: a row fits the schema, or is refused.

Arrow reads what is well-formed, at the speed of a plain load. Only when Arrow refuses a file, or has read what JSON
does not allow, do we look at each row: to say which one and why, or to convert what BigQuery takes and Arrow does not.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj

from pipeline.emulators.json_values import CONVERTERS, Refused, text

ARROW_TYPES: dict[str, pa.DataType] = {
    "STRING": pa.string(),
    "INT64": pa.int64(),
    "FLOAT64": pa.float64(),
    "BOOL": pa.bool_(),
    "DATE": pa.date32(),
    "TIMESTAMP": pa.timestamp("us", "UTC"),
    "NUMERIC": pa.decimal128(38, 9),
}


BLOCK = 16 * 1024 * 1024  # bytes of one row at most, and what one core parses at a time


GZIP = b"\x1f\x8b"


@dataclass(frozen=True)
class Field:
    """A column of the target table: name, GoogleSQL type and whether NULL is refused."""

    name: str
    type: str
    required: bool


@dataclass(frozen=True)
class BadRow:
    """A row that does not fit.

    Parameters
    ----------
    position
        Where the row starts, in bytes from the start of the file.
    reason
        Why it was refused, in BigQuery's words.
    """

    position: int
    reason: str


@dataclass(frozen=True)
class Rows:
    """What was read of a file: the rows that fit, with all columns in their order, and those that do not."""

    table: pa.Table
    bad: list[BadRow]

    @property
    def number(self) -> int:
        """All rows that were read."""
        return int(self.table.num_rows) + len(self.bad)


def read_strict(path: Path, fields: Sequence[Field], max_bad: int = 0) -> Rows:
    """Read a file of rows, or up to the row that makes too many bad ones.

    A row is bad when it has an unknown field, lacks a required one, has a value of another type, or is no JSON object.

    Parameters
    ----------
    max_bad
        How many bad rows there may be.

    Returns
    -------
    Rows
        With more than `max_bad` bad rows the file was not read to its end.
    """
    data = path.read_bytes()
    if data.startswith(GZIP):
        data = gzip.decompress(data)
    table = _read_fast(data, fields) if data.strip() else _table([], fields)
    return _read_slowly(data, fields, max_bad) if table is None else Rows(table, [])


def _read_fast(data: bytes, fields: Sequence[Field]) -> pa.Table | None:
    """Read by Arrow; None where only a look at each row can tell."""
    arrow = {field.name: ARROW_TYPES[field.type] for field in fields}
    # Arrow reads a date from a number only
    read_as = pa.schema([(name, pa.string() if pa.types.is_date(kind) else kind) for name, kind in arrow.items()])
    try:
        parsed = pj.read_json(
            pa.BufferReader(data),
            read_options=pj.ReadOptions(block_size=BLOCK),
            parse_options=pj.ParseOptions(explicit_schema=read_as, unexpected_field_behavior="error"),
        )
        table = parsed.select(list(arrow)).cast(pa.schema(list(arrow.items())))
    except (pa.ArrowInvalid, UnicodeDecodeError):
        return None
    return table if _is_sound(table, data, fields) else None


def _is_sound(table: pa.Table, data: bytes, fields: Sequence[Field]) -> bool:
    """Check what Arrow lets pass: NaN and Infinity, NULL where it is refused, two rows in a line or one in two."""
    if any(table[field.name].null_count for field in fields if field.required):
        return False
    numbers = (table[field.name] for field in fields if field.type == "FLOAT64")
    if any(pc.all(pc.is_finite(column)).as_py() is False for column in numbers):
        return False
    return bool(table.num_rows == data.count(b"\n") + (not data.endswith(b"\n")))


def _read_slowly(data: bytes, fields: Sequence[Field], max_bad: int) -> Rows:
    known = {field.name: field for field in fields}
    good: list[dict[str, Any]] = []
    bad: list[BadRow] = []
    for position, line in _lines(data):
        try:
            good.append(_convert_row(line, known))
        except Refused as error:
            bad.append(BadRow(position, str(error)))
            if len(bad) > max_bad:
                break
    return Rows(_table(good, fields), bad)


def _lines(data: bytes) -> Iterator[tuple[int, bytes]]:
    position = 0
    for line in data.split(b"\n"):
        if line.strip():
            yield position, line
        position += len(line) + 1


def _convert_row(line: bytes, known: dict[str, Field]) -> dict[str, Any]:
    try:
        row = orjson.loads(line)
    except orjson.JSONDecodeError:
        raise Refused("Parser terminated before end of string") from None
    if not isinstance(row, dict):
        raise Refused("Parser terminated before end of string")
    for name in row:
        if name not in known:
            raise Refused(f"No such field: {name}.")
    return {name: _convert_value(row, field) for name, field in known.items()}


def _convert_value(row: dict[str, Any], field: Field) -> object:
    value = row.get(field.name)
    if value is None:
        if field.required and field.name not in row:
            raise Refused(f"Missing required field: {field.name}.")
        if field.required:
            raise Refused(f"Only optional fields can be set to NULL. Field: {field.name}; Value: NULL")
        return None
    try:
        return CONVERTERS[field.type](value)
    except Refused as error:
        raise Refused(f"{error} Field: {field.name}; Value: {text(value)}") from None


def _table(rows: list[dict[str, Any]], fields: Sequence[Field]) -> pa.Table:
    return pa.Table.from_pylist(rows, pa.schema([(field.name, ARROW_TYPES[field.type]) for field in fields]))
