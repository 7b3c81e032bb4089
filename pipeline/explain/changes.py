"""Two values as JSON or YAML hold them: which keys differ, by their paths."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from difflib import unified_diff
from typing import Any, Literal

from pipeline.base.digests import canonical_json

Kind = Literal["changed", "added", "removed"]


@dataclass(frozen=True)
class Change:
    """One thing that differs between A and B.

    Parameters
    ----------
    what
        Path of a key, e.g. `examples.parameters.late_minutes`, or the name of a statement, file or number.
    kind
        `added` where only B has it, `removed` where only A has it.
    a, b
        Its value in either; None where it is not there.
    note
        What else there is to say.
    lines
        Changed lines, as a unified diff shows them.
    """

    what: str
    kind: Kind
    a: Any = None
    b: Any = None
    note: str = ""
    lines: tuple[str, ...] = ()


def changes_of(a: Mapping[str, Any], b: Mapping[str, Any], path: str = "") -> Iterator[Change]:
    """Return the keys in which two mappings differ, sorted; lists are compared as wholes.

    Values are the same where their canonical JSON is: that is what digests see, so 1 is not 1.0.
    """
    for key in sorted({*a, *b}, key=str):
        what = f"{path}.{key}" if path else str(key)
        if key not in b:
            yield Change(what, "removed", a=a[key])
        elif key not in a:
            yield Change(what, "added", b=b[key])
        elif isinstance(a[key], Mapping) and isinstance(b[key], Mapping):
            yield from changes_of(a[key], b[key], what)
        elif canonical_json(a[key]) != canonical_json(b[key]):
            yield Change(what, "changed", a[key], b[key])


def plain(value: Any) -> Any:
    """Return a value as JSON knows it: no NaN, no infinity; moments, dates and decimals as text."""
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [plain(inner) for inner in value]
    if isinstance(value, date):
        return value.isoformat()
    if value is None or isinstance(value, str | bool | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    return str(value)


def changed_lines(a: str, b: str) -> tuple[str, ...]:
    """Return the lines that differ as a unified diff shows them, without context; none where the texts are equal.

    Line ends of other systems are no difference: digests do not see them either.
    """
    return tuple(unified_diff(_lines(a), _lines(b), n=0, lineterm=""))[2:]  # the first two would name the files


def _lines(text: str) -> list[str]:
    """Return what newlines part, so that a last newline is seen; an empty file has no lines."""
    return text.replace("\r\n", "\n").split("\n") if text else []


def changed_files(a: Mapping[str, str], b: Mapping[str, str]) -> Iterator[Change]:
    """Return the files that differ, sorted, each with its changed lines; all lines of one that only one side has."""
    for name in sorted({*a, *b}):
        lines = changed_lines(a.get(name, ""), b.get(name, ""))
        if name not in b:
            yield Change(name, "removed", lines=lines)
        elif name not in a:
            yield Change(name, "added", lines=lines)
        elif lines:
            yield Change(name, "changed", lines=lines)


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
