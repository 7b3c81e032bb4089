"""Two runs beside each other, and one kind of things in which they can differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.compare.values import Change
from pipeline.phases.why.record import RunRecord


@dataclass(frozen=True)
class Group:
    """One kind of things in which two runs can differ.

    Parameters
    ----------
    changes
        What differs.
    lost
        What could not be compared, in words.
    decides
        Whether it can change predictions; the others are circumstances.
    """

    name: str
    changes: Sequence[Change]
    lost: Sequence[str] = ()
    decides: bool = True

    @property
    def state(self) -> str:
        """`differs`, `the same`, or `not compared` where something is lost and nothing else differs."""
        return "differs" if self.changes else "not compared" if self.lost else "the same"


@dataclass(frozen=True)
class Pair:
    """What is left of two runs."""

    a: RunRecord
    b: RunRecord

    @property
    def sides(self) -> dict[str, RunRecord]:
        """The runs by the letters under which they are shown."""
        return {"A": self.a, "B": self.b}

    def defined(self, part: str = "") -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        """Return both definitions or a part of them; nothing of either unless both claims are there."""
        if self.a.claim is None or self.b.claim is None:
            return {}, {}
        a, b = self.a.claim.defines, self.b.claim.defines
        return (a[part], b[part]) if part else (a, b)

    def texts(self, ending: str) -> tuple[dict[str, str], dict[str, str]] | None:
        """Return the project's files of both runs as their bundles hold them, or None unless both do."""
        a, b = self.a.kept.bundle, self.b.kept.bundle
        return (a.texts(ending), b.texts(ending)) if a and b else None

    def unclaimed(self) -> list[str]:
        """Say which run's claim is gone."""
        return [f"{letter}: its claim is gone" for letter, record in self.sides.items() if record.claim is None]

    def unread(self, what: str) -> list[str]:
        """Say which run has no bundle to read something from, and why."""
        return [
            f"{letter}: {what}: {'; '.join(record.kept.lost) or 'no model was committed'}"
            for letter, record in self.sides.items()
            if record.kept.bundle is None
        ]
