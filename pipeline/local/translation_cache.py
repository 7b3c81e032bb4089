"""The emulator's translator with a memory: statements of runs and dates differ in the names of their tables alone."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from bqemulator.domain.result import Ok

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
