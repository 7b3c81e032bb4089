"""What a stretch of work takes: seconds, and the bytes of its statements."""

from __future__ import annotations

from typing import Any

from pipeline.progress import Stopwatch
from pipeline.session import Session

TEBIBYTE = 2**40


class Meter(Stopwatch):
    """Seconds and bytes since it was made.

    Parameters
    ----------
    session
        Its warehouse counts the bytes of all statements; its target may name their price.
    """

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session, self._before = session, session.warehouse.bytes

    @property
    def details(self) -> dict[str, Any]:
        """Bytes so far, and their cost in the currency of the target's price; None where there is no price."""
        size, price = self._session.warehouse.bytes - self._before, self._session.target.price_per_tib
        return {"bytes": size, "cost": None if price is None else size / TEBIBYTE * price}
