"""Renders an asset: identifiers are put into places; values travel as parameters and never become text."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from pipeline.errors import RequestError
from pipeline.sql.catalogue import Asset
from pipeline.sql.header import fits
from pipeline.sql.identifiers import TableName, quote_columns, quote_name
from pipeline.sql.statement import (
    CODE,
    MENTIONED,
    Identifier,
    Statement,
    line_origins,
    named,
    places,
    statements_in,
    tables_in,
)

NEXT_WORD = re.compile(r"(?:\s++|--[^\n]*+|#[^\n]*+|/\*.*?\*/)*+`?(\w+)", re.DOTALL)
"""The next word behind a table, comments left out."""

AFTER_TABLE = frozenset(
    "WHERE GROUP HAVING QUALIFY WINDOW ORDER LIMIT UNION INTERSECT EXCEPT JOIN "
    "INNER LEFT RIGHT FULL CROSS ON USING TABLESAMPLE PIVOT UNPIVOT MATCH_RECOGNIZE".split()
)


def render(
    asset: Asset,
    identifiers: Mapping[str, Identifier],
    values: Mapping[str, Any],
    *,
    snapshot_at: datetime | None = None,
    snapshot_of: frozenset[str] = frozenset(),
    suffix: str = "",
) -> Statement:
    """Return the statement of an asset.

    Parameters
    ----------
    identifiers
        One value for each identifier of the header; a `Statement` for a query.
    values
        Values of the declared parameters; a nested statement brings its own.
    snapshot_at
        Moment at which the tables in `snapshot_of` are read.
    snapshot_of
        Identifiers that are base tables.
    suffix
        Appended to the names of parameters when a statement contains an expression more than once.

    Raises
    ------
    RequestError
        An identifier or parameter is missing, extra or malformed.
    """
    where = str(asset.path)
    _check_places(asset)
    _check_names("identifier", set(asset.header.identifiers), set(identifiers), where)
    _check_names("parameter", set(asset.header.parameters), set(values), where)
    for name, declared in asset.header.parameters.items():
        if not fits(values[name], declared):
            what = f"{asset.path}: parameter {name} is declared {declared}; {values[name]!r:.60} is not"
            quotes = "; put text in quotes" if "STRING" in declared else ""
            raise RequestError(f"{what}{quotes}", hint="fix the value in job.yaml, or the header")
    _refuse_aliases(asset, snapshot_of)
    texts = {name: _text(asset, name, value) for name, value in identifiers.items()}
    if snapshot_at:  # a literal, not a parameter: it is the engine's own, and the statement can be pasted and run again
        for name in snapshot_of & set(texts):
            texts[name] += f" FOR SYSTEM_TIME AS OF TIMESTAMP '{snapshot_at.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}+00'"
    nested = [statement for value in identifiers.values() for statement in statements_in(value)]
    types = {f"{name}{suffix}": kind for name, kind in asset.header.parameters.items()}
    return Statement(
        sql=CODE.sub(
            lambda match: _indented(match, texts[match["place"]]) if match["place"] else match[0],
            _renamed(asset, suffix),
        ),
        types=_merged(where, types, *(statement.types for statement in nested)),
        values=_merged(
            where, {f"{name}{suffix}": value for name, value in values.items()}, *(each.values for each in nested)
        ),
        assets=(asset, *(inner for statement in nested for inner in statement.assets)),
        lines=tuple(line_origins(asset, identifiers)),
        tables=tuple(tables_in(asset, identifiers)),
    )


def _indented(match: re.Match[str], text: str) -> str:
    """Indent all lines but the first as far as the line of the place."""
    line = match.string[match.string.rfind("\n", 0, match.start()) + 1 :]
    return text.replace("\n", "\n" + line[: len(line) - len(line.lstrip(" "))])


def _renamed(asset: Asset, suffix: str) -> str:
    """Append a suffix to the names of the declared parameters."""
    if not suffix:
        return asset.body
    names = asset.header.parameters
    return CODE.sub(lambda m: f"{m[0]}{suffix}" if m["parameter"] in names else m[0], asset.body)


def _refuse_aliases(asset: Asset, snapshot_of: frozenset[str]) -> None:
    """Refuse an alias of a base table: FOR SYSTEM_TIME is added before it, BigQuery wants it behind."""
    for match in places(asset.body):
        word = NEXT_WORD.match(asset.body, match.end())
        if match["place"] in snapshot_of and word and word.group(1).upper() not in AFTER_TABLE:
            line = asset.first_line + asset.body.count("\n", 0, match.start())
            what = f"{asset.path}:{line}: source {match['place']} has the alias {word.group(1)}"
            raise RequestError(what, hint="read it in a separate CTE, see docs/sql.md")


def _text(asset: Asset, name: str, value: Identifier) -> str:
    kind = asset.header.identifiers[name]
    if kind in ("table", "function") and isinstance(value, TableName):
        return value.quoted
    if kind == "column" and isinstance(value, str):
        return quote_columns([value])
    if kind == "name" and isinstance(value, str):
        return quote_name(value)
    if kind == "columns" and isinstance(value, Sequence) and not isinstance(value, str):
        return quote_columns([column for column in value if isinstance(column, str)])
    if kind == "expression" and isinstance(value, Statement):
        return value.sql.rstrip()
    if kind == "expressions" and not isinstance(value, TableName | str | Statement):
        return ",\n".join(f"{each[1].sql.rstrip()} AS {quote_columns([each[0]])}" for each in named(value))
    if kind == "query" and isinstance(value, Statement):
        return f"(\n{value.sql.rstrip().rstrip(';')}\n)"
    raise RequestError(f"{asset.path}: identifier {name} must be a {kind}, not {value!r}", hint="fix the caller")


def _check_names(kind: str, declared: set[str], given: set[str], where: str) -> None:
    for name in sorted(declared - given):
        raise RequestError(f"{where}: {kind} {name} is missing", hint=f"give a value for every declared {kind}")
    for name in sorted(given - declared):
        raise RequestError(f"{where}: {kind} {name} is not declared in the header", hint="declare it or leave it out")


def _check_places(asset: Asset) -> None:
    declared, used = set(asset.header.identifiers), {match["place"] for match in places(asset.body)}
    for name in sorted(used - declared):
        raise RequestError(
            f"{asset.path}: `{{{name}}}` is not declared in the header", hint="declare it or fix the name"
        )
    for name in sorted(declared - set(MENTIONED.findall(asset.body))):
        raise RequestError(f"{asset.path}: identifier {name} is declared but not used", hint="use it or leave it out")


def _merged(where: str, first: Mapping[str, Any], *others: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(first)
    for other in others:
        clash = [name for name in other if name in merged and merged[name] != other[name]]
        if clash:
            raise RequestError(f"{where}: parameter {clash[0]} has two values", hint="rename one of them")
        merged |= other
    return merged
