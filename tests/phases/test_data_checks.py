"""Data checks in real runs: a failed check stops the run before anything is trained, predicted or published."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date

import pytest

from pipeline.errors import CheckError, RequestError
from pipeline.explain.report import pooled_metrics
from pipeline.phases.evaluate import evaluate_job
from pipeline.phases.evaluate_files import evaluate_from_path
from pipeline.phases.run import run_job
from pipeline.sql import Catalogue
from pipeline.sql.checks import Check
from tests.support.changed_variants import job_of, rate
from tests.support.integration_fixtures import ROOT, edited, reader

DAY, MATURE = date(2013, 7, 5), date(2013, 7, 7)
FLIGHTS = 35 * 16
"""Flights from the first day of the tiny data set to the run date."""
KEY = "flight_date, carrier, flight, origin = "
ACCEPTED = "accepted_values label, values 0 1"
ODD = (", 1, 0) AS label", ", 6, 5) AS label")
UNKNOWN = (", 1, 0) AS label", ", 1, NULL) AS label")
FLOATS = (", 1, 0) AS label", ", 1.0, 0.0) AS label")
NONE = ("WHERE known_at <= @as_of", "WHERE known_at <= @as_of AND FALSE")
"""A text of the labels SQL, and its replacement."""

FAILING = {
    "not_null": (
        {"not_null": ["dest", "dest_lat"]},
        "not_null dest_lat",
        (
            f"70 rows, e.g. {KEY}2013-06-01, B6, 21, JFK; 2013-06-01, B6, 24, JFK; 2013-06-02, B6, 21, JFK;"
            " 2013-06-02, B6, 24, JFK; 2013-06-03, B6, 21, JFK"
        ),
    ),
    "unique": (
        {"unique": ["flight_date", "flight"]},
        "unique flight_date, flight",
        (
            f"35 rows, e.g. {KEY}2013-06-01, UA, 41, EWR; 2013-06-01, UA, 41, LGA; 2013-06-02, UA, 41, EWR;"
            " 2013-06-02, UA, 41, LGA; 2013-06-03, UA, 41, EWR"
        ),
    ),
    "row_count": (
        {"row_count": {"min": FLIGHTS + 1}},
        f"row_count min {FLIGHTS + 1}",
        f"found {FLIGHTS}",
    ),
}


@pytest.fixture(scope="module")
def plain_job(job):
    """The job with one cheap variant, whose labels mature; all of its runs are refused."""
    return edited(job_of(replace(job, name="fails"), rate(job, 20.0)), labels=job.spec.labels)


@pytest.fixture
def checked_session(session):
    """The module's session with SQL files of its own, so that their headers can be changed."""
    return with_own_files(session)


@pytest.fixture(scope="module")
def fixed(session, plain_job):
    """A job whose check failed and was fixed, and the summary of its run."""
    job, own = replace(plain_job, name="fixed"), with_own_files(session)
    change(own, job.spec.examples.sql, {"row_count": {"min": FLIGHTS + 1}})
    refused(lambda: run_job(own, job, DAY))
    passing = [{"row_count": {"min": FLIGHTS, "max": FLIGHTS}}, {"unique": ["flight_date", "flight", "origin"]}]
    change(own, job.spec.examples.sql, *passing, {"rate": {"column": "distance", "min": 100}})
    return job, run_job(own, job, DAY)


def with_own_files(session):
    return replace(session, catalogue=Catalogue(ROOT))


def change(session, name, *checks, sql=("", ""), **columns):
    """Put other checks and types of columns into the header of an asset, and other text into its body."""
    asset = session.catalogue.get(name)
    update = {"checks": [Check.model_validate(check) for check in checks], "columns": asset.header.columns | columns}
    header = asset.header.model_copy(update=update)
    assert sql[0] in asset.body
    session.catalogue._assets[name] = replace(asset, header=header, body=asset.body.replace(*sql))


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


