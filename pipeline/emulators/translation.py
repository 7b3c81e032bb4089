"""Caches for the emulator's SQL: it parses each statement some twenty times, and translates it each time."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from bqemulator.domain.result import Ok
from sqlglot import exp
from sqlglot.expressions import Expr
from sqlglot.expressions.core import POSITION_META_KEYS

Parse = Callable[..., Expr]
Translate = Callable[..., Any]
Apply = Callable[[Any, exp.Expr, exp.Expr], bool]
Schema = Mapping[str, Mapping[str, str]]

PARSED_STATEMENTS, TRANSLATED_STATEMENTS = 512, 1024

SIMPLE = frozenset({str, int, bool, float, type(None)})

READERS = frozenset(
    {
        *("_detect_create_schema", "_detect_catalog_drop", "_detect_plain_create_table", "_detect_plain_create_view"),
        *("detect_drop_routine", "_capture_dml_snapshots", "_reject_dml_on_immutable", "_parse_for_classification"),
        *("build_catalog_schema", "changed_table", "reads_of"),
    }
)
"""Functions that only read a tree. They are most of the callers, and a copy takes time."""

LEAVES = (exp.Identifier, exp.Column, exp.Literal, exp.Alias)
"""Nodes without a rule of translation, which are most of a statement."""

TABLE = re.compile(r"`([^`.*]+)\.([^`.*]+)\.([^`.*]+)`")
WORD, QUOTED = re.compile(r"zz\d+zz", re.IGNORECASE), re.compile(r'"(zz\d+zz)"')
ALIAS, PLAIN = re.compile(r"(?<=\bAS )zz\d+zz\b|\bzz\d+zz(?=\.)"), re.compile(r"[A-Za-z_]\w*")

ROUTINE = re.compile(r'"(ZZ\d+ZZ(?:\.ZZ\d+ZZ)+)"')
"""A function by its full name, which the emulator writes in capitals."""


def cached_parser(parse: Parse) -> Parse:
    """Return a parser that parses a text once and returns copies, which callers may change.

    The functions in `READERS` get the cached tree itself.
    """

    @lru_cache(maxsize=PARSED_STATEMENTS)
    def remembered(sql: str, *args: Any, **options: Any) -> Expr:
        return without_places(parse(sql, *args, **options))

    def parse_one(sql: str, *args: Any, **options: Any) -> Expr:
        tree, caller = remembered(sql, *args, **options), sys._getframe(1).f_code.co_name  # noqa: SLF001
        return tree if caller in READERS else tree.copy()

    return parse_one


def without_places(tree: Expr) -> Expr:
    """Remove comments and positions in the text from a tree: they are not used, and take most of the time of a copy."""
    for node in tree.walk():
        node.comments = None
        if node._meta is not None:  # noqa: SLF001  # .meta would make one
            node._meta = {key: held for key, held in node._meta.items() if key not in POSITION_META_KEYS} or None  # noqa: SLF001
    return tree


def quick_copies(deepcopy: Callable[..., Any]) -> Callable[..., Any]:
    """Return a deepcopy that is fast for the positions of words, which are most of a tree that the parser copies."""

    def copied(thing: Any, *memo: Any) -> Any:
        if type(thing) is dict and all(type(held) in SIMPLE for held in thing.values()):
            return thing.copy()
        return deepcopy(thing, *memo)

    return copied


class Names:
    """A statement with placeholders, such as `zz3zz`, for the parts of its tables' names."""

    def __init__(self, sql: str) -> None:
        self._words: dict[str, str] = {}
        self.tables = {match[3] for match in TABLE.finditer(sql)}
        self.sql = TABLE.sub(lambda match: f"`{'.'.join(map(self.word, match.groups()))}`", sql)

    def word(self, part: str) -> str:
        """Return the placeholder of a part of a name, the same each time."""
        return self._words.setdefault(part, f"zz{len(self._words)}zz")

    def schema(self, schema: Schema) -> tuple[tuple[str, tuple[tuple[str, str], ...]], ...]:
        """Return the sorted columns and types by table, with placeholders."""
        return tuple(sorted((self.word(table), tuple(columns.items())) for table, columns in schema.items()))

    @property
    def can_stand_in(self) -> bool:
        """Whether the placeholders occur nowhere else, and tables are named by their full names only."""
        return not WORD.search(TABLE.sub("", self.sql)) and not any(
            re.search(rf"(?<!\w){re.escape(table)}(?!\w)", self.sql) for table in self.tables
        )

    def restored(self, sql: str) -> str | None:
        """Return translated SQL with the names in place of placeholders; None if a placeholder was changed."""
        parts = {word: part for part, word in self._words.items()}
        text = QUOTED.sub(lambda match: f'"{parts[match[1]]}"', sql)
        text = ROUTINE.sub(
            lambda match: f'"{".".join(parts[word.lower()].upper() for word in match[1].split("."))}"', text
        )
        # In long statements the name of a table is also its alias, without quotes.
        plain = {word: part for word, part in parts.items() if PLAIN.fullmatch(part)}
        text = ALIAS.sub(lambda match: plain.get(match[0], match[0]), text)
        return None if WORD.search(text) else text


def remembering(translate: Translate) -> Translate:
    """Return a translator that translates statements once if they differ only in the names of tables."""

    @lru_cache(maxsize=TRANSLATED_STATEMENTS)
    def remembered(translator: Any, sql: str, schema: Any, caller: Any) -> Any:
        return translate(translator, sql, schema={name: dict(of) for name, of in schema} or None, caller=caller)

    def translated(translator: Any, sql: str, *, schema: Schema | None = None, caller: Any = None, **more: Any) -> Any:
        names = Names(sql)
        if not more and names.tables and names.can_stand_in:
            done = remembered(translator, names.sql, names.schema(schema or {}), caller)
            if isinstance(done, Ok) and (restored := names.restored(done.value)) is not None:
                return Ok(restored)
        return translate(translator, sql, schema=schema, caller=caller, **more)

    return translated


def without_leaves(apply: Apply) -> Apply:
    """Return the function that applies rules, with a shortcut for nodes that have none."""

    def applied(translator: Any, node: exp.Expr, tree: exp.Expr) -> bool:
        return not isinstance(node, LEAVES) and apply(translator, node, tree)

    return applied
