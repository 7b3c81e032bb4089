"""Differences between two JSON values, two texts, or two sets of files, and these differences as text."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from difflib import unified_diff
from typing import Any, Literal

from pipeline.base.digests import canonical_json

LONGEST = 40
"""Changed lines of one file that are shown; --json has all."""

Kind = Literal["changed", "added", "removed"]


@dataclass(frozen=True)
class Change:
    """One difference between A and B.

    Parameters
    ----------
    what
        Path of a key, e.g. `examples.parameters.late_minutes`, or the name of a statement, file or number.
    kind
        `added` if only B has it, `removed` if only A has it.
    a, b
        Its value on each side; None if that side lacks it.
    note
        An explanation.
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

    Values are equal if their canonical JSON is equal, as digests see it: 1 differs from 1.0.
    """
    for key in sorted({*a, *b}, key=str):
        name = f"{path}.{key}" if path else str(key)
        if key not in b:
            yield Change(name, "removed", a=a[key])
        elif key not in a:
            yield Change(name, "added", b=b[key])
        elif isinstance(a[key], Mapping) and isinstance(b[key], Mapping):
            yield from changes_of(a[key], b[key], name)
        elif canonical_json(a[key]) != canonical_json(b[key]):
            yield Change(name, "changed", a[key], b[key])


def changed_lines(a: str, b: str) -> tuple[str, ...]:
    """Return the differing lines as a unified diff without context; empty if the texts are equal.

    Windows line ends are no difference, because digests ignore them too.
    """
    # Splitting at newlines shows a missing last newline; an empty file has no lines.
    old, new = (text.replace("\r\n", "\n").split("\n") if text else [] for text in (a, b))
    return tuple(unified_diff(old, new, n=0, lineterm=""))[2:]  # the first two lines would name the files


def changed_files(a: Mapping[str, str], b: Mapping[str, str]) -> Iterator[Change]:
    """Return the differing files, sorted, with their changed lines; a file on one side only has all its lines."""
    for name in sorted({*a, *b}):
        lines = changed_lines(a.get(name, ""), b.get(name, ""))
        if name not in b:
            yield Change(name, "removed", lines=lines)
        elif name not in a:
            yield Change(name, "added", lines=lines)
        elif lines:
            yield Change(name, "changed", lines=lines)


def change_lines(change: Change, a: str = "A", b: str = "B") -> Iterator[str]:
    """Return one line about a change, followed by the changed lines of a text.

    Parameters
    ----------
    a, b
        Names of the two sides.
    """
    if change.kind == "added":
        values = f" only in {b}" + ("" if change.b is None else f": {value_text(change.b)}")
    elif change.kind == "removed":
        values = f" only in {a}" + ("" if change.a is None else f": {value_text(change.a)}")
    elif change.a is None and change.b is None:  # a file has lines instead of values
        values = ""
    else:
        values = f" {value_text(change.a)} -> {value_text(change.b)}"
    yield f"{change.what}{values}{f' ({change.note})' if change.note else ''}"
    yield from (f"  {line}" for line in change.lines[:LONGEST])
    if len(change.lines) > LONGEST:
        yield f"  ... and {len(change.lines) - LONGEST:,} more lines: --json shows all"


def value_text(value: Any) -> str:
    """Return a value in one line; text is quoted if it could be misread."""
    content = plain(value)
    if isinstance(content, str) and content.isprintable() and content and " " not in content:
        return content
    return "NULL" if content is None else json.dumps(content, ensure_ascii=False)


def plain(value: Any) -> Any:
    """Return a value that strict JSON can hold: dates, decimals, NaN and infinity become text."""
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [plain(inner) for inner in value]
    if isinstance(value, date):
        return value.isoformat()
    if value is None or isinstance(value, str | bool | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    return str(value)
