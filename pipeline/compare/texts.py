"""Two sets of text files: which differ, and in which lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import unified_diff

from pipeline.compare.values import Change


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
