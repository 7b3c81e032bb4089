"""The SQL parser of the emulator, with a memory: it parses the text of each statement some twenty times."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from sqlglot.expressions import Expr

Parse = Callable[..., Expr]
Deepcopy = Callable[[Any], Any]
ATOMS = (int, str, bool)
STATEMENTS = 512


def cached_parser(parse: Parse) -> Parse:
    """Return a parser that parses a text once and hands out copies, which callers are free to change."""
    remembered = lru_cache(maxsize=STATEMENTS)(parse)

    def parse_one(sql: str, *args: Any, **options: Any) -> Expr:
        return remembered(sql, *args, **options).copy()

    return parse_one


def copier_of_trees(deepcopy: Deepcopy) -> Deepcopy:
    """Return `deepcopy` with a short way for where a name stood in its text: most of what is in a tree of words."""

    def copy(value: Any) -> Any:
        if type(value) is dict and all(type(held) in ATOMS for held in value.values()):
            return value.copy()
        return deepcopy(value)

    return copy
