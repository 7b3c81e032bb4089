"""Evaluations of a name that was used before, without labels, and of run dates with a gap."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline.explain.report import pooled_metrics
from pipeline.phases.evaluate_files import evaluate_from_path
from pipeline.runs.ledger.ledger import Event
from pipeline.runs.opening import open_run
from tests.support.changed_variants import DAYS, FIRST, LAST, job_with_prior, publish
from tests.support.integration_fixtures import edited, reader

HEADER = "flight_date,carrier,flight,origin"


@pytest.fixture
def files(tmp_path):
    """Write predictions and labels: (score or label of each flight) -> path."""

    def write(name, column, values):
        path = tmp_path / f"{name}.csv"
        rows = [f"2013-07-05,AA,{flight},JFK,{value}" for flight, value in enumerate(values, start=1)]
        path.write_text("\n".join([f"{HEADER},{column}", *rows, ""]))
        return str(path)

    return write


def overall(rows):
    return {row["metric"]: (row["n"], row["value"]) for row in rows if not row["slice_name"]}


def staged_tables(session, name):
    tables = session.warehouse.tables.labels_in(session.target.runs_dataset)
    return [table for table in tables if f"_{name}__" in table]


def test_files_of_one_name_are_evaluated_separately(session, job, files):
    first = files("first", "score", [0.1, 0.2, 0.9]), files("first_labels", "label", [0, 0, 1])
    second = files("second", "score", [0.9, 0.5]), files("second_labels", "label", [0, 1])
    found = [overall(evaluate_from_path(session, job, *which, name="mine")) for which in (first, second, first)]
    assert found[0] == found[2] != found[1]
    assert [metrics["count"] for metrics in found] == [(3, 3.0), (2, 2.0), (3, 3.0)]
    assert [metrics["auc"][1] for metrics in found] == [1.0, 0.0, 1.0]
    assert len(staged_tables(session, "mine")) == 6


def test_a_row_without_a_label_is_not_evaluated(session, job, files):
    predictions = files("predictions", "score", [0.1, 0.2, 0.3, 0.9])
    some = evaluate_from_path(session, job, predictions, files("some", "label", [0, "", 1, ""]), name="some")
    assert overall(some)["base_rate"] == (2, 0.5)
    assert overall(some)["mean_score"] == (2, pytest.approx(0.2))
    assert {row["n"] for row in some if not row["slice_name"]} == {2}
    assert overall(some)["label_coverage"] == (2, 0.5)
    none = evaluate_from_path(session, job, predictions, files("none", "label", ["", "", "", ""]), name="none")
    assert none == []


def test_pooled_metrics_leave_out_the_run_dates_between(session, job):
    one = edited(job_with_prior(replace(job, name="pooled"), 20.0), labels=job.spec.labels)
    for day in DAYS:
        publish(session, one, day)
        run, variant = open_run(session, one, day), one.variants[0].id
        event = Event("load", "published", variant=variant, model_id="m", row_count=1, details={"generation": 1})
        run.ledger.record(day, run.run_id, [event])
        flown = f"FROM ml.flight_outcomes WHERE flight_date = '{day}' ORDER BY flight LIMIT 1"
        carrier, flight, origin = reader(session)(f"SELECT carrier, flight, origin {flown}")[0].values()
        reader(session)(
            f"UPDATE ml.{one.predictions_table} SET carrier = '{carrier}', flight = {flight}, origin = '{origin}'"
            f" WHERE run_date = '{day}'"
        )
    counts = [overall(pooled_metrics(session, one, days))["count"] for days in ([LAST, FIRST], DAYS, [FIRST])]
    assert counts == [(2, 2.0), (3, 3.0), (1, 1.0)]