def last_event(session, job, requests_sent):
    """Return the last event of a refused run, after a check that it left no model, prediction or published row."""
    events = events_of(session, job)
    assert {(event["phase"], event["event"]) for event in events} == {("preprocess", "checked")}
    assert [event["run_id"] for event in events].count(events[-1]["run_id"]) == 1
    for kind in ("models", "predictions"):
        assert session.store.list(session.store.uri(job.name, kind)) == []
    assert reader(session)(f"SELECT run_date FROM ml.{job.predictions_table}") == []
    assert reader(session)(f"SELECT variant FROM ledger.models_v1 WHERE job = '{job.name}'") == []
    assert not [sent for sent in requests_sent.jobs if sent.loads]
    return events[-1]


@pytest.mark.parametrize("which", ["examples", "labels"])
def test_a_header_that_declares_other_columns_stops_the_run(checked_session, plain_job, which):
    """Models would get the declared columns only, under the name of SQL that makes others."""
    job = replace(plain_job, name=f"{which}_columns")
    asset = checked_session.catalogue.get(getattr(job.spec, which).sql)
    if which == "examples":
        *columns, last = asset.header.columns.items()
        header = asset.header.model_copy(update={"columns": dict(columns)})
        difference = f"the header declares no more columns where the statement returns {' '.join(last)}"
    else:
        header = asset.header.model_copy(update={"columns": asset.header.columns | {"label": "STRING"}})
        difference = "the header declares label STRING where the statement returns label INT64"
    checked_session.catalogue._assets[asset.name] = replace(asset, header=header)
    with pytest.raises(RequestError) as caught:
        run_job(checked_session, job, DAY)
    assert str(caught.value) == f"{asset.path}:1: {difference} - fix the header or the statement"
    checked_session.catalogue._assets[asset.name] = asset
    assert run_job(checked_session, job, DAY).status == "done"


@pytest.mark.parametrize("kind", FAILING)
def test_a_failed_check_stops_the_run_with_name_count_and_keys(checked_session, plain_job, requests_sent, kind):
    check, name, found = FAILING[kind]
    change(checked_session, plain_job.spec.examples.sql, check)
    message = refused(lambda: run_job(checked_session, plain_job, DAY))

    event = last_event(checked_session, plain_job, requests_sent)
    table = event["uri"].removeprefix("bq://")
    assert message == f"{table}: check {name} failed: {found} - fix the SQL or its sources"
    count = found.partition(" rows")[0]
    whole = not count.isdigit()
    result = results(event)[name]
    assert result["failed"] == event["row_count"] == (1 if whole else int(count))
    assert result["seen"] == (float(found.removeprefix("found ")) if whole else None)
    assert sum(each["failed"] > 0 for each in results(event).values()) == 1
    asset = checked_session.catalogue.get(plain_job.spec.examples.sql)
    assert (event["sql_version"], event["sql_digest"]) == (asset.name, asset.digest)


def test_a_rate_of_nan_is_refused_and_recorded_as_text(checked_session, plain_job, requests_sent):
    sql = ("p.lat AS dest_lat", "CAST('NaN' AS FLOAT64) AS dest_lat")
    change(checked_session, plain_job.spec.examples.sql, {"rate": {"column": "dest_lat", "min": 0}}, sql=sql)
    message = refused(lambda: run_job(checked_session, plain_job, DAY))
    assert "check rate dest_lat, min 0.0 failed: found nan - " in message
    event = last_event(checked_session, plain_job, requests_sent)
    assert results(event)["rate dest_lat, min 0.0"]["seen"] == "nan"


def test_checks_are_recorded_when_examples_fail_otherwise(checked_session, plain_job, requests_sent):
    sql = ("t.known_at AS example_as_of", "TIMESTAMP_ADD(t.known_at, INTERVAL 99 DAY) AS example_as_of")
    change(checked_session, plain_job.spec.examples.sql, {"row_count": {"max": 1}}, {"not_null": ["dest"]}, sql=sql)
    message = refused(lambda: run_job(checked_session, plain_job, DAY))
    assert " examples have no example_as_of or one after the run's " in message
    event = last_event(checked_session, plain_job, requests_sent)
    found = results(event)
    assert (found["row_count max 1"]["failed"], found["row_count max 1"]["seen"]) == (1, FLIGHTS)
    assert (found["not_null dest"]["failed"], event["row_count"]) == (0, 1)


