"""Garbage collection: run tables of old runs, and uploads of attempts that were not committed.

An attempt uploads under a unique name and commits the upload by a marker. An upload that no marker, manifest or event
refers to was left by an attempt that lost a race or was killed, or belongs to one that is about to commit it. Only age
tells these apart: nothing younger than the limit is removed, so the limit has to be longer than any attempt takes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import chain

from pipeline.base.dates import EARLIEST, LATEST
from pipeline.base.stored_json import DAMAGED
from pipeline.cloud.storage.store import Store
from pipeline.errors import CheckError
from pipeline.project.project import Job
from pipeline.runs.layout import Folder, JobLayout, folder_of, manifest_in
from pipeline.runs.ledger.ledger import Ledger
from pipeline.runs.ledger.usage import read_clock
from pipeline.runs.session import Session

UPLOADS = (Folder.MODELS, Folder.PREDICTIONS, Folder.STAGED)
"""Folders to which attempts upload under unique names; everything else is left alone."""


@dataclass(frozen=True)
class Removed:
    """A table or an object that was removed, or would be; `size` in bytes."""

    kind: str
    name: str
    size: int


Candidate = tuple[Removed, Callable[[], bool]]
"""Something to remove, and the call that removes it and tells whether it did."""


def collect_garbage(session: Session, job: Job, older_than: timedelta, *, dry_run: bool = False) -> list[Removed]:
    """Remove a job's run tables and unused uploads that are older than a limit, and return them.

    Everything else stays: what a model's marker, a shard's marker, a manifest or the ledger refers to; markers,
    manifests and claims; rejects.

    Parameters
    ----------
    older_than
        Age by the clocks of BigQuery and Cloud Storage; longer than any attempt takes.
    dry_run
        Only return what would be removed.
    """
    before = read_clock(session).moment - older_than
    candidates = chain(_old_tables(session, job, before), _unused_objects(session, job, before))
    # Without what another process removed or replaced in the meantime
    return [item for item, remove in candidates if dry_run or remove()]


def _old_tables(session: Session, job: Job, before: datetime) -> Iterator[Candidate]:
    """Yield the run tables that were made and last changed before a moment; a run that needs one makes it again."""
    tables = session.warehouse.tables
    unlabelled = re.compile(rf"{job.name}_(_\d{{8}}__|staged_)")  # the attempt was killed before it set labels
    for item in tables.listed(session.target.runs_dataset):
        owner = item.labels.get("job") or (job.name if unlabelled.match(item.name.name) else "")
        use = tables.look_at(item.name) if owner == job.name and item.created < before else None
        if use is not None and use.modified < before:
            yield Removed("table", str(item.name), use.size), partial(tables.delete, item.name)


def _unused_objects(session: Session, job: Job, before: datetime) -> Iterator[Candidate]:
    """Yield the old uploads of attempts that nothing refers to.

    References are read after the listing, so that they include what was committed in between.
    """
    store, layout = session.store, session.layout(job.name)
    objects = [item for folder in UPLOADS for item in store.list(layout.folder(folder))]
    uploads = [(item, unit) for item in objects if (unit := layout.uploaded(item.uri))]
    newest: dict[str, datetime] = {}
    for item, unit in uploads:
        newest[unit] = max(item.created, newest.get(unit, item.created))
    old = [(item, unit) for item, unit in uploads if newest[unit] < before]
    used = _references(session, job) if old else set()
    for item, unit in old:
        if unit not in used:
            yield Removed("object", item.uri, item.size), partial(store.delete, item)


def _references(session: Session, job: Job) -> set[str]:
    """Return every address that a marker, a manifest or an event of the job refers to."""
    layout = session.layout(job.name)
    markers = [*_model_markers(session.store, layout), *_prediction_markers(session.store, layout)]
    addresses = {uri for marker in markers for uri in _named_by(session.store, marker)}
    return addresses | {row["uri"] for row in Ledger(session, job.name).events(EARLIEST, LATEST) if row["uri"]}


def _named_by(store: Store, marker: str) -> set[str]:
    """Return the addresses in a marker or manifest; one without any is damaged, and must not free what it committed."""
    addresses = set(_addresses(store.read_json(marker)))
    if not addresses:
        raise CheckError(f"{marker}: names no object, so it is unknown which objects are unused", hint=DAMAGED)
    return addresses


def _model_markers(store: Store, layout: JobLayout) -> list[str]:
    uris = (item.uri for item in store.list(layout.folder(Folder.MODELS)))
    return [uri for uri in uris if uri.endswith(".json") and not layout.uploaded(uri)]


def _prediction_markers(store: Store, layout: JobLayout) -> list[str]:
    """Return the manifests, and the markers of shards in folders without one: a manifest names all its shards."""
    uris = {item.uri for item in store.list(layout.folder(Folder.PREDICTIONS)) if item.uri.endswith(".json")}
    manifests = {manifest_in(folder_of(uri)) for uri in uris} & uris
    return sorted(uri for uri in uris if uri in manifests or manifest_in(folder_of(uri)) not in manifests)


def _addresses(content: object) -> Iterator[str]:
    """Yield every text in a JSON value that is an address in Cloud Storage."""
    if isinstance(content, str) and content.startswith("gs://"):
        yield content
    elif isinstance(content, dict | list):
        for part in content.values() if isinstance(content, dict) else content:
            yield from _addresses(part)


def as_lines(job: str, removed: Sequence[Removed], *, dry_run: bool) -> Iterator[str]:
    """Yield lines for a terminal: counts of what was removed; in a dry run each name first."""
    if dry_run:
        yield from (f"{item.kind} {item.name} ({item.size:,} bytes)" for item in removed)
    counts = []
    for kind in ("table", "object"):
        sizes = [item.size for item in removed if item.kind == kind]
        counts.append(f"{len(sizes):,} {kind}{'s'[: len(sizes) != 1]} ({sum(sizes):,} bytes)")
    yield f"{job}: {'would remove' if dry_run else 'removed'} {' and '.join(counts)}"
