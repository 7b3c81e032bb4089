"""The SQL parser of the emulator, with a memory: it parses the text of each statement some twenty times."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from sqlglot.expressions import Expr

Parse = Callable[..., Expr]
STATEMENTS = 512


def cached_parser(parse: Parse) -> Parse:
    """Return a parser that parses a text once and hands out copies, which callers are free to change."""
    remembered = lru_cache(maxsize=STATEMENTS)(parse)

    def parse_one(sql: str, *args: Any, **options: Any) -> Expr:
        return remembered(sql, *args, **options).copy()

    return parse_one
