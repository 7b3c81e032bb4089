"""Inputs of a model on the two sides of a reproduction, its bundle and this project: SQL, code, rows and others."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

from pipeline.base.digests import unique_name
from pipeline.cloud.bigquery.billing_labels import labelled
from pipeline.errors import RequestError
from pipeline.explain.changes import Change, changed_files, changes_of
from pipeline.explain.reproduce.outcome import NOT_COMPARED, Item
from pipeline.models.bundle import BundleInfo, TrainingData, stored_training_data, using_code
from pipeline.project.code import code_texts, digest_of_variant, imported_modules, library_versions
from pipeline.project.imports import can_import_jobs
from pipeline.project.project import Job, Project, Variant, read_variant, variant_name
from pipeline.project.user_code import SEEDS
from pipeline.runs.artefacts.examples import training_rows
from pipeline.runs.artefacts.examples_statements import examples_statement
from pipeline.runs.identity import as_written, run_definition
from pipeline.runs.run import Run
from pipeline.runs.session import Session
from pipeline.sql import Catalogue, TableName

OWN_ITEMS = ("sql", "variants", "code")
"""Parts of a run definition that have an item of their own, or that concern other variants too."""


@dataclass(frozen=True)
class Side:
    """A project with the job and the variant of a model.

    Parameters
    ----------
    job
        None for a model that was made without a job.
    variant
        None if the project no longer has it.
    is_bundle
        Whether the project is the bundle's own.
    """

    session: Session
    job: Job | None
    variant: Variant | None
    is_bundle: bool

    @property
    def variants(self) -> tuple[Variant, ...]:
        """The variant, whose code counts; empty if the project no longer has it: then that of all variants counts."""
        return (self.variant,) if self.variant else ()

    @contextmanager
    def code(self) -> Iterator[None]:
        """Make the job's code importable; the bundle's code only for the bundle's own project."""
        with using_code(self.session.project.root) if self.is_bundle else nullcontext():
            yield


def bundle_side(session: Session, folder: Path, info: BundleInfo) -> Side:
    """Return the side of the bundle: its folder is a project with everything that its job needs."""
    project = Project(folder)
    own = replace(session, project=project, catalogue=Catalogue(folder))
    job = project.job(info.run["job"]) if info.run else None
    name = variant_name(info.content["variant"])
    return Side(own, job, replace(read_variant(folder / "variant.yaml"), name=name), is_bundle=True)


def project_side(session: Session, bundle: Side, place: str) -> Side:
    """Return the side of the session's project, or the bundle's side if the project lacks the job.

    Parameters
    ----------
    place
        Folder or address of the bundle. The folder looks like a project, but its files were not verified.
    """
    root = session.project.root
    if bundle.job is None:
        can_import_jobs(root, besides=place)
        return bundle
    if not (root / "jobs" / bundle.job.name / "job.yaml").is_file() or root == Path(place).resolve():
        return bundle
    job = Project.open(root).job(bundle.job.name)
    name = bundle.variant.name if bundle.variant else ""
    variant = next((variant for variant in job.variants if variant.name == name), None)
    return Side(session, job, variant, is_bundle=False)


def input_items(info: BundleInfo, then: Side, now: Side) -> Iterator[Item]:
    """Compare the inputs of a model with this project."""
    if now.is_bundle and then.job:
        reason = "this project has no such job: the bundle's own files are used"
        yield from (Item(name, NOT_COMPARED, reason) for name in ("SQL", "configuration", "code"))
    elif then.job and now.job:
        yield _sql(info, then, now)
        summary = then.variant.id if then.variant else ""
        yield Item.of("configuration", summary, changes_of(_definition(then), _definition(now)))
        yield _code(info, then, now)
    modules = imported_modules(now.job, now.variants) if now.job else info.content["imports"]
    libraries = info.content["libraries"]
    yield Item.of("libraries", _pairs(libraries), changes_of(libraries, library_versions(modules)))
    yield Item.of("seeds", _pairs(SEEDS), changes_of(info.content["seeds"], SEEDS))


