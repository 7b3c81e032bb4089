"""Rendering: identifiers into places, values beside the text. Values never become text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipeline.digests import digest_json
from pipeline.errors import RequestError
from pipeline.sql_assets.catalogue import Asset
from pipeline.sql_assets.header import DeclaredType
from pipeline.sql_assets.identifiers import TableName, quote_columns, quote_name

PLACE = re.compile(r"`\{(\w+)\}`")
NEXT_WORD = re.compile(r"\s*`?(\w+)")
AFTER_TABLE = frozenset(
    "WHERE GROUP HAVING QUALIFY WINDOW ORDER LIMIT UNION INTERSECT EXCEPT JOIN "
    "INNER LEFT RIGHT FULL CROSS ON USING".split()
)


@dataclass(frozen=True)
class Statement:
    """A rendered statement: text, typed parameters, and the assets that it was made of.

    Parameters
    ----------
    sql
        The text, ready to send.
    types
        Type of each query parameter.
    values
        Value of each query parameter.
    assets
        The asset itself, first, then the assets nested in it.
    lines
        For each line of the text, the file and the line in it that it comes from.
    tables
        The tables that identifiers of each asset stand for: asset, identifier, table.
    """

    sql: str
    types: Mapping[str, DeclaredType]
    values: Mapping[str, Any]
    assets: tuple[Asset, ...] = field(repr=False)
    lines: tuple[tuple[Path, int], ...] = field(default=(), repr=False, compare=False)
    tables: tuple[tuple[Asset, str, TableName], ...] = field(default=(), repr=False, compare=False)

    @property
    def asset(self) -> Asset:
        """The outermost asset."""
        return self.assets[0]

    @property
    def digest(self) -> str:
        """Digest of all assets in the statement."""
        return digest_json(sorted({asset.name: asset.digest for asset in self.assets}.items()))


Identifier = TableName | str | Sequence[str] | Statement


def render(
    asset: Asset,
    identifiers: Mapping[str, Identifier],
    values: Mapping[str, Any],
    *,
    snapshot_at: datetime | None = None,
    snapshot_of: frozenset[str] = frozenset(),
) -> Statement:
    """Return the statement of an asset.

    Parameters
    ----------
    identifiers
        One value for each identifier of the header; a `Statement` for a query.
    values
        Values of parameters; those that the header does not declare are refused, nested ones come with their statement.
    snapshot_at
        Moment at which the tables in `snapshot_of` are read.
    snapshot_of
        Identifiers that are base tables.

    Raises
    ------
    RequestError
        An identifier or parameter is missing, extra or malformed.
    """
    where = str(asset.path)
    _check_places(asset)
    _check_names("identifier", set(asset.header.identifiers), set(identifiers), where)
    _check_names("parameter", set(asset.header.parameters), set(values), where)
    _refuse_aliases(asset, snapshot_of)
    texts = {name: _text(asset, name, value) for name, value in identifiers.items()}
    for name in snapshot_of & set(texts):
        texts[name] += _system_time(snapshot_at)
    nested = [value for value in identifiers.values() if isinstance(value, Statement)]
    return Statement(
        sql=PLACE.sub(lambda match: texts[match.group(1)], asset.body),
        types=_merged(where, asset.header.parameters, *(statement.types for statement in nested)),
        values=_merged(where, values, *(statement.values for statement in nested)),
        assets=(asset, *(inner for statement in nested for inner in statement.assets)),
        lines=tuple(_lines(asset, identifiers)),
        tables=tuple(_tables(asset, identifiers)),
    )


def _lines(asset: Asset, identifiers: Mapping[str, Identifier]) -> Iterator[tuple[Path, int]]:
    """Say where each line of the rendered text comes from; a nested query brings its own lines."""
    for number, line in enumerate(asset.body.splitlines(), start=asset.first_line):
        yield asset.path, number
        for name in PLACE.findall(line):
            value = identifiers[name]
            if isinstance(value, Statement):
                yield from value.lines
                yield asset.path, number


def _tables(asset: Asset, identifiers: Mapping[str, Identifier]) -> Iterator[tuple[Asset, str, TableName]]:
    for name, value in identifiers.items():
        if isinstance(value, TableName):
            yield asset, name, value
        elif isinstance(value, Statement):
            yield from value.tables


def _refuse_aliases(asset: Asset, snapshot_of: frozenset[str]) -> None:
    """Refuse an alias behind a base table: BigQuery wants FOR SYSTEM_TIME, which comes here, behind the alias."""
    for match in PLACE.finditer(asset.body):
        word = NEXT_WORD.match(asset.body, match.end())
        if match.group(1) in snapshot_of and word and word.group(1).upper() not in AFTER_TABLE:
            what = f"{asset.path}: source {match.group(1)} has the alias {word.group(1)}"
            raise RequestError(what, hint="read it in a CTE of its own, see docs/sql.md")


def _text(asset: Asset, name: str, value: Identifier) -> str:
    kind = asset.header.identifiers[name]
    if kind in ("table", "function") and isinstance(value, TableName):
        return value.quoted
    if kind == "column" and isinstance(value, str):
        return quote_columns([value])
    if kind == "name" and isinstance(value, str):
        return quote_name(value)
    if kind == "columns" and isinstance(value, Sequence) and not isinstance(value, str):
        return quote_columns(value)
    if kind == "query" and isinstance(value, Statement):
        return f"(\n{value.sql.rstrip().rstrip(';')}\n)"
    raise RequestError(f"{asset.path}: identifier {name} must be a {kind}, not {value!r}", hint="mend the caller")


def _system_time(moment: datetime | None) -> str:
    # A literal, not a parameter: the moment is made by the engine, and one statement can be pasted and run again.
    if moment is None:
        return ""
    return f" FOR SYSTEM_TIME AS OF TIMESTAMP '{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}+00'"


def _check_names(kind: str, declared: set[str], given: set[str], where: str) -> None:
    for name in sorted(declared - given):
        raise RequestError(f"{where}: {kind} {name} is missing", hint=f"give a value for every declared {kind}")
    for name in sorted(given - declared):
        raise RequestError(f"{where}: {kind} {name} is not declared in the header", hint="declare it or leave it out")


def _check_places(asset: Asset) -> None:
    declared, used = set(asset.header.identifiers), set(PLACE.findall(asset.body))
    for name in sorted(used - declared):
        raise RequestError(
            f"{asset.path}: `{{{name}}}` is not declared in the header", hint="declare it or mend the name"
        )
    for name in sorted(declared - used):
        raise RequestError(f"{asset.path}: identifier {name} is declared but not used", hint="use it or leave it out")


def _merged(where: str, first: Mapping[str, Any], *others: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(first)
    for other in others:
        clash = [name for name in other if name in merged and merged[name] != other[name]]
        if clash:
            raise RequestError(f"{where}: parameter {clash[0]} has two values", hint="rename one of them")
        merged |= other
    return merged
