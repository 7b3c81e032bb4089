"""Sources: base tables loaded from JSON Lines files, through Cloud Storage, with an explicit schema."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pipeline
from pipeline.base.digests import SHORT, digest_json, sha256_file, unique_name
from pipeline.base.text import unmarked
from pipeline.errors import RequestError
from pipeline.project.imports import import_object
from pipeline.project.project import Job
from pipeline.runs.session import Session

UNFINISHED = {"content": "loading"}
"""Billing label of a source table during a load: after a killed load it holds neither the old file nor the new one."""

WRITER = "writer"
"""Billing label of a source table that the job wrote itself: the digest of its writer and of its content."""


def load_sources(session: Session, job: Job, folder: Path | None = None) -> dict[str, int]:
    """Replace a job's source tables, and return the number of rows of each.

    Parameters
    ----------
    folder
        Holds `<source>.jsonl` for every source; when not given, the job writes the files (`write_sources`). They are
        written again only if the writer's code or an installed package has changed.

    Raises
    ------
    RequestError
        A file is missing, or a table of that name belongs to another job or to the pipeline.
    """
    if folder is not None:
        return _load_files(session, job, folder)
    writer = _writer_digest(job)
    rows = _unchanged(session, job, writer)
    if rows is not None:
        return rows
    with tempfile.TemporaryDirectory(prefix="sources-") as name:
        with session.reporter.step(f"{job.name} write sources"):
            _writer(job, "write_sources")(Path(name))
        return _load_files(session, job, Path(name), writer)


def write_fixtures(job: Job, folder: Path, seed: int) -> list[Path]:
    """Write a job's tiny data set as JSON Lines, and return the files."""
    folder.mkdir(parents=True, exist_ok=True)
    _writer(job, "write_fixtures")(folder, seed)
    return [folder / f"{name}.jsonl" for name in job.spec.sources]


def _writer(job: Job, key: str) -> Callable[..., None]:
    writer: Callable[..., None] = import_object(_writer_path(job, key))
    return writer


def _writer_path(job: Job, key: str) -> str:
    path: str | None = getattr(job.spec, key)
    if path is None:
        raise RequestError(f"{job.folder / 'job.yaml'}: key {key} is not set", hint="name files with --from DIR")
    return path


def _writer_digest(job: Job) -> str:
    """Return a digest of what decides the files that a job writes: its path, all code, the job's files, all packages.

    Packages count by name and version, also those that are not imported: a writer may read the data of any of them.
    """
    found = [(root, "*.py") for root in (job.folder.parent, Path(pipeline.__file__).parent)] + [(job.folder, "*")]
    files = {
        f"{root.name}/{path.relative_to(root).as_posix()}": sha256_file(path)
        for root, pattern in found
        for path in root.rglob(pattern)
        if path.is_file() and "__pycache__" not in path.parts
    }
    packages = {path.name for entry in sys.path for path in Path(entry).glob("*.*-info")}
    return digest_json([_writer_path(job, "write_sources"), files, sorted(packages), sys.version])


def _writer_label(writer: str, content: str) -> str:
    """Return the label of a table; it holds the content, so it says nothing about rows that came from elsewhere."""
    return digest_json([writer, content])


def _unchanged(session: Session, job: Job, writer: str) -> dict[str, int] | None:
    """Return the number of rows of each source; None unless all of them are what the writer would write again."""
    loaded = session.warehouse.tables.labels_in(session.target.dataset)
    for name in job.spec.sources:
        labels = loaded.get(name, {})
        made = labels.get(WRITER) == _writer_label(writer, labels.get("content", ""))
        if not made or labels.get("job") != job.name:
            return None
    return {name: _rows_as_they_are(session, job, name) for name in job.spec.sources}


def _rows_as_they_are(session: Session, job: Job, name: str) -> int:
    """Return the number of rows of a source that is not loaded again, and say so."""
    with session.reporter.step(f"{job.name} load {name}") as notes:
        rows = session.warehouse.tables.row_count(session.target.table(name)) or 0
        notes.append(f"{rows:,} rows, unchanged")
    return rows


def _load_files(session: Session, job: Job, folder: Path, writer: str = "") -> dict[str, int]:
    files = {name: folder / f"{name}.jsonl" for name in job.spec.sources}
    missing = [str(path) for path in files.values() if not path.is_file()]
    if missing:
        raise RequestError(f"{missing[0]}: no such file", hint="every source needs <source>.jsonl")
    loaded = session.warehouse.tables.labels_in(session.target.dataset)
    return {
        name: _load_file(session, job, name, path, loaded.get(name), writer)
        for name, path in session.reporter.track(list(files.items()), f"{job.name} load sources")
    }


def _load_file(session: Session, job: Job, name: str, path: Path, loaded: Mapping[str, str] | None, writer: str) -> int:
    """Load one file, unless the table's billing label names this file already; return the number of rows.

    Parameters
    ----------
    loaded
        Billing labels of the table; None if it does not exist.
    writer
        Digest of the writer of the file; empty if the job did not write it.
    """
    digest, tables, columns = sha256_file(path), session.warehouse.tables, job.spec.sources[name].typed_columns
    table, label = session.target.table(name), {"content": digest[:SHORT], "job": job.name}
    if writer:
        label[WRITER] = _writer_label(writer, label["content"])
    if loaded is not None and loaded.get("job") != job.name:
        owner = f"loaded by job {loaded['job']}" if loaded.get("job") else "not made by pipeline sources load"
        raise RequestError(f"{table} is {owner}", hint=f"rename source {name} in job.yaml, or read it as it is")
    if loaded is not None and loaded.get("content") == label["content"]:
        if writer:
            tables.set_labels(table, label)
        return _rows_as_they_are(session, job, name)
    with session.reporter.step(f"{job.name} load {name}") as notes:
        if loaded is not None:
            tables.set_labels(table, label | UNFINISHED)
        tables.create(table, columns, labels=label | UNFINISHED)
        uri = session.layout(job.name).source(name, digest)
        with unmarked(path) as plain:  # BigQuery does not say what it makes of a byte-order mark
            session.store.put_file(plain, uri)
        rows = session.warehouse.load_jsonl([uri], table, columns, step=unique_name(f"source-{name}"))
        tables.set_labels(table, label)
        notes.append(f"{rows:,} rows")
    return rows
