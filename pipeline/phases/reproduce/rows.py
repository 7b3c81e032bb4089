"""The rows of a model: those that it was fitted on, and those that its run scored."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

from pipeline.bundle import BundleInfo, TrainingData, stored_training_data
from pipeline.compare.values import changes_of
from pipeline.digests import unique_name
from pipeline.errors import RequestError
from pipeline.example_rows import training_rows
from pipeline.job_labels import labelled
from pipeline.phases.reproduce.item import Item
from pipeline.phases.reproduce.side import Side
from pipeline.runs import Run
from pipeline.sql_assets import TableName
from pipeline.statements.examples import examples_statement


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
