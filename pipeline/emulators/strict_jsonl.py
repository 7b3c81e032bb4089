"""Read newline-delimited JSON as a load job does: each row fits the schema or is refused.

Arrow reads well-formed files at the speed of a plain load. Rows are read one by one only if Arrow refuses a file or has
accepted what JSON does not allow: to name the bad row, or to convert values that BigQuery accepts and Arrow does not.
"""

from __future__ import annotations

import codecs
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
    """A row that does not fit: where it starts, in bytes from the start of the file, and why, in BigQuery's words."""

    position: int
    reason: str


@dataclass(frozen=True)
class Rows:
    """The rows of a file: those that fit, as a table of shape (good rows, fields), and the bad ones."""

    table: pa.Table
    bad: list[BadRow]

    @property
    def number(self) -> int:
        """The number of rows that were read, good or bad."""
        return int(self.table.num_rows) + len(self.bad)


def read_strict(path: Path, fields: Sequence[Field], max_bad: int = 0) -> Rows:
    """Return the rows of a file, up to the bad row that is one too many.

    A row is bad if it has an unknown field, lacks a required one, has a value of another type, or is not a JSON object.

    Parameters
    ----------
    max_bad
        Number of bad rows that are allowed.

    Returns
    -------
    Rows
        With more than `max_bad` bad rows the file was not read to its end.
    """
    data = path.read_bytes()
    if data.startswith(GZIP):
        data = gzip.decompress(data)
    # Arrow skips a byte-order mark, the reader of single rows refuses it: both ways have to agree.
    is_fast = not data.startswith(codecs.BOM_UTF8)
    table = (_read_fast(data, fields) if is_fast else None) if data.strip() else _table([], fields)
    return _read_slowly(data, fields, max_bad) if table is None else Rows(table, [])


def _read_fast(data: bytes, fields: Sequence[Field]) -> pa.Table | None:
    """Return the rows as Arrow reads them, shape (rows, fields); None if they must be read one by one."""
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
    """Return whether a table is free of what Arrow accepts and BigQuery refuses.

    That is NaN, Infinity, NULL in a required field, two rows in a line, or a row in two lines.
    """
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
        mark = ": the row begins with a byte-order mark" if line.startswith(codecs.BOM_UTF8) else ""
        raise Refused(f"Parser terminated before end of string{mark}") from None
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
