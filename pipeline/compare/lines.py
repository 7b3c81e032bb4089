"""What differs, as people read it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from pipeline.compare.values import Change, plain

LONGEST = 40
"""Changed lines of one file that are shown; --json has all."""


def change_lines(change: Change, a: str = "A", b: str = "B") -> Iterator[str]:
    """Return a line that says what changed, and the changed lines of a text below it.

    Parameters
    ----------
    a, b
        What the sides are called.
    """
    values = {
        "changed": f" {value_text(change.a)} -> {value_text(change.b)}",
        "added": f" only in {b}" + ("" if change.b is None else f": {value_text(change.b)}"),
        "removed": f" only in {a}" + ("" if change.a is None else f": {value_text(change.a)}"),
    }
    # A file has lines in place of values
    said = "" if change.kind == "changed" and change.a is None and change.b is None else values[change.kind]
    yield f"{change.what}{said}{f' ({change.note})' if change.note else ''}"
    yield from (f"  {line}" for line in change.lines[:LONGEST])
    if len(change.lines) > LONGEST:
        yield f"  ... and {len(change.lines) - LONGEST:,} more lines: --json shows all"


def value_text(value: Any) -> str:
    """Return a value in one line; text is quoted where it could be mistaken."""
    known = plain(value)
    if isinstance(known, str) and known.isprintable() and known and " " not in known:
        return known
    return "NULL" if known is None else json.dumps(known, ensure_ascii=False)
