"""A rendered statement: text, typed parameters, and the assets that it consists of."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.base.digests import digest_json
from pipeline.sql.catalogue import Asset
from pipeline.sql.header import DeclaredType
from pipeline.sql.identifiers import TableName

CODE = re.compile(
    r"""
    (?:--|\#)[^\n]* | /\*.*?\*/                                         # comments
    | \'{3}(?:\\.|[^\\])*?\'{3} | "{3}(?:\\.|[^\\])*?"{3}                # texts; a raw one ends at the same quote
    | '(?:\\.|[^\\'\n])*' | "(?:\\.|[^\\"\n])*"
    | `\{(?P<place>\w+)\}` | `[^`]*` | @@\w+ | @(?P<parameter>\w+)
    """,
    re.DOTALL | re.VERBOSE,
)
"""Tokens of GoogleSQL: of them only `place` and `parameter` stand for something, and not in comments and texts."""

MENTIONED = re.compile(r"`\{(\w+)\}`")
"""A name in braces, also in a comment."""


def places(body: str) -> Iterator[re.Match[str]]:
    """Yield the places of a body for identifiers, each with the group `place`."""
    return (match for match in CODE.finditer(body) if match["place"])


@dataclass(frozen=True)
class Statement:
    """A rendered statement: text, typed parameters, and the assets that it consists of.

    Parameters
    ----------
    sql
        The text, ready to send.
    types
        Type of each query parameter.
    values
        Value of each query parameter.
    assets
        The asset itself first, then the assets nested in it.
    lines
        The file and line from which each line of the text comes.
    tables
        The table of each identifier: asset, identifier, table.
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


Named = tuple[str, Statement]
"""An expression and its name."""

Identifier = TableName | str | Sequence[str] | Statement | Sequence[Named]


def statements_in(value: Identifier) -> list[Statement]:
    """Return the statements that replace an identifier."""
    if isinstance(value, Statement):
        return [value]
    if isinstance(value, TableName | str):
        return []
    return [statement for _, statement in named(value)]


def named(value: Sequence[str] | Sequence[Named]) -> list[Named]:
    """Return the named expressions of a list."""
    return [item for item in value if not isinstance(item, str)]


def line_origins(asset: Asset, identifiers: Mapping[str, Identifier]) -> Iterator[tuple[Path, int]]:
    """Yield the file and line of each line of the rendered text; a nested query brings its own lines."""
    names: dict[int, list[str]] = {}
    for match in places(asset.body):
        names.setdefault(asset.body.count("\n", 0, match.start()), []).append(match["place"])
    for number, _ in enumerate(asset.body.splitlines()):
        yield asset.path, asset.first_line + number
        for name in names.get(number, []):
            kind, statements = asset.header.identifiers[name], statements_in(identifiers[name])
            if kind == "query":
                yield from statements[0].lines
                yield asset.path, asset.first_line + number
            elif statements:
                yield from [place for statement in statements for place in statement.lines][1:]


def tables_in(asset: Asset, identifiers: Mapping[str, Identifier]) -> Iterator[tuple[Asset, str, TableName]]:
    """Yield the tables of the identifiers of an asset and of the assets nested in it."""
    for name, value in identifiers.items():
        if isinstance(value, TableName):
            yield asset, name, value
        for statement in statements_in(value):
            yield from statement.tables
