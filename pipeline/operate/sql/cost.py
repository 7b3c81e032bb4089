"""Statements that read more than they need: a star over a source, or a partitioned table without a filter.

Trees are the analyzer's messages as they come: its package turns them into objects, which takes ten times as long.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

STARS = {"ASTStarProto", "ASTDotStarProto", "ASTStarWithModifiersProto", "ASTDotStarWithModifiersProto"}
CREATE_TABLE = {"ResolvedCreateTableStmtProto", "ResolvedCreateTableAsSelectStmtProto"}


def starred_sources(parsed: Any, sources: frozenset[str]) -> Iterator[str]:
    """Yield the sources from which every column is selected: BigQuery bills by the column."""
    for select in nodes(parsed, "ASTSelectProto"):
        if any(kind_of(node_of(column.expression)) in STARS for column in select.select_list.columns):
            yield from sorted(set(_tables_from(select.from_clause)) & sources)


def unfiltered_tables(resolved: Any, partitions: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield each partitioned table that a statement reads without a filter on the partition, with a message.

    The reader of a view sets the filters, and an insert does not read its table.
    """
    kind = kind_of(resolved)
    if kind == "ResolvedCreateViewStmtProto":
        return
    written = getattr(resolved, "table_scan", None)
    for scan, filters in _scans(resolved, ()):
        column = partitions.get(scan.table.name)
        if column is None or (scan is written and kind == "ResolvedInsertStmtProto"):
            continue
        clauses = resolved.when_clause_list if scan is written else []  # BigQuery prunes the table of a MERGE by them
        conditions = (*filters, *(clause.match_expr for clause in clauses))
        ids = {listed.column_id for listed in field(scan, "column_list") if listed.name == column}
        if not any(ref.column.column_id in ids for tree in conditions for ref in nodes(tree, "ResolvedColumnRefProto")):
            yield scan.table.name, f"{scan.table.name} is read without a filter on its partition {column}"


def partition_of(resolved: Any, partitions: Mapping[str, str]) -> str | None:
    """Return the column by which a new table is partitioned, or the partition column that a view shows."""
    if kind_of(resolved) in CREATE_TABLE:
        trees = field(resolved, "partition_by_list")
        return next((ref.column.name for tree in trees for ref in nodes(tree, "ResolvedColumnRefProto")), None)
    if kind_of(resolved) == "ResolvedCreateViewStmtProto":
        shown = {column.name for column in field(resolved, "output_column_list")}
        read = {partitions.get(scan.table.name) for scan, _ in _scans(resolved, ())}
        return next(iter(sorted(shown & {name for name in read if name})), None)
    return None


def _scans(node: Any, filters: tuple[Any, ...]) -> Iterator[tuple[Any, tuple[Any, ...]]]:
    """Yield every table that is read, with the conditions above it."""
    if kind_of(node) == "ResolvedTableScanProto":
        yield node, filters
    if kind_of(node) == "ResolvedFilterScanProto":
        filters = (*filters, node.filter_expr)
    for child in _children(node):
        yield from _scans(child, filters)


def _tables_from(clause: Any) -> Iterator[str]:
    """Yield the names in a FROM clause, without those of its subqueries."""
    if kind_of(clause) == "ASTTablePathExpressionProto" and clause.HasField("path_expr"):
        yield ".".join(name.id_string for name in clause.path_expr.names)
    elif kind_of(clause) != "ASTTableSubqueryProto":
        for child in _children(clause):
            yield from _tables_from(child)


def nodes(node: Any, *kinds: str) -> Iterator[Any]:
    """Yield the nodes of some kinds in a tree, including its root; what a node shares with others is its parent."""
    waiting = [node]
    while waiting:
        current = waiting.pop()
        if kind_of(current) in kinds:
            yield current
        waiting += reversed(list(_children(current)))


def kind_of(node: Any) -> str:
    """Return the name of a node's message."""
    return str(node.DESCRIPTOR.name)


def node_of(choice: Any) -> Any:
    """Return the node in a message that holds one of several kinds."""
    while kind_of(choice).startswith("Any") and (held := choice.ListFields()):
        choice = held[0][1]
    return choice


def field(node: Any, name: str) -> Any:
    """Return a field of a node or of one of its parents."""
    while name not in node.DESCRIPTOR.fields_by_name:
        node = node.parent
    return getattr(node, name)


def _children(node: Any) -> Iterator[Any]:
    for descriptor, value in node.ListFields():
        if descriptor.message_type is not None:
            if hasattr(value, "DESCRIPTOR"):
                yield value
            else:
                yield from value
