"""Run dates that were published with an older version of predictions, in another table."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from pipeline.base.progress import LineReporter
from pipeline.explain.report import report_job
from pipeline.explain.status.lines import recent_dates
from pipeline.phases.evaluate import evaluate_job
from pipeline.phases.run import make_predictions, run_job
from tests.support.changed_variants import FIRST, LAST, MIDDLE, ROWS, job_with_prior, maturing, with_version

MATURE = MIDDLE + timedelta(days=2)


@pytest.fixture(scope="module")
def old(job):
    return maturing(job_with_prior(replace(job, name="versions"), 20.0))


@pytest.fixture(scope="module")
def newer(old):
    """The job with another table, whose predictions have one column more."""
    columns = {**old.spec.predictions.columns, "extra": "FLOAT64 NOT NULL"}
    spec = old.spec.model_copy(update={"predictions": old.spec.predictions.model_copy(update={"columns": columns})})
    return with_version(replace(old, spec=spec), 3)


@pytest.fixture(scope="module")
def place(session, old):
    """A session that keeps its lines, where the first run date has version 1 of the predictions and the next 2."""
    lines: list[str] = []
    opened = replace(session, reporter=LineReporter(lines.append))
    make_predictions(opened, old, FIRST)
    make_predictions(opened, with_version(old, 2), MIDDLE)
    return opened, lines


def test_the_view_says_once_which_run_dates_it_leaves_out(place, old):
    session, lines = place
    target, version = session.target, with_version(old, 2)
    warnings = [line for line in lines if line.startswith("warning: ")]
    said = f"{target.table(version.predictions_view)} now shows versions__predictions_v2; run dates that are only in"
    ending = f"{target.table(old.predictions_table)} are not in it: pipeline backfill makes them again"
    assert warnings == [f"warning: {said} {ending}"]


def test_run_dates_of_older_versions_are_evaluated_and_reported(place, old, newer):
    session, _ = place
    evaluations = evaluate_job(session, newer, MATURE)
    assert [evaluation.run_date for evaluation in evaluations] == [FIRST, MIDDLE]
    assert all({"auc", "count"} <= {row["metric"] for row in evaluation.metrics} for evaluation in evaluations)
    assert evaluate_job(session, with_version(old, 2), MATURE) == []

    second = session.target.table(with_version(old, 2).predictions_table)
    said = [line for line in report_job(session, with_version(old, 2), FIRST, MIDDLE) if isinstance(line, str)]
    first = session.target.table(old.predictions_table)
    assert said[0] == f"all pooled: 1 of 2 run dates, those in {second}; predictions of the others are in {first}"
    assert [(line.rows, line.evaluated) for line in recent_dates(session, newer, 7)] == [(ROWS, True), (ROWS, True)]


def test_an_older_version_without_what_is_judged_is_named(place, old):
    session, lines = place
    own = replace(old, name="lacks")
    run_job(session, own, LAST)
    predictions = own.spec.predictions.model_copy(update={"columns": {"score": "NUMERIC NOT NULL"}})
    changed = with_version(replace(own, spec=own.spec.model_copy(update={"predictions": predictions})), 2)
    lines.clear()
    assert evaluate_job(session, changed, LAST + timedelta(days=2)) == []
    table = session.target.table(own.predictions_table)
    (line,) = [line for line in lines if "not evaluated" in line]
    assert line.startswith(f"{LAST} evaluate: not evaluated: {table} lacks score as job.yaml declares it")
