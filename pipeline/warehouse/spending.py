"""What statements cost, as BigQuery tells it, until somebody writes it down."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import NamedTuple


class Spent(NamedTuple):
    """What one job took.

    Parameters
    ----------
    statement
        Name of the asset that was sent.
    size
        Bytes billed.
    slot_ms
        Slot time in milliseconds.
    """

    statement: str
    size: int
    slot_ms: int


@dataclass
class Spending(threading.local):
    """Jobs of one thread: run dates that run side by side do not pay for each other.

    Attributes
    ----------
    jobs
        Ids of the jobs so far that wrote something.
    open
        What jobs took that nobody has written down yet.
    """

    jobs: list[str] = field(default_factory=list)
    open: list[Spent] = field(default_factory=list)

    def take(self) -> list[Spent]:
        """Return what is not written down yet, to write it down: each job is counted once."""
        taken, self.open = self.open, []
        return taken
