"""Data checks in real runs: what fails stops the run before anything is trained, predicted or published."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date

import pytest

from pipeline.cli.app import run as run_command
from pipeline.errors import CheckError
from pipeline.phases.evaluate import evaluate_job, pooled_metrics
from pipeline.phases.run import run_job
from pipeline.sql_assets import Catalogue
from pipeline.sql_assets.checks import Check
from tests.changed_variants import job_of, rate
from tests.integration_fixtures import ROOT, edited, reader

DAY, MATURE = date(2013, 7, 5), date(2013, 7, 7)
FLIGHTS = 35 * 16
"""From the first day of the tiny data set to the run date."""
FIRST_FIVE = "flight_date, carrier, flight, origin = "
ACCEPTED = "accepted_values {'column': 'label', 'values': [0, 1]}"
NULL_RATE = {"rate": {"column": "aircraft_year", "min": 0, "max": 1}}

FAILING = {
    "not_null": (
        {"not_null": ["dest", "dest_lat"]},
        "not_null dest_lat",
        f"70 rows, e.g. {FIRST_FIVE}2013-06-01, B6, 21, JFK; 2013-06-01, B6, 24, JFK; 2013-06-02, B6, 21, JFK;"
        " 2013-06-02, B6, 24, JFK; 2013-06-03, B6, 21, JFK",
    ),
    "unique": (
        {"unique": ["flight_date", "flight"]},
        "unique flight_date, flight",
        f"35 rows, e.g. {FIRST_FIVE}2013-06-01, UA, 41, EWR; 2013-06-01, UA, 41, LGA; 2013-06-02, UA, 41, EWR;"
        " 2013-06-02, UA, 41, LGA; 2013-06-03, UA, 41, EWR",
    ),
    "accepted_values": (
        {"accepted_values": {"column": "origin", "values": ["EWR", "JFK"]}},
        "accepted_values {'column': 'origin', 'values': ['EWR', 'JFK']}",
        f"140 rows, e.g. {FIRST_FIVE}2013-06-01, AA, 12, LGA; 2013-06-01, DL, 31, LGA; 2013-06-01, DL, 33, LGA;"
        " 2013-06-01, UA, 41, LGA; 2013-06-02, AA, 12, LGA",
    ),
    "range": (
        {"range": {"column": "departure_hour", "max": 22}},
        "range {'column': 'departure_hour', 'max': 22.0}",
        f"35 rows, e.g. {FIRST_FIVE}2013-06-01, B6, 24, JFK; 2013-06-02, B6, 24, JFK; 2013-06-03, B6, 24, JFK;"
        " 2013-06-04, B6, 24, JFK; 2013-06-05, B6, 24, JFK",
    ),
    "row_count, too few": (
        {"row_count": {"min": FLIGHTS + 1}},
        f"row_count {{'min': {FLIGHTS + 1}}}",
        f"found {FLIGHTS}",
    ),
    "row_count, too many": (
        {"row_count": {"max": FLIGHTS - 1}},
        f"row_count {{'max': {FLIGHTS - 1}}}",
        f"found {FLIGHTS}",
    ),
    "rate": (
        {"rate": {"column": "departure_hour", "min": 15, "max": 16}},
        "rate {'column': 'departure_hour', 'min': 15.0, 'max': 16.0}",
        "found 14.5",
    ),
}


@pytest.fixture(scope="module")
def plain_job(job):
    """The job with one cheap variant, whose labels mature."""
    return edited(job_of(job, rate(job, 20.0)), labels=job.spec.labels)


@pytest.fixture
def checked_session(session):
    """The module's session with SQL files of its own, so that their headers can be changed."""
    return replace(session, catalogue=Catalogue(ROOT))


def change(session, name, *checks, sql=("", "")):
    """Put other checks into the header of an asset, and other text into its body."""
    asset = session.catalogue.get(name)
    header = asset.header.model_copy(update={"checks": [Check.model_validate(check) for check in checks]})
    assert sql[0] in asset.body
    session.catalogue._assets[name] = replace(asset, header=header, body=asset.body.replace(*sql))


def with_odd_labels(session, job):
    """Labels are 5 and 6 instead of 0 and 1."""
    change(session, job.spec.labels.sql, sql=(", 1, 0) AS label", ", 6, 5) AS label"))