def test_labels_of_other_classes_stop_the_run_before_training(checked_session, plain_job, requests_sent):
    change(checked_session, plain_job.spec.labels.sql, sql=ODD)
    message = refused(lambda: run_job(checked_session, plain_job, DAY))
    event = last_event(checked_session, plain_job, requests_sent)
    table = event["uri"].removeprefix("bq://")
    labels = reader(checked_session)(f"SELECT label, COUNT(*) AS n FROM `{table}` GROUP BY label")
    assert {row["label"] for row in labels} == {5, 6, None}
    known = sum(row["n"] for row in labels if row["label"] is not None)
    assert message.startswith(f"{table}: check {ACCEPTED} failed: {known} rows, e.g. {KEY}2013-06-01, AA, ")
    assert results(event)[ACCEPTED]["failed"] == event["row_count"] == known


def test_a_fixed_check_lets_a_new_generation_run(session, fixed):
    job, summary = fixed
    assert (summary.status, summary.rows["load"]) == ("done", 16)
    first, second = [event for event in events_of(session, job) if event["event"] == "checked"]
    assert first["run_id"] != second["run_id"] == summary.run_id
    assert (first["row_count"], second["row_count"]) == (1, 0)


def test_passed_checks_are_recorded_with_their_values(session, fixed):
    job, summary = fixed
    (event,) = [each for each in events_of(session, job) if each["event"] == "checked" and not each["row_count"]]
    names = [f"not_null {column}" for column in job.spec.prediction_key]
    count, rate = f"row_count min {FLIGHTS}, max {FLIGHTS}", "rate distance, min 100.0"
    found = results(event)
    assert list(found) == [*names, count, "unique flight_date, flight, origin", rate, ACCEPTED]
    assert {result["failed"] for result in found.values()} == {0}
    mean = reader(session)(f"SELECT AVG(distance) AS mean FROM `{summary.tables['examples']}`")[0]["mean"]
    assert found[rate]["seen"] == pytest.approx(mean)
    assert {name: result["seen"] for name, result in found.items() if name != rate} == (
        dict.fromkeys([*names, "unique flight_date, flight, origin", ACCEPTED]) | {count: FLIGHTS}
    )


def test_a_done_run_is_not_checked_again(session, fixed, requests_sent):
    job, _ = fixed
    assert run_job(session, job, DAY).status == "already_done"
    assert requests_sent.writes == []


WRONG = pytest.mark.parametrize(
    ("sql", "checks", "name"),
    [(ODD, [], ACCEPTED), (UNKNOWN, [{"not_null": ["label"]}], "not_null label")],
    ids=["other classes", "no label"],
)


@WRONG
def test_evaluations_refuse_wrong_labels_and_record_it_once(checked_session, fixed, sql, checks, name):
    job, _ = fixed
    change(checked_session, job.spec.labels.sql, *checks, sql=sql)
    before = events_of(checked_session, job)
    for _ in range(2):
        message = refused(lambda: evaluate_job(checked_session, job, MATURE))
        assert f"__labels: check {name} failed: " in message
        assert f", e.g. {KEY}2013-07-05, " in message
    assert reader(checked_session)(f"SELECT metric FROM ml.metrics_v1 WHERE job = '{job.name}'") == []

    events = events_of(checked_session, job)
    assert events[:-1] == before
    event = events[-1]
    assert (event["phase"], event["event"], event["run_id"]) == ("evaluate", "checked", f"{job.name}-{DAY}")
    found = results(event)
    names = [f"not_null {column}" for column in job.spec.prediction_key]
    assert list(found) == [*names, *(["not_null label"] if checks else []), ACCEPTED]
    wrong = {each["check"]: each["failed"] for each in found.values() if each["failed"]}
    assert list(wrong) == [name]
    rows = f"{wrong[name]} row" if wrong[name] == 1 else f"{wrong[name]} rows"
    assert f" check {name} failed: {rows}, e.g. " in message


def test_pooled_metrics_refuse_wrong_labels(checked_session, fixed):
    job, _ = fixed
    change(checked_session, job.spec.labels.sql, sql=ODD)
    message = refused(lambda: pooled_metrics(checked_session, job, [DAY]))
    assert f"__labels: check {ACCEPTED} failed: " in message


