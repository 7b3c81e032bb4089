"""One thing that a model is made of or makes, then and now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.compare.values import Change

IDENTICAL, EQUIVALENT, DIFFERENT, NOT_COMPARED = "identical", "equivalent", "different", "not compared"


@dataclass(frozen=True)
class Item:
    """What was compared.

    Parameters
    ----------
    verdict
        `identical`, `equivalent`, `different` or `not compared`.
    said
        What there is to say of it.
    changes
        What differs: A is the bundle, B what is here.
    """

    name: str
    verdict: str
    said: str
    changes: Sequence[Change] = ()

    @classmethod
    def of(cls, name: str, said: str, changes: Sequence[Change]) -> Item:
        """Return an item that is identical unless something changed."""
        return cls(name, DIFFERENT if changes else IDENTICAL, said, changes)
