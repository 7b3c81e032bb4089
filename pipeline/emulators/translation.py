"""The SQL parser of the emulator, with a memory: it parses the text of each statement some twenty times."""

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


PARSED_STATEMENTS = 512


SIMPLE = frozenset({str, int, bool, float, type(None)})


READERS = frozenset(
    {
        *("_detect_create_schema", "_detect_catalog_drop", "_detect_plain_create_table", "_detect_plain_create_view"),
        *("detect_drop_routine", "_capture_dml_snapshots", "_reject_dml_on_immutable", "_parse_for_classification"),
        *("build_catalog_schema", "changed_table", "statement_of"),
    }
)
"""Callers that only look at a tree: most of those that ask for the tree of a statement, and a copy takes time."""


def cached_parser(parse: Parse) -> Parse:
    """Return a parser that parses a text once and hands out copies, which callers are free to change.

    Callers that change nothing get what is remembered.
    """

    @lru_cache(maxsize=PARSED_STATEMENTS)
    def remembered(sql: str, *args: Any, **options: Any) -> Expr:
        return without_places(parse(sql, *args, **options))

    def parse_one(sql: str, *args: Any, **options: Any) -> Expr:
        tree, caller = remembered(sql, *args, **options), sys._getframe(1).f_code.co_name  # noqa: SLF001
        return tree if caller in READERS else tree.copy()

    return parse_one


def without_places(tree: Expr) -> Expr:
    """Take away what nobody asks for and what takes most of the time of a copy: comments, and where a word stood."""
    for node in tree.walk():
        node.comments = None
        if node._meta is not None:  # noqa: SLF001  # .meta would make one
            node._meta = {key: held for key, held in node._meta.items() if key not in POSITION_META_KEYS} or None  # noqa: SLF001
    return tree


def quick_copies(deepcopy: Callable[..., Any]) -> Callable[..., Any]:
    """Return a copier that copies places of words at once: the parser copies trees, and most of that is these."""

    def copied(thing: Any, *memo: Any) -> Any:
        if type(thing) is dict and all(type(held) in SIMPLE for held in thing.values()):
            return thing.copy()
        return deepcopy(thing, *memo)

    return copied


Translate = Callable[..., Any]


Schema = Mapping[str, Mapping[str, str]]


TABLE = re.compile(r"`([^`.*]+)\.([^`.*]+)\.([^`.*]+)`")


WORD, QUOTED = re.compile(r"zz\d+zz", re.IGNORECASE), re.compile(r'"(zz\d+zz)"')


ALIAS, PLAIN = re.compile(r"(?<=\bAS )zz\d+zz\b|\bzz\d+zz(?=\.)"), re.compile(r"[A-Za-z_]\w*")


ROUTINE = re.compile(r'"(ZZ\d+ZZ(?:\.ZZ\d+ZZ)+)"')
"""A function by its whole name; the emulator writes those of functions in capitals."""


STATEMENTS = 1024


class Names:
    """Words that stand for the parts of the names of tables, such as `zz3zz`."""

    def __init__(self, sql: str) -> None:
        self._words: dict[str, str] = {}
        self.tables = {match[3] for match in TABLE.finditer(sql)}
        self.sql = TABLE.sub(lambda match: f"`{'.'.join(map(self.word, match.groups()))}`", sql)

    def word(self, part: str) -> str:
        """Return the word for a part of a name, the same one each time."""
        return self._words.setdefault(part, f"zz{len(self._words)}zz")

    def schema(self, schema: Schema) -> tuple[tuple[str, tuple[tuple[str, str], ...]], ...]:
        """Return columns and types by table, in words and in an order of its own."""
        return tuple(sorted((self.word(table), tuple(columns.items())) for table, columns in schema.items()))

    @property
    def can_stand_in(self) -> bool:
        """Tell whether the words are new, and tables are called by their whole names only."""
        return not WORD.search(TABLE.sub("", self.sql)) and not any(
            re.search(rf"(?<!\w){re.escape(table)}(?!\w)", self.sql) for table in self.tables
        )

    def restored(self, sql: str) -> str | None:
        """Put the names back, each in its quotes; None where a word became something else."""
        parts = {word: part for part, word in self._words.items()}
        found = QUOTED.sub(lambda match: f'"{parts[match[1]]}"', sql)
        found = ROUTINE.sub(
            lambda match: f'"{".".join(parts[word.lower()].upper() for word in match[1].split("."))}"', found
        )
        # In long statements the name of a table is its alias, too, without quotes.
        plain = {word: part for word, part in parts.items() if PLAIN.fullmatch(part)}
        found = ALIAS.sub(lambda match: plain.get(match[0], match[0]), found)
        return None if WORD.search(found) else found


def remembering(translate: Translate) -> Translate:
    """Return a translator that translates statements once that differ in the names of tables only."""

    @lru_cache(maxsize=STATEMENTS)
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


Apply = Callable[[Any, exp.Expr, exp.Expr], bool]


LEAVES = (exp.Identifier, exp.Column, exp.Literal, exp.Alias)
"""Words for which there is no rule, and which are most of a statement."""


def without_leaves(apply: Apply) -> Apply:
    """Return how rules are applied, with a short way past words that have none."""

    def applied(translator: Any, node: exp.Expr, tree: exp.Expr) -> bool:
        return not isinstance(node, LEAVES) and apply(translator, node, tree)

    return applied