def _sql(info: BundleInfo, then: Side, now: Side) -> Item:
    """Compare statements by digest: a digest ignores comments."""
    old: dict[str, str] = {}
    new: dict[str, str] = {}
    digests = info.content["sql_digests"]
    for name, digest in digests.items():
        exists = now.session.catalogue.has(name)
        if exists and now.session.catalogue.get(name).digest == digest:
            continue
        old |= _texts(then, name)
        new |= _texts(now, name) if exists else {}
    summary = ", ".join(f"{as_written(name)} {digest}" for name, digest in digests.items())
    return Item.of("SQL", summary, changed_files(old, new))


def _texts(side: Side, name: str) -> dict[str, str]:
    """Return the text of a statement and of its functions, by name."""
    asset = side.session.catalogue.get(name)
    return {as_written(part.name): part.text for part in (asset, *asset.functions)}


def _definition(side: Side) -> dict[str, Any]:
    """Return the configuration of a model: its run definition without SQL and code, and its own variant."""
    if side.job is None:
        return {}
    definition = run_definition(side.job, side.session.catalogue)
    parts = {name: part for name, part in definition.items() if name not in OWN_ITEMS}
    return parts | {"variant": side.variant.config.model_dump() if side.variant else {}}


def _code(info: BundleInfo, then: Side, now: Side) -> Item:
    """Compare what the model runs: by digest, which ignores comments."""
    old, commit, changes = info.content["code_digest"], info.content["commit"], list[Change]()
    new = digest_of_variant(now.job, now.variant) if now.job and now.variant else None
    if then.job and now.job and old != new:
        changes += changed_files(code_texts(then.job, then.variants), code_texts(now.job, now.variants))
        if new and not changes:
            note = "the files are equal: the libraries or the engine's contract differ"
            changes.append(Change("digest of code and libraries", "changed", old, new, note))
    return Item.of("code", f"{old}, commit {commit}" if commit else old, changes)


def _pairs(values: Any) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())


def run_of_bundle(side: Side, info: BundleInfo) -> Run:
    """Return the run that made a model, with the job of its bundle; no request is sent.

    Raises
    ------
    RequestError
        The model was made without a job.
    """
    if side.job is None:
        raise RequestError("this model was made without a job", hint="train it again from its file")
    return Run(
        session=side.session,
        job=side.job,
        run_date=date.fromisoformat(info.run["run_date"]),
        as_of=datetime.fromisoformat(info.run["as_of"]),
        run_id=info.run["run_id"],
        generation=int(info.run["generation"]),
        snapshot_at=datetime.fromisoformat(info.run["snapshot_at"]),
        champion=None,
    )


@contextmanager
def rebuilt_examples(run: Run) -> Iterator[TableName]:
    """Query a run's examples again: its SQL and parameters, over its sources as they were at its snapshot.

    Yields a table with a new name, which is deleted afterwards.

    Raises
    ------
    RequestError
        The snapshot is older than the seven days for which BigQuery keeps the past of tables.
    """
    again = replace(run, run_id=unique_name(f"{run.job.name}-{run.run_date}"))
    tables, table, labels = run.session.warehouse.tables, again.table("examples"), run.billing_labels("reproduce")
    step = f"make the examples of {run.run_date} again, as of {run.snapshot_at:%Y-%m-%d %H:%M:%S}"
    with run.session.reporter.step(step), labelled(**labels):
        run.session.warehouse.execute(examples_statement(again), step=f"{again.run_id}-examples")
    try:
        tables.label_run_table(table, labels)
        yield table
    finally:
        tables.delete(table)


def compared_training_data(
    info: BundleInfo, folder: Path, run: Run | None, table: TableName | None
) -> tuple[TrainingData, Item]:
    """Return the training rows of a model, and the comparison of their number and checksum with the bundle's.

    Parameters
    ----------
    run, table
        Its run and rebuilt examples; without them the rows in the bundle are returned.

    Raises
    ------
    RequestError
        The bundle holds no rows.
    """
    if run and table:
        data: TrainingData | None = TrainingData.of(training_rows(run, table))
        source = f"made again by SQL from the sources as of {run.snapshot_at}"
    else:
        data, source = stored_training_data(folder), "from the bundle"
    if data is None:
        raise RequestError("the bundle holds no training rows: they were too large", hint="add --rebuild")
    then = {name: info.content["training_data"][name] for name in ("rows", "checksum")}
    changes = changes_of(then, {"rows": len(data.frame), "checksum": data.checksum})
    return data, Item.of("data", f"{len(data.frame):,} rows, checksum {data.checksum}, {source}", changes)
