"""Statements that read more than they need: a star over a source, or a partitioned table without a filter."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import zetasql.types as z

STARS = (z.ASTStar, z.ASTDotStar, z.ASTStarWithModifiers, z.ASTDotStarWithModifiers)


def starred_sources(parsed: Any, sources: frozenset[str]) -> Iterator[str]:
    """Yield the sources from which every column is selected: BigQuery bills by the column."""
    for select in nodes(parsed, z.ASTSelect):
        columns = select.select_list.columns if select.select_list else []
        if any(isinstance(column.expression, STARS) for column in columns):
            yield from sorted(set(_tables_from(select.from_clause)) & sources)


def unfiltered_tables(resolved: Any, partitions: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield each partitioned table that a statement reads without a filter on the partition, with a message.

    The reader of a view sets the filters, and an insert does not read its table.
    """
    if isinstance(resolved, z.ResolvedCreateViewStmt):
        return
    written = getattr(resolved, "table_scan", None)
    for scan, filters in _scans(resolved, ()):
        column = partitions.get(scan.table.name)
        if column is None or (scan is written and isinstance(resolved, z.ResolvedInsertStmt)):
            continue
        clauses = resolved.when_clause_list if scan is written else []  # BigQuery prunes the table of a MERGE by them
        conditions = (*filters, *(clause.match_expr for clause in clauses))
        ids = {listed.column_id for listed in scan.column_list if listed.name == column}
        if not any(ref.column.column_id in ids for tree in conditions for ref in nodes(tree, z.ResolvedColumnRef)):
            yield scan.table.name, f"{scan.table.name} is read without a filter on its partition {column}"


def partition_of(resolved: Any, partitions: Mapping[str, str]) -> str | None:
    """Return the column by which a new table is partitioned, or the partition column that a view shows."""
    if isinstance(resolved, z.ResolvedCreateTableStmtBase):
        columns = list(nodes(resolved.partition_by_list, z.ResolvedColumnRef))
        return columns[0].column.name if columns else None
    if isinstance(resolved, z.ResolvedCreateViewStmt):
        shown = {column.name for column in resolved.output_column_list}
        read = {partitions.get(scan.table.name) for scan, _ in _scans(resolved, ())}
        return next(iter(sorted(shown & {name for name in read if name})), None)
    return None


def _scans(node: Any, filters: tuple[Any, ...]) -> Iterator[tuple[Any, tuple[Any, ...]]]:
    """Yield every table that is read, with the conditions above it."""
    if isinstance(node, z.ResolvedTableScan):
        yield node, filters
    if isinstance(node, z.ResolvedFilterScan):
        filters = (*filters, node.filter_expr)
    for child in _children(node):
        yield from _scans(child, filters)


def _tables_from(clause: Any) -> Iterator[str]:
    """Yield the names in a FROM clause, without those of its subqueries."""
    if isinstance(clause, z.ASTTablePathExpression) and clause.path_expr:
        yield ".".join(name.id_string for name in clause.path_expr.names)
    elif not isinstance(clause, z.ASTTableSubquery):
        for child in _children(clause):
            yield from _tables_from(child)


def nodes(node: Any, *kinds: type) -> Iterator[Any]:
    """Yield the nodes of some kinds in a syntax tree, including its root."""
    waiting = [node]
    while waiting:
        current = waiting.pop()
        if isinstance(current, kinds):
            yield current
        waiting += reversed(list(_children(current)))


def _children(node: Any) -> Iterator[Any]:
    if isinstance(node, list):
        yield from node
    for name in _fields(node):
        value = getattr(node, name)
        if isinstance(value, list) or _fields(value):
            yield value


def _fields(node: Any) -> tuple[str, ...]:
    kind: Any = type(node)
    return _fields_of(kind)


@cache
def _fields_of(kind: Any) -> tuple[str, ...]:
    """Return the fields of a kind of node; none for columns, the most frequent kind, which have no nodes below them."""
    if kind is z.ResolvedColumn or not dataclasses.is_dataclass(kind):
        return ()
    return tuple(field.name for field in dataclasses.fields(kind))
