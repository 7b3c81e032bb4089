"""Sources: base tables loaded from JSON Lines files, through Cloud Storage, with an explicit schema."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pipeline
from pipeline.base.digests import digest_json, sha256_file, unique_name
from pipeline.base.files import unmarked
from pipeline.cloud.bigquery.tables import TableFacts
from pipeline.errors import RequestError
from pipeline.project.imports import import_object
from pipeline.project.project import Job
from pipeline.project.user_code import code_of, place_of, repeatable
from pipeline.rows.schema import Schema
from pipeline.runs.session import Session

UNFINISHED = {"content": "loading"}
"""Billing label of a source table during a load: after a killed load it holds neither the old file nor the new one."""

WRITER = "writer"
"""Billing label of a source table that the job wrote itself: the digest of its writer and of its content."""


def load_sources(session: Session, job: Job, folder: Path | None = None) -> dict[str, int]:
    """Replace a job's source tables, and return the number of rows of each.

    A table that another job loaded, or something else made, is shared: it is left as it is.

    Parameters
    ----------
    folder
        Holds `<source>.jsonl` for every source; when not given, the job writes the files (`write_sources`). They are
        written again only if the writer's code or an installed package has changed.

    Raises
    ------
    RequestError
        A file is missing, or a table that the job did not load lacks columns of the source.
    """
    if folder is not None:
        return _load_files(session, job, folder)
    writer = _writer_digest(job)
    rows = _unchanged(session, job, writer)
    if rows is not None:
        return rows
    with tempfile.TemporaryDirectory(prefix="sources-") as name:
        with session.reporter.step(f"{job.name} write sources"):
            _write_files(job, "write_sources", [Path(name)])
        return _load_files(session, job, Path(name), writer)


def write_fixtures(job: Job, folder: Path, seed: int) -> list[Path]:
    """Write a job's tiny data set as JSON Lines, and return the files."""
    folder.mkdir(parents=True, exist_ok=True)
    return _write_files(job, "write_fixtures", [folder, seed])


def _write_files(job: Job, key: str, arguments: Sequence[Path | int]) -> list[Path]:
    """Call the function that a key of job.yaml names, and return the files that it wrote into the first argument.

    Raises
    ------
    RequestError
        The function raised an error, or did not write a file of each source.
    """
    path = _writer_path(job, key)
    writer: Callable[..., None] = import_object(path)
    hint = "fix the function; pipeline --verbose shows the traceback"
    with code_of(f"{job.name}: {path}", key, writer, hint=hint), repeatable():
        writer(*arguments)
    files = [Path(str(arguments[0])) / f"{name}.jsonl" for name in job.spec.sources]
    missing = [file.name for file in files if not file.is_file()]
    if missing:
        what = f"{job.name}: {path} did not write {', '.join(missing)}{place_of(None, writer)}"
        raise RequestError(what, hint="it gets a folder, and writes <source>.jsonl of every source there")
    return files


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
    shared = _shared(session, job, loaded)
    for name in job.spec.sources:
        labels = loaded.get(name, {})
        made = labels.get(WRITER) == _writer_label(writer, labels.get("content", ""))
        if name not in shared and not (made and labels.get("job") == job.name):
            return None
    return {name: _rows_as_they_are(session, job, name, shared.get(name)) for name in job.spec.sources}


def _shared(session: Session, job: Job, loaded: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """Return the sources whose tables the job did not load, each with what made it.

    Raises
    ------
    RequestError
        Such a table is not what job.yaml declares.
    """
    shared: dict[str, str] = {}
    for name, source in job.spec.sources.items():
        owner = loaded.get(name, {}).get("job")
        if name not in loaded or owner == job.name:
            continue
        table = session.target.table(name)
        shared[name] = f"loaded by job {owner}" if owner else "not made by pipeline sources load"
        facts = session.warehouse.tables.facts(table)
        if facts and (wrong := mismatch(facts, source.typed_columns)):
            hint = f"rename source {name} in job.yaml, or declare the columns that it has"
            raise RequestError(f"{table} is {shared[name]} and {wrong}", hint=hint)
    return shared


def mismatch(facts: TableFacts, declared: Schema) -> str:
    """Return how a table differs from a declared source, as words after its name; empty if it does not."""
    if facts.kind != "TABLE":
        return (
            f"is a {facts.kind.lower().replace('_', ' ')}: a run reads its sources as of a moment, as only tables can"
        )
    kinds = {name.casefold(): kind for name, kind in facts.columns.items()}
    wrong = [
        f"{column.name} of type {kinds[column.name.casefold()]} instead of {column.type}"
        for column in declared.columns
        if kinds.get(column.name.casefold(), column.type) != column.type
    ]
    missing = [name for name in declared.names if name.casefold() not in kinds]
    parts = [f"lacks column {', '.join(missing)}"] * bool(missing) + [f"has column {', '.join(wrong)}"] * bool(wrong)
    return " and ".join(parts)


def _rows_as_they_are(session: Session, job: Job, name: str, maker: str | None = None) -> int:
    """Return the number of rows of a source that is not loaded again, and say so."""
    with session.reporter.step(f"{job.name} load {name}") as notes:
        rows = session.warehouse.tables.row_count(session.target.table(name)) or 0
        notes.append(f"{rows:,} rows, {f'left as they are: {maker}' if maker else 'unchanged'}")
    return rows


def _load_files(session: Session, job: Job, folder: Path, writer: str = "") -> dict[str, int]:
    files = {name: folder / f"{name}.jsonl" for name in job.spec.sources}
    loaded = session.warehouse.tables.labels_in(session.target.dataset)
    shared = _shared(session, job, loaded)
    missing = [str(path) for name, path in files.items() if name not in shared and not path.is_file()]
    if missing:
        raise RequestError(f"{missing[0]}: no such file", hint="every source needs <source>.jsonl")
    for name in shared:
        path, columns = files[name], job.spec.sources[name].typed_columns
        is_given = path.is_file() and not writer
        if is_given and loaded[name].get("content") != _content(sha256_file(path), columns):
            session.reporter.warn(f"{path} is not loaded: {session.target.table(name)} is {shared[name]}")
    return {
        name: _rows_as_they_are(session, job, name, shared[name])
        if name in shared
        else _load_file(session, job, name, path, loaded.get(name), writer)
        for name, path in session.reporter.track(list(files.items()), f"{job.name} load sources")
    }


def _content(digest: str, columns: Schema) -> str:
    """Return the billing label of a table's content: the same text gives other rows with other columns."""
    return digest_json([digest, columns.digest])


def _load_file(session: Session, job: Job, name: str, path: Path, loaded: Mapping[str, str] | None, writer: str) -> int:
    """Load one file, unless the table's billing label names this file and its columns; return the number of rows.

    Parameters
    ----------
    loaded
        Billing labels of the table; None if it does not exist.
    writer
        Digest of the writer of the file; empty if the job did not write it.
    """
    digest, tables, columns = sha256_file(path), session.warehouse.tables, job.spec.sources[name].typed_columns
    table, label = session.target.table(name), {"content": _content(digest, columns), "job": job.name}
    if writer:
        label[WRITER] = _writer_label(writer, label["content"])
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
