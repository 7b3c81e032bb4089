"""The examples of a run: their table, their counts and their rows as frames."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from pipeline.base.stored_json import record_of
from pipeline.errors import CheckError
from pipeline.runs.artefacts.examples_statements import doubled_labels_statement
from pipeline.runs.checks import doubled_keys, keys_in_words
from pipeline.runs.job_statements import examples_columns
from pipeline.runs.run import Run
from pipeline.sql import TableName


@dataclass(frozen=True)
class Counts:
    """Numbers of rows of a run's examples: all, those to train on and those to score."""

    row_count: int
    training_rows: int
    scoring_rows: int


@dataclass(frozen=True)
class Examples:
    """The examples of a run, as a table of the runs dataset."""

    table: TableName
    counts: Counts


def counted(run: Run) -> Counts | None:
    """Return the counts in the marker of a run's examples, or None; their table may have expired since."""
    marker = run.session.store.read_json(run.layout.examples)
    return None if marker is None else record_of(Counts, marker, run.layout.examples)


def examples_unchanged(run: Run, counts: Counts) -> bool:
    """Tell whether the table of a run's examples still has as many rows as were counted."""
    return run.session.warehouse.tables.row_count(run.table("examples")) == counts.row_count


def doubled_rows(run: Run, number: int) -> CheckError:
    """Return the error for examples that share keys: it names keys, and blames the labels if they share keys."""
    where, key = f"{run.job.name} {run.run_date}", run.job.spec.row_key
    labels = run.session.warehouse.rows(doubled_labels_statement(run))
    if labels:
        message = f"{where}: labels share a key, e.g. {keys_in_words(labels, key)}"
        return CheckError(message, hint=f"fix {run.job.spec.labels.sql} or its sources")
    message = f"{where}: {number} examples share a key, {doubled_keys(run.session, run.table('examples'), key)}"
    return CheckError(message, hint=f"fix {run.job.spec.examples.sql} or its sources")


def training_rows(run: Run, table: TableName, *, counted: int | None = None) -> pd.DataFrame:
    """Return the rows to train on, shape (rows, columns of the examples), sorted by key.

    Parameters
    ----------
    counted
        Number of these rows in the counts of preprocess.

    Raises
    ------
    CheckError
        It is not the number of rows that were read.
    """
    frame = _rows(run, table, "_trains")
    if counted is not None:
        check_read(f"{run.run_id}: train", table, len(frame), counted)
    return frame


def check_read(who: str, table: TableName, rows: int, counted: int) -> None:
    """Raise unless a phase read as many rows as preprocess counted.

    Raises
    ------
    CheckError
        The numbers differ.
    """
    if rows != counted:
        message = f"{who} read {rows:,} of {counted:,} rows that preprocess counted in {table}"
        raise CheckError(message, hint="nothing was published; make the examples again with pipeline run --rerun")


def shard_rows(run: Run, table: TableName, shard: int) -> pd.DataFrame:
    """Return the rows of a shard to score, shape (rows, columns of the examples), sorted by key."""
    return _rows(run, table, f"_scores AND _shard = {shard:d}")


def _rows(run: Run, table: TableName, where: str) -> pd.DataFrame:
    columns = examples_columns(run.session, run.job)
    return run.session.warehouse.read_frame(table, columns, where=where, order_by=run.job.spec.row_key)