def events_of(session, job):
    columns = "phase, event, run_id, uri, row_count, sql_version, sql_digest, details"
    return reader(session)(f"SELECT {columns} FROM ledger.events_v1 WHERE job = '{job.name}' ORDER BY recorded_at")


def refused(call):
    with pytest.raises(CheckError) as caught:
        call()
    assert caught.value.exit_code == 3
    return str(caught.value)


def results(event):
    return {result["check"]: result for result in json.loads(event["details"])["checks"]}


def assert_nothing_followed(session, job, requests_sent):
    """No model, no prediction, no published row, no event of a later phase."""
    assert {event["event"] for event in events_of(session, job)} == {"checked"}
    for kind in ("models", "predictions"):
        assert session.store.list(session.store.uri(job.name, kind)) == []
    assert reader(session)(f"SELECT run_date FROM ml.{job.predictions_table}") == []
    assert reader(session)(f"SELECT variant FROM ledger.models_v1 WHERE job = '{job.name}'") == []
    assert reader(session)(f"SELECT metric FROM ml.metrics_v1 WHERE job = '{job.name}'") == []
    assert not [sent for sent in requests_sent.jobs if sent.loads]


@pytest.mark.parametrize("kind", FAILING)
def test_each_kind_stops_the_run_with_its_name_count_and_keys(checked_session, plain_job, requests_sent, kind):
    check, name, found = FAILING[kind]
    job = replace(plain_job, name=f"fails_{list(FAILING).index(kind)}")
    change(checked_session, job.spec.examples.sql, check)
    said = refused(lambda: run_job(checked_session, job, DAY))

    (event,) = events_of(checked_session, job)
    table = event["uri"].removeprefix("bq://")
    assert said == f"{table}: check {name} failed: {found} - mend the SQL or its sources"
    result = results(event)[name]
    by_row = found.split(" rows")[0]
    assert result["failed"] == event["row_count"] == (int(by_row) if by_row.isdigit() else 1)
    assert result["seen"] == (None if by_row.isdigit() else float(found.removeprefix("found ")))
    assert [each["failed"] for other, each in results(event).items() if other != name] == [0] * (
        len(results(event)) - 1
    )
    asset = checked_session.catalogue.get(job.spec.examples.sql)
    assert (event["phase"], event["event"]) == ("preprocess", "checked")
    assert (event["sql_version"], event["sql_digest"]) == (asset.name, asset.digest)
    assert_nothing_followed(checked_session, job, requests_sent)


def test_the_command_line_ends_with_exit_code_3_and_one_line(
    checked_session, plain_job, requests_sent, monkeypatch, capsys
):
    job = replace(plain_job, name="command")
    checks = [{"row_count": {"min": FLIGHTS}}, {"row_count": {"min": 1000}}, {"not_null": ["dest_lat"]}]
    change(checked_session, job.spec.examples.sql, *checks)
    monkeypatch.setattr("pipeline.cli.phases.open_job", lambda *_: (checked_session, job))
    assert run_command(["run", job.name, "--run-date", str(DAY)]) == 3
    captured = capsys.readouterr()
    assert captured.out == ""
    said = captured.err.splitlines()[-1]
    assert said.startswith("error: pipeline-local.")
    assert ": check row_count {'min': 1000} failed: found 560 (and 1 other checks) - mend" in said
    assert "Traceback" not in captured.err
    (event,) = events_of(checked_session, job)
    assert event["row_count"] == 71
    assert_nothing_followed(checked_session, job, requests_sent)


def test_a_mended_check_lets_a_new_generation_run_and_leaves_its_results(checked_session, plain_job):
    job = replace(plain_job, name="mended")
    change(checked_session, job.spec.examples.sql, {"row_count": {"min": FLIGHTS + 1}})
    refused(lambda: run_job(checked_session, job, DAY))
    passing = [{"row_count": {"min": FLIGHTS, "max": FLIGHTS}}, {"unique": ["flight_date", "flight", "origin"]}]
    change(checked_session, job.spec.examples.sql, *passing, NULL_RATE | {"rate": {"column": "distance", "min": 100}})
    summary = run_job(checked_session, job, DAY)
    assert (summary.status, summary.rows["load"]) == ("done", 16)

    first, second = [event for event in events_of(checked_session, job) if event["event"] == "checked"]
    assert first["run_id"] != second["run_id"] == summary.run_id
    assert second["row_count"] == 0
    found = results(second)
    names = [f"not_null {column}" for column in job.spec.prediction_key]
    names += [f"row_count {{'min': {FLIGHTS}, 'max': {FLIGHTS}}}", "unique flight_date, flight, origin"]
    assert list(found) == [*names, "rate {'column': 'distance', 'min': 100.0}", ACCEPTED]
    assert found[names[4]]["seen"] == FLIGHTS
    table = second["uri"].removeprefix("bq://")
    mean = reader(checked_session)(f"SELECT AVG(distance) AS mean FROM `{table}`")[0]["mean"]
    assert found["rate {'column': 'distance', 'min': 100.0}"]["seen"] == pytest.approx(mean)


