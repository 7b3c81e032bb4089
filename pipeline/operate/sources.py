"""Sources: base tables loaded from JSON Lines files, through Cloud Storage, with an explicit schema."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from pipeline.base.digests import SHORT, sha256_file, unique_name
from pipeline.errors import RequestError
from pipeline.project.imports import import_object
from pipeline.project.project import Job
from pipeline.runs.session import Session

UNFINISHED = {"content": "loading"}
"""Billing label of a source table during a load: after a killed load it holds neither the old file nor the new one."""


def load_sources(session: Session, job: Job, folder: Path | None = None) -> dict[str, int]:
    """Replace a job's source tables, and return the number of rows of each.

    Parameters
    ----------
    folder
        Holds `<source>.jsonl` for every source; when not given, the job writes the files (`write_sources`).

    Raises
    ------
    RequestError
        A file is missing, or a table of that name belongs to another job or to the pipeline.
    """
    if folder is None:
        with tempfile.TemporaryDirectory(prefix="sources-") as name:
            with session.reporter.step(f"{job.name} write sources"):
                _writer(job, "write_sources")(Path(name))
            return load_sources(session, job, Path(name))
    files = {name: folder / f"{name}.jsonl" for name in job.spec.sources}
    missing = [str(path) for path in files.values() if not path.is_file()]
    if missing:
        raise RequestError(f"{missing[0]}: no such file", hint="every source needs <source>.jsonl")
    return {
        name: _load_file(session, job, name, path)
        for name, path in session.reporter.track(list(files.items()), f"{job.name} load sources")
    }


def write_fixtures(job: Job, folder: Path, seed: int) -> list[Path]:
    """Write a job's tiny data set as JSON Lines, and return the files."""
    folder.mkdir(parents=True, exist_ok=True)
    _writer(job, "write_fixtures")(folder, seed)
    return [folder / f"{name}.jsonl" for name in job.spec.sources]


def _writer(job: Job, key: str) -> Callable[..., None]:
    path = getattr(job.spec, key)
    if path is None:
        raise RequestError(f"{job.folder / 'job.yaml'}: key {key} is not set", hint="name files with --from DIR")
    writer: Callable[..., None] = import_object(path)
    return writer


def _load_file(session: Session, job: Job, name: str, path: Path) -> int:
    """Load one file, unless the table's billing label names this file already; return the number of rows."""
    digest, tables, columns = sha256_file(path), session.warehouse.tables, job.spec.sources[name].typed_columns
    table, label = session.target.table(name), {"content": digest[:SHORT], "job": job.name}
    loaded = tables.labels_in(table.dataset).get(name)
    if loaded is not None and loaded.get("job") != job.name:
        owner = f"loaded by job {loaded['job']}" if loaded.get("job") else "not made by pipeline sources load"
        raise RequestError(f"{table} is {owner}", hint=f"rename source {name} in job.yaml, or read it as it is")
    with session.reporter.step(f"{job.name} load {name}") as notes:
        if loaded is not None and loaded.get("content") == label["content"]:
            rows = tables.row_count(table) or 0
            notes.append(f"{rows:,} rows, unchanged")
            return rows
        if loaded is not None:
            tables.set_labels(table, label | UNFINISHED)
        tables.create(table, columns, labels=label | UNFINISHED)
        uri = session.layout(job.name).source(name, digest)
        session.store.put_file(path, uri)
        rows = session.warehouse.load_jsonl([uri], table, columns, step=unique_name(f"source-{name}"))
        tables.set_labels(table, label)
        notes.append(f"{rows:,} rows")
    return rows
