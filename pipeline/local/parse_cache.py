"""The SQL parser of the emulator, with a memory: it parses the text of each statement some twenty times."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from sqlglot.expressions import Expr
from sqlglot.expressions.core import POSITION_META_KEYS

Parse = Callable[..., Expr]
STATEMENTS = 512
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

    @lru_cache(maxsize=STATEMENTS)
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
