"""A reproduction as people and programs read it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from pipeline.compare.lines import change_lines
from pipeline.compare.values import plain
from pipeline.phases.reproduce.compose import Reproduction


def reproduction_lines(found: Reproduction) -> Iterator[str]:
    """Return a line for each item, what differs below it, and the verdict at the end."""
    yield f"{found.place}: model {found.model_id}"
    for item in found.items:
        yield f"  {item.name:<14}{item.verdict:<13} {item.said}"
        for change in item.changes:
            yield from (f"    {line}" for line in change_lines(change, a="the bundle", b="here"))
    differ = ", ".join(item.name for item in found.items if item.changes)
    yield found.verdict + (f"; what differs: {differ}" if differ else "")


def content_of(found: Reproduction) -> dict[str, Any]:
    """Return a reproduction as JSON holds it."""
    items = [plain(asdict(item)) for item in found.items]
    return {"model": found.place, "model_id": found.model_id, "verdict": found.verdict, "items": items}
