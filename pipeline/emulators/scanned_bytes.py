"""Bytes that a query processes: the logical sizes, as BigQuery documents them, of the columns that it names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import sqlglot
from bqemulator.api.dependencies import AppContext
from bqemulator.catalog.models import TableFieldSchema
from bqemulator.storage.sql_identifiers import quoted_table_ref
from sqlglot import exp

from pipeline.base.pricing import billed_bytes
from pipeline.emulators.concurrent_dml import changed_by
from pipeline.emulators.json_values import standard_type

BYTES_OF_TYPE = {
    "BOOL": 1,
    **dict.fromkeys(("INT64", "FLOAT64", "DATE", "DATETIME", "TIME", "TIMESTAMP"), 8),
    **dict.fromkeys(("NUMERIC", "INTERVAL"), 16),
    "BIGNUMERIC": 32,
}
"""Bytes of a value by type; NULL has 0."""

LENGTH_BYTES = 2
"""Bytes of a STRING or BYTES value in addition to its content."""


def size_expression(field: TableFieldSchema) -> str:
    """Return the bytes of a column as an expression of DuckDB's SQL; other types are measured by their text."""
    name, size = f'"{field.name}"', BYTES_OF_TYPE.get(standard_type(field.type))
    is_array = field.mode == "REPEATED"
    if size is not None:
        return f"{size} * {f'SUM(LEN({name}))' if is_array else f'COUNT({name})'}"
    if is_array:
        return f"SUM(STRLEN(CAST({name} AS VARCHAR)))"
    length = f"OCTET_LENGTH({name})" if standard_type(field.type) == "BYTES" else f"STRLEN(CAST({name} AS VARCHAR))"
    return f"SUM({LENGTH_BYTES} + {length})"


Name = tuple[str, str, str]
"""Project, dataset and table."""


class Read(NamedTuple):
    """A table that a statement reads, and whether it reads every column."""

    name: Name
    is_whole: bool


@dataclass(frozen=True)
class Reads:
    """The tables and the lower-case names of columns that a statement reads."""

    tables: tuple[Read, ...] = ()
    columns: frozenset[str] = frozenset()


class Scan(NamedTuple):
    """The bytes that a statement processes, the tables that it reads, and those of them that do not exist."""

    processed: int
    tables: frozenset[Name]
    missing: tuple[Name, ...] = ()

    @property
    def billed(self) -> int:
        """Bytes that BigQuery bills for them."""
        return billed_bytes(self.processed, len(self.tables))


@dataclass
class ScannedBytes:
    """Estimates of one emulator; sizes of columns are kept while a table keeps its number of rows."""

    context: AppContext
    _sizes: dict[Name, tuple[int, dict[str, int]]] = field(default_factory=dict)

    def of(self, sql: str, project: str) -> Scan:
        """Return what a statement processes; 0 bytes if it cannot be parsed, which the emulator reports itself."""
        asked: dict[Name, set[str]] = {}
        missing = list(self._collect(sql, project, asked))
        processed = sum(sum(self._sizes_of(name, sorted(columns)).values()) for name, columns in asked.items())
        return Scan(processed, frozenset(asked), tuple(missing))

    def _collect(self, sql: str, project: str, asked: dict[Name, set[str]]) -> Iterator[Name]:
        """Add the columns of the tables that a statement reads, also through views; yield missing tables."""
        reads = reads_of(sql, project)
        for name, is_whole in reads.tables:
            meta = self.context.catalog.get_table(*name)
            if meta is None:
                yield name
            elif meta.view_query:
                yield from self._collect(meta.view_query, name[0], asked)
            else:
                wanted = (f.name for f in meta.schema_.fields if is_whole or f.name.lower() in reads.columns)
                asked.setdefault(name, set()).update(wanted)

    def _sizes_of(self, name: Name, columns: Iterable[str]) -> dict[str, int]:
        rows = self._one(f"SELECT COUNT(*) FROM {quoted_table_ref(*name)}")[0]  # noqa: S608 - a quoted identifier
        known_rows, known = self._sizes.get(name, (None, {}))
        sizes = known if known_rows == rows else {}
        new = [column for column in columns if column not in sizes]
        if new:
            sizes |= dict(zip(new, self._measured(name, new), strict=True))
        self._sizes[name] = (rows, sizes)
        return {column: sizes[column] for column in columns}

    def _measured(self, name: Name, columns: list[str]) -> list[int]:
        meta = self.context.catalog.get_table(*name)
        types = {f.name: f for f in (meta.schema_.fields if meta else ())}
        sums = ", ".join(size_expression(types[column]) for column in columns)
        return [int(size or 0) for size in self._one(f"SELECT {sums} FROM {quoted_table_ref(*name)}")]  # noqa: S608

    def _one(self, sql: str) -> tuple[Any, ...]:
        row: tuple[Any, ...] | None = self.context.engine.execute(sql).fetchone()
        return row or ()


def reads_of(sql: str, project: str) -> Reads:
    """Return the tables that a statement reads and the columns that it names."""
    try:
        tree = sqlglot.parse_one(sql, read="bigquery")
    except sqlglot.errors.SqlglotError:
        return Reads()
    if isinstance(tree, exp.Create) and tree.kind != "TABLE":  # the query of a view or a function does not run
        return Reads()
    filled, changed = _filled(tree), changed_by(tree)
    tables, columns = [], set()
    for node in tree.walk():
        if isinstance(node, exp.Identifier) and not isinstance(node.parent, exp.Table):
            columns.add(node.name.lower())
        elif (
            isinstance(node, exp.Table)
            and node.db
            and node is not filled
            and "INFORMATION_SCHEMA" not in (node.db, node.name.partition(".")[0])
        ):
            is_whole = node is changed or _is_starred(node)
            tables.append(Read((node.catalog or project, node.db, node.name), is_whole))
    return Reads(tuple(tables), frozenset(columns))


def _filled(tree: exp.Expr) -> exp.Expr | None:
    """Return the table that a statement fills without reading it."""
    if not isinstance(tree, exp.Create | exp.Insert | exp.Drop | exp.Alter):
        return None
    table: exp.Expr = tree.this.this if isinstance(tree.this, exp.Schema) else tree.this
    return table


def _is_starred(table: exp.Table) -> bool:
    """Return whether the SELECT of a table takes all columns."""
    select = table.parent.parent if isinstance(table.parent, exp.From | exp.Join) else None
    return isinstance(select, exp.Select) and any(column.is_star for column in select.expressions)


def table_in_words(name: Name) -> str:
    """Return a table as BigQuery writes it in errors."""
    return f"{name[0]}:{name[1]}.{name[2]}"
