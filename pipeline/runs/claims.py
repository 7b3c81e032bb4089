"""Claims of a run date: one object for each generation, created once, that fixes what all attempts of a run share."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from pipeline.base.dates import is_date
from pipeline.base.digests import digest_json
from pipeline.base.stored_json import record_of
from pipeline.project.project import Job
from pipeline.runs.identity import run_id_of
from pipeline.runs.ledger.ledger import Ledger
from pipeline.runs.session import Session

NAME = re.compile(r"\d{6}\.json")
"""Name of the object of a generation."""


@dataclass(frozen=True)
class Claim:
    """What a claim holds.

    Parameters
    ----------
    definition
        Digest of `defines`, which is all that decides the run's predictions.
    snapshot_at
        Moment at which base tables are read, ISO 8601.
    champion
        Variant in force when the run was claimed, if any.
    """

    run_id: str
    generation: int
    definition: str
    defines: Mapping[str, Any]
    snapshot_at: str
    champion: str | None


def claims_of(session: Session, job: Job, run_date: date) -> list[Claim]:
    """Return the claims of a run date by generation; objects with other names are nobody's claim."""
    folder = _folder(session, job, run_date)
    uris = (item.uri for item in session.store.list(folder))
    return claims_at(session, (uri for uri in uris if NAME.fullmatch(uri.removeprefix(folder))))


def claims_at(session: Session, uris: Iterable[str]) -> list[Claim]:
    """Read claims."""
    return [record_of(Claim, session.store.read_json(uri), uri) for uri in uris]


def claim_addresses(session: Session, job: Job) -> dict[date, list[str]]:
    """Return the addresses of the claims of all run dates by generation, from one listing."""
    found: dict[date, list[str]] = {}
    attempts = session.store.uri(job.name, "attempts", "")
    if not session.store.folders(attempts):  # there may be no bucket
        return found
    for uri in (item.uri for item in session.store.list(attempts)):
        day, _, name = uri.removeprefix(attempts).partition("/generations/")
        if is_date(day) and NAME.fullmatch(name):
            found.setdefault(date.fromisoformat(day), []).append(uri)
    return found


def claimed_dates(session: Session, job: Job) -> list[date]:
    """Return the run dates of which attempts left something, in order; none where nothing was done."""
    names = session.store.folders(session.store.uri(job.name, "attempts", ""))
    return [date.fromisoformat(name) for name in names if is_date(name)]


def make_claim(session: Session, job: Job, run_date: date, definition: dict[str, Any], generation: int) -> Claim:
    """Claim a generation, or return the claim of whoever was faster."""
    start = Ledger(session, job.name).run_start(run_date)
    claim = Claim(
        run_id=run_id_of(job, run_date, definition, generation),
        generation=generation,
        definition=digest_json(definition),
        defines=definition,
        snapshot_at=start["snapshot_at"].isoformat(),
        champion=start["champion"],
    )
    uri = f"{_folder(session, job, run_date)}{generation:06d}.json"
    return record_of(Claim, session.store.put_json_once(asdict(claim), uri), uri)


def _folder(session: Session, job: Job, run_date: date) -> str:
    return session.store.uri(job.name, "attempts", str(run_date), "generations/")
