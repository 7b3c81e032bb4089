"""The clock of BigQuery: ages are measured by it, not by this machine's."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from pipeline.session import Session
from pipeline.statements.ledger import clock_statement


@dataclass(frozen=True)
class Clock:
    """What BigQuery said of its clock.

    Parameters
    ----------
    moment
        Its present moment.
    ahead
        Seconds by which this machine's clock is ahead at least; negative when it is behind; 0 when no difference shows.
    """

    moment: datetime
    ahead: float


def read_clock(session: Session) -> Clock:
    """Ask BigQuery what time it is."""
    before = datetime.now(UTC)
    found = session.warehouse.rows(clock_statement(session, before))[0]
    after, moment = datetime.now(UTC), found["moment"]
    if found["is_ahead"]:
        return Clock(moment, (before - moment).total_seconds())
    return Clock(moment, min(0.0, (after - moment).total_seconds()))
