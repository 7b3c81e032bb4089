"""The project that made a model, as its bundle holds it, and the project in which it is made again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path

from pipeline.base.digests import unique_name
from pipeline.cloud.bigquery.labels import labelled
from pipeline.errors import RequestError
from pipeline.explain.changes import changes_of
from pipeline.explain.reproduce.outcome import Item
from pipeline.models.bundle import BundleInfo, TrainingData, stored_training_data, using_code
from pipeline.project.imports import can_import_jobs
from pipeline.project.project import Job, Project, Variant, read_variant
from pipeline.runs.artefacts.examples import training_rows
from pipeline.runs.artefacts.examples_statements import examples_statement
from pipeline.runs.run import Run
from pipeline.runs.session import Session
from pipeline.sql import Catalogue, TableName


@dataclass(frozen=True)
class Side:
    """A project with the job and the variant of a model.

    Parameters
    ----------
    job
        None for a model that was made without one.
    is_bundle
        Whether the project is that of the bundle.
    """

    session: Session
    job: Job | None
    variant: Variant | None
    is_bundle: bool

    @contextmanager
    def code(self) -> Iterator[None]:
        """Make the job's code importable: that of the bundle only where there is no other."""
        root = self.session.project.root
        with using_code(root) if self.is_bundle else nullcontext():
            yield


def bundle_side(session: Session, folder: Path, info: BundleInfo) -> Side:
    """Return the project that a bundle holds; it is one, with what its job needs."""
    project = Project(folder)
    own = replace(session, project=project, catalogue=Catalogue(folder))
    job = project.job(info.run["job"]) if info.run else None
    return Side(own, job, replace(read_variant(folder / "variant.yaml"), name=_name(info)), is_bundle=True)


def side_here(session: Session, bundle: Side, place: str) -> Side:
    """Return the project of the session where it has the job, or the bundle's where there is no other.

    Parameters
    ----------
    place
        Where the bundle lies: its folder looks like a project, and nothing there was verified.
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


def _name(info: BundleInfo) -> str:
    return str(info.content["variant"]).partition("@")[0]


def run_of_bundle(side: Side, info: BundleInfo) -> Run:
    """Return the run that made a model, with the job as its bundle holds it; nothing is looked at."""
    if side.job is None:
        raise RequestError("this model was made without a job", hint="train it again from its file")
    known = info.run
    return Run(
        session=side.session,
        job=side.job,
        run_date=date.fromisoformat(known["run_date"]),
        as_of=datetime.fromisoformat(known["as_of"]),
        run_id=known["run_id"],
        generation=int(known["generation"]),
        snapshot_at=datetime.fromisoformat(known["snapshot_at"]),
        champion=None,
    )


@contextmanager
def rebuilt_examples(run: Run) -> Iterator[TableName]:
    """Make a run's examples again, by its SQL and parameters, from its sources as they were at its snapshot.

    They stand in a table of their own, which goes afterwards.

    Raises
    ------
    RequestError
        BigQuery keeps the past of tables for some days only.
    """
    again = replace(run, run_id=unique_name(f"{run.job.name}-{run.run_date}"))
    tables, table, labels = run.session.warehouse.tables, again.table("examples"), run.labels("reproduce")
    said = f"{run.run_date} examples again, as of {run.snapshot_at:%Y-%m-%d %H:%M:%S}"
    with run.session.reporter.step(said), labelled(**labels):
        run.session.warehouse.execute(examples_statement(again), step=f"{again.run_id}-examples")
    try:
        tables.label_run_table(table, labels)
        yield table
    finally:
        tables.delete(table)


def fitted_on(info: BundleInfo, folder: Path, run: Run | None, table: TableName | None) -> tuple[TrainingData, Item]:
    """Return the rows that a model was fitted on, and whether they have the checksum that they had.

    Parameters
    ----------
    run, table
        Its run, and examples that were made again; None for the rows that the bundle holds.
    """
    if run and table:
        found: TrainingData | None = TrainingData.of(training_rows(run, table))
        source = f"made again by SQL from the sources as of {run.snapshot_at}"
    else:
        found, source = stored_training_data(folder), "from the bundle"
    if found is None:
        raise RequestError("the bundle holds no training rows: they were too large", hint="add --rebuild")
    known = info.content["training_data"]
    then = {"rows": known["rows"], "checksum": known["checksum"]}
    changes = changes_of(then, {"rows": len(found.frame), "checksum": found.checksum})
    said = f"{len(found.frame):,} rows, checksum {found.checksum}, {source}"
    return found, Item.of("data", said, [*changes])