def test_what_is_done_is_not_checked_again(checked_session, plain_job, requests_sent):
    job = replace(plain_job, name="once")
    assert run_job(checked_session, job, DAY).status == "done"
    before = events_of(checked_session, job)
    requests_sent.clear()
    assert run_job(checked_session, job, DAY).status == "already_done"
    assert events_of(checked_session, job) == before
    assert [event["event"] for event in before].count("checked") == 1
    assert requests_sent.writes == []


def test_a_rate_of_no_values_is_null_and_passes(checked_session, plain_job):
    job = replace(plain_job, name="no_values")
    sql = ("a.year AS aircraft_year", "CAST(NULL AS INT64) AS aircraft_year")
    change(checked_session, job.spec.examples.sql, NULL_RATE, {"row_count": {"max": 0}}, sql=sql)
    assert "row_count {'max': 0} failed" in refused(lambda: run_job(checked_session, job, DAY))
    (event,) = events_of(checked_session, job)
    result = results(event)["rate {'column': 'aircraft_year', 'min': 0.0, 'max': 1.0}"]
    assert (result["failed"], result["seen"]) == (0, None)


def test_labels_of_other_classes_stop_the_run_before_training(checked_session, plain_job, requests_sent):
    job = replace(plain_job, name="odd_labels")
    with_odd_labels(checked_session, job)
    said = refused(lambda: run_job(checked_session, job, DAY))
    (event,) = events_of(checked_session, job)
    table = event["uri"].removeprefix("bq://")
    labels = reader(checked_session)(f"SELECT label, COUNT(*) AS n FROM `{table}` GROUP BY label")
    assert {row["label"] for row in labels} == {5, 6, None}
    known = sum(row["n"] for row in labels if row["label"] is not None)
    assert f": check {ACCEPTED} failed: {known} rows, e.g. {FIRST_FIVE}2013-06-01, AA, 11, JFK; " in said
    assert results(event)[ACCEPTED]["failed"] == event["row_count"] == known
    assert_nothing_followed(checked_session, job, requests_sent)


def test_labels_of_other_classes_are_refused_by_evaluations(session, checked_session, plain_job):
    job = replace(plain_job, name="odd_later")
    run_job(session, job, DAY)
    with_odd_labels(checked_session, job)
    for call in (
        lambda: evaluate_job(checked_session, job, MATURE),
        lambda: pooled_metrics(checked_session, job, [DAY]),
    ):
        said = refused(call)
        assert f"__labels: check {ACCEPTED} failed: 1" in said
        assert f" rows, e.g. {FIRST_FIVE}2013-07-05, AA, 11, JFK; " in said
    assert reader(session)(f"SELECT metric FROM ml.metrics_v1 WHERE job = '{job.name}'") == []
    assert "evaluate" not in {event["phase"] for event in events_of(session, job)}

    (evaluation,) = evaluate_job(session, job, MATURE)
    assert evaluation.metrics
    details = json.loads(events_of(session, job)[-1]["details"])
    checks = {result["check"]: result["failed"] for result in details["labels"]["checks"]}
    names = [f"not_null {column}" for column in job.spec.prediction_key]
    assert checks == dict.fromkeys([*names, "not_null label", ACCEPTED], 0)


def test_labels_without_a_value_are_refused_by_evaluations_and_not_by_runs(checked_session, plain_job):
    job = replace(plain_job, name="null_labels")
    change(
        checked_session, job.spec.labels.sql, {"not_null": ["label"]}, sql=(", 1, 0) AS label", ", 1, NULL) AS label")
    )
    assert run_job(checked_session, job, DAY).status == "done"
    assert "__labels: check not_null label failed: " in refused(lambda: evaluate_job(checked_session, job, MATURE))
    assert reader(checked_session)(f"SELECT metric FROM ml.metrics_v1 WHERE job = '{job.name}'") == []
