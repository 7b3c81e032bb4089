"""Drift of a run's rows, scores and labels from the training data: recorded and warned of, never a failure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any

from pipeline.base.digests import digest_json
from pipeline.errors import CheckError
from pipeline.evaluation.drift_statements import (
    distributions_statement,
    drift_rows_statement,
    has_label_rate,
    kind_of,
    label_rate_statement,
    predicted_columns,
    record_drift_statement,
)
from pipeline.project.project import Job
from pipeline.runs.artefacts.examples import counted, examples_unchanged
from pipeline.runs.artefacts.models import committed_models, read_score_reference
from pipeline.runs.claims import claims_of
from pipeline.runs.identity import run_definition
from pipeline.runs.ledger.ledger import Event, Ledger
from pipeline.runs.opening import run_of
from pipeline.runs.phase_labels import in_phase
from pipeline.runs.publications import publications
from pipeline.runs.run import Run
from pipeline.runs.session import Session
from pipeline.sql import Statement, TableName

Rows = list[dict[str, Any]]

SHOWN = 3
"""Number of features that a warning names."""


@in_phase("evaluate")
def measure_drift(run: Run, models: Collection[tuple[str, str]]) -> Rows:
    """Measure the features and scores of a published run, once, and return its rows of `drift_v1`, the worst first.

    Parameters
    ----------
    models
        Variants and model ids that are published.
    """
    rows = _recorded(run, of_labels=False)
    if not rows and _has_examples(run, "drift"):
        _record(run, distributions_statement(run, _reference(run, models)), of_labels=False)
        rows = _recorded(run, of_labels=False)
    _warn(run, rows)
    return rows


def complete_drift(
    session: Session, job: Job, run_date: date, run_id: str, models: Collection[tuple[str, str]], labels: TableName
) -> None:
    """Measure the label rate of a run that is evaluated, and its features and scores if that was not done yet."""
    run = _measured(session, job, run_date, run_id, models)
    if run is None or not has_label_rate(run) or _recorded(run, of_labels=True):
        return
    if _has_examples(run, "label_rate"):
        _record(run, label_rate_statement(run, labels), of_labels=True)
        _warn(run, _recorded(run, of_labels=True))


def measure_drift_of(session: Session, job: Job, first: date, last: date) -> None:
    """Measure the features and scores of the published runs of run dates where that was not done yet."""
    for day, (run_id, models) in publications(Ledger(session, job.name).events(first, last)).items():
        _measured(session, job, day, run_id, models)


def _measured(
    session: Session, job: Job, run_date: date, run_id: str, models: Collection[tuple[str, str]]
) -> Run | None:
    """Measure a published run if that was not done yet, and return it; None if its claim is gone."""
    claim = next((claim for claim in claims_of(session, job, run_date) if claim.run_id == run_id), None)
    if claim is None:  # its predictions can be evaluated, but not compared with their training data
        return None
    run = run_of(session, job, run_date, claim)
    # Another definition may have made other columns.
    is_present = claim.definition == digest_json(run_definition(job, session.catalogue))
    if is_present and not _recorded(run, of_labels=False):
        measure_drift(run, models)
    return run


def _recorded(run: Run, *, of_labels: bool) -> Rows:
    return run.session.warehouse.rows(drift_rows_statement(run, of_labels=of_labels))


def _record(run: Run, computed: Statement, *, of_labels: bool) -> None:
    def is_recorded() -> bool:
        return bool(_recorded(run, of_labels=of_labels))

    statement = record_drift_statement(run, computed, of_labels=of_labels)
    run.session.warehouse.execute(statement, step=f"{run.run_id}-drift", verify=is_recorded)


def _has_examples(run: Run, measure: str) -> bool:
    """Tell whether the examples still exist; if they have expired, report it and record it in the ledger."""
    counts = counted(run)
    if counts and examples_unchanged(run, counts):
        return True
    note = f"{measure} not measured: {run.table('examples')} has expired"
    run.session.reporter.say(f"{run.run_date} {note}")
    event = Event(phase="evaluate", event="drift_unmeasured", key=measure, details={"note": note})
    run.ledger.record(run.run_date, run.run_id, [event])
    return False


def _reference(run: Run, models: Collection[tuple[str, str]]) -> Rows:
    """Return the scores of training rows of the published models."""
    kinds = {column.name: kind_of(column) for column in predicted_columns(run).columns}
    reference: Rows = []
    for model in committed_models(run):
        if (model.variant, model.model_id) in models:
            try:
                rows = read_score_reference(model, run.session.store)
            except CheckError as error:
                run.session.reporter.say(f"{run.run_date} no drift of {model.variant}'s scores: {error.given}")
                continue
            # The declared type of a column decides, as it does for what is published.
            reference += [{"variant": model.variant, **row} for row in rows if kinds.get(row["feature"]) in row]
    return reference


def _warn(run: Run, rows: Sequence[dict[str, Any]]) -> None:
    """Write one line with the worst features."""
    worst: dict[str, str] = {}
    for row in rows:
        name = f"{row['feature']} of {row['variant']}" if row["variant"] else row["feature"]
        if row["is_warning"]:
            value = f"{row['value']:.3g}"
            if row["measure"] in ("missing_rate", "label_rate"):
                value += f" against {row['reference']:.3g}"
            worst.setdefault(name, f"{name} {row['measure']} {value} (threshold {row['threshold']:g})")
    if worst:
        more = f" and {len(worst) - SHOWN} more" if len(worst) > SHOWN else ""
        features = ", ".join(list(worst.values())[:SHOWN])
        run.session.reporter.warn(f"{run.job.name} {run.run_date} drifted: {features}{more}; see docs/drift.md")
