"""A reader that polls the published table and the champion view while a run is disturbed."""

from __future__ import annotations

import json
import os
from collections import Counter
from multiprocessing.connection import Connection

from google.api_core import exceptions

from pipeline.project.target import Target
from tests.faults.state import State
from tests.faults.victims import session_at

PAUSE = 0.3
"""Seconds between two queries."""

SEEN = {
    "predictions": "SELECT variant, run_id, COUNT(*) AS n FROM `{0}.ml.flight_delay__predictions_v1` GROUP BY 1, 2",
    "champion view": "SELECT variant, run_id, COUNT(*) AS n FROM `{0}.ml.flight_delay__predictions` GROUP BY 1, 2",
}


def poll(target: Target, line: Connection) -> None:
    """Query until a message arrives, then send all results."""
    client = session_at(target).warehouse._client
    client._http.headers["X-Reader"] = "1"
    seen: set[str] = set()
    while not line.poll(PAUSE):
        for place, sql in SEEN.items():
            try:
                rows = client.query_and_wait(sql.format(target.project), api_timeout=20)
            except exceptions.NotFound:
                continue
            seen.add(json.dumps([place, sorted([row["variant"], row["run_id"], row["n"]] for row in rows)]))
    line.send(seen)
    os._exit(0)


def torn(seen: set[str], before: State, after: State) -> list[str]:
    """Return results in which a variant has neither all old rows nor all new rows."""
    wrong = []
    for text in seen:
        place, rows = json.loads(text)
        old, new = (_slices(state, place) for state in (before, after))
        slices = {variant: (run_id, n) for variant, run_id, n in rows}
        whole = len(slices) == len(rows)
        if not whole or any(slices.get(name) not in (old.get(name), new.get(name)) for name in old | new | slices):
            wrong.append(text)
    return wrong


def _slices(state: State, place: str) -> dict[str, tuple[str, int]]:
    """Return the run and the number of rows of each variant."""
    counts: Counter[tuple[str, str]] = Counter()
    for text, times in state[place].items():
        row = json.loads(text)
        counts[row["variant"], row["run_id"]] += times
    return {variant: (run_id, n) for (variant, run_id), n in counts.items()}
