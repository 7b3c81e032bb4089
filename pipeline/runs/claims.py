"""Claims of a run date: one object for each generation, created once, that fixes what all attempts of a run share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from pipeline.base.dates import is_date
from pipeline.base.digests import digest_json
from pipeline.base.stored_json import record_of
from pipeline.project.project import Job
from pipeline.runs.identity import run_id_of
from pipeline.runs.layout import Folder, Kind
from pipeline.runs.ledger.ledger import Ledger
from pipeline.runs.session import Session


@dataclass(frozen=True)
class Claim:
    """The content of a claim.

    Parameters
    ----------
    definition
        Digest of `defines`, which holds everything that decides the run's predictions.
    snapshot_at
        Moment at which base tables are read, ISO 8601.
    champion
        Variant in force when the run was claimed, or None.
    """

    run_id: str
    generation: int
    definition: str
    defines: Mapping[str, Any]
    snapshot_at: str
    champion: str | None


def claims_of(session: Session, job: Job, run_date: date) -> list[Claim]:
    """Return the claims of a run date by generation; objects with other names are ignored."""
    folder = session.layout(job.name).folder(Folder.ATTEMPTS, run_date)
    return claims_at(session, (uri for _, uri in _claims_below(session, job, folder)))


def claims_at(session: Session, uris: Iterable[str]) -> list[Claim]:
    """Return the claims at these addresses."""
    return [record_of(Claim, session.store.read_json(uri), uri) for uri in uris]


def claim_addresses(session: Session, job: Job) -> dict[date, list[str]]:
    """Return the addresses of the claims of all run dates by generation, from one listing."""
    addresses: dict[date, list[str]] = {}
    attempts = session.layout(job.name).folder(Folder.ATTEMPTS)
    if session.store.folders(attempts):  # there may be no bucket
        for run_date, uri in _claims_below(session, job, attempts):
            addresses.setdefault(run_date, []).append(uri)
    return addresses


def _claims_below(session: Session, job: Job, folder: str) -> Iterator[tuple[date, str]]:
    layout = session.layout(job.name)
    for item in session.store.list(folder):
        path = layout.parse(item.uri)
        if path and path.kind is Kind.CLAIM:
            yield path.run_date, item.uri


def claimed_dates(session: Session, job: Job) -> list[date]:
    """Return the run dates of which attempts left something, in order; empty without any attempt."""
    names = session.store.folders(session.layout(job.name).folder(Folder.ATTEMPTS))
    return [date.fromisoformat(name) for name in names if is_date(name)]


def make_claim(
    session: Session,
    job: Job,
    run_date: date,
    definition: dict[str, Any],
    generation: int,
    check: Callable[[Claim], None] = lambda _: None,
) -> Claim:
    """Claim a generation, or return the claim of a faster process.

    Parameters
    ----------
    check
        Raises if the claim must not be made.
    """
    start = Ledger(session, job.name).run_start(run_date)
    claim = Claim(
        run_id=run_id_of(job, run_date, definition, generation),
        generation=generation,
        definition=digest_json(definition),
        defines=definition,
        snapshot_at=start["snapshot_at"].isoformat(),
        champion=start["champion"],
    )
    check(claim)
    uri = session.layout(job.name).claim(run_date, generation)
    return record_of(Claim, session.store.put_json_once(asdict(claim), uri), uri)