def test_without_labels_no_check_is_made(checked_session, fixed):
    job, _ = fixed
    checks = [{"row_count": {"min": 1}}, {"rate": {"column": "label", "min": 0.1}}]
    change(checked_session, job.spec.labels.sql, *checks, sql=NONE)
    before = events_of(checked_session, job)
    assert evaluate_job(checked_session, job, MATURE) == []
    assert events_of(checked_session, job) == before


def test_an_evaluation_records_the_checks_of_its_labels(session, fixed):
    job, _ = fixed
    (evaluation,) = evaluate_job(session, job, MATURE)
    assert evaluation.metrics
    event = events_of(session, job)[-1]
    assert (event["phase"], event["event"]) == ("evaluate", "evaluated")
    details = json.loads(event["details"])
    names = [*(f"not_null {column}" for column in job.spec.prediction_key), ACCEPTED]
    assert details["checks"] == [{"check": name, "failed": 0, "seen": None} for name in names]
    assert set(details["labels"]) == {"row_count", "duplicate_keys", "checksum", "known"}
    assert evaluate_job(session, job, MATURE) == []


def test_labels_may_be_floats_of_two_classes(session, plain_job):
    job, own = replace(plain_job, name="floats"), with_own_files(session)
    change(own, job.spec.labels.sql, sql=FLOATS, label="FLOAT64")
    summary = run_job(own, job, DAY)
    assert (summary.status, summary.rows["load"]) == ("done", 16)
    table = summary.tables["examples"]
    labels = reader(own)(f"SELECT DISTINCT label FROM `{table}` WHERE label IS NOT NULL ORDER BY label")
    assert [(type(row["label"]), row["label"]) for row in labels] == [(float, 0.0), (float, 1.0)]
    (event,) = [each for each in events_of(own, job) if each["event"] == "checked"]
    assert results(event)[ACCEPTED]["failed"] == event["row_count"] == 0
    (evaluation,) = evaluate_job(own, job, MATURE)
    assert evaluation.metrics


@pytest.fixture
def files(tmp_path):
    """Write predictions of four flights and labels: (label of each) -> paths."""

    def write(*labels):
        keys = [f"2013-07-05,AA,{flight},JFK" for flight in range(1, 5)]
        header, paths = "flight_date,carrier,flight,origin", []
        for name, values in (("score", (0.1, 0.2, 0.3, 0.9)), ("label", labels)):
            lines = [f"{header},{name}", *(f"{key},{value}" for key, value in zip(keys, values, strict=True))]
            paths.append(tmp_path / f"{name}.csv")
            paths[-1].write_text("\n".join(lines) + "\n")
        return [str(path) for path in paths]

    return write


@pytest.mark.parametrize(
    ("labels", "rows"),
    [
        ((5, 6, 6, 5), f"4 rows, e.g. {KEY}2013-07-05, AA, 1, JFK; 2013-07-05, AA, 2, JFK; 2013-07-05, AA, 3, JFK;"),
        ((0, 1, 5, 6), f"2 rows, e.g. {KEY}2013-07-05, AA, 3, JFK; 2013-07-05, AA, 4, JFK - "),
        ((0, 1, "", -1), f"1 row, e.g. {KEY}2013-07-05, AA, 4, JFK - "),
    ],
)
def test_labels_of_other_classes_in_a_file_are_refused(session, job, files, labels, rows):
    message = refused(lambda: evaluate_from_path(session, job, *files(*labels), name="odd"))
    assert message.partition(": ")[0].endswith("label.csv")
    assert f": check {ACCEPTED} failed: {rows}" in message


def test_checks_of_the_labels_sql_hold_for_a_file_too(checked_session, job, files):
    change(checked_session, job.spec.labels.sql, {"rate": {"column": "label", "max": 0.5}})
    assert evaluate_from_path(checked_session, job, *files(0, 1, 0, 1), name="half")
    message = refused(lambda: evaluate_from_path(checked_session, job, *files(0, 1, 1, 1), name="most"))
    assert ": check rate label, max 0.5 failed: found 0.75 - " in message
