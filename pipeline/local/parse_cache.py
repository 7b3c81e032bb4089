"""The SQL parser of the emulator, with a memory: it parses the text of each statement some twenty times."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from sqlglot.expressions import Expr
from sqlglot.expressions.core import POSITION_META_KEYS

Parse = Callable[..., Expr]
STATEMENTS = 512


def cached_parser(parse: Parse) -> Parse:
    """Return a parser that parses a text once and hands out copies, which callers are free to change."""

    @lru_cache(maxsize=STATEMENTS)
    def remembered(sql: str, *args: Any, **options: Any) -> Expr:
        return without_places(parse(sql, *args, **options))

    def parse_one(sql: str, *args: Any, **options: Any) -> Expr:
        return remembered(sql, *args, **options).copy()

    return parse_one


def without_places(tree: Expr) -> Expr:
    """Take away what nobody asks for and what takes most of the time of a copy: comments, and where a word stood."""
    for node in tree.walk():
        node.comments = None
        if node._meta is not None:  # noqa: SLF001  # .meta would make one
            node._meta = {key: held for key, held in node._meta.items() if key not in POSITION_META_KEYS} or None  # noqa: SLF001
    return tree
