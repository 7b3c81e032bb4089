"""Two values as JSON or YAML hold them: which keys differ, by their paths."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from pipeline.digests import canonical_json

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
