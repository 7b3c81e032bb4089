from __future__ import annotations

import json
from datetime import UTC, date, datetime

import pytest

from pipeline.runs.ledger.ledger import Event, Ledger
from pipeline.runs.tables import ensure_tables
from tests.support.integration_fixtures import reader

DAY = date(2013, 7, 5)


@pytest.fixture
def session(make_empty_session, job):
    session = make_empty_session()
    ensure_tables(session, job)
    return session


@pytest.fixture
def ledger(session):
    return Ledger(session, "flight_delay")


def test_an_event_is_recorded_once_with_all_its_fields(session, ledger):
    event = Event(
        phase="train", event="done", key="m1", variant="v@1", model_id="m1", uri="gs://b/m", row_count=5, seconds=0.25,
        sql_version="a_v1", sql_digest="d", details={"moment": DAY, "text": "it's \"quoted\"\n"},
    )  # fmt: skip
    ledger.record(DAY, "r1", [event])
    ledger.record(DAY, "r1", [event])
    (row,) = reader(session)("SELECT * FROM ledger.events_v1")
    assert row.pop("recorded_at") <= datetime.now(UTC)
    assert json.loads(row.pop("details")) == {"moment": "2013-07-05", "text": 'it\'s "quoted"\n'}
    assert row == {
        "event_id": "r1/train/done/m1", "job": "flight_delay", "run_date": DAY, "run_id": "r1", "phase": "train",
        "event": "done", "variant": "v@1", "model_id": "m1", "uri": "gs://b/m", "row_count": 5, "seconds": 0.25,
        "sql_version": "a_v1", "sql_digest": "d",
    }  # fmt: skip


def test_an_event_that_is_repeated_with_others_is_not_doubled(session, ledger):
    first, second = Event("predict", "done", key="a", seconds=1.0), Event("predict", "done", key="b")
    ledger.record(DAY, "r1", [first])
    ledger.record(DAY, "r1", [Event("predict", "done", key="a", seconds=2.0), second])
    rows = reader(session)("SELECT event_id, seconds FROM ledger.events_v1 ORDER BY event_id")
    assert rows == [
        {"event_id": "r1/predict/done/a", "seconds": 1.0},
        {"event_id": "r1/predict/done/b", "seconds": None},
    ]
    ledger.record(DAY, "r2", [first])
    assert len(reader(session)("SELECT * FROM ledger.events_v1")) == 3


def test_no_events_send_nothing(ledger, requests_sent):
    ledger.record(DAY, "r1", [])
    assert requests_sent.sent == []


def test_events_are_those_of_the_job_and_the_run_dates(session, ledger):
    for day in (4, 5, 6):
        ledger.record(date(2013, 7, day), f"r{day}", [Event("load", "published", key="m")])
    Ledger(session, "other").record(DAY, "x", [Event("load", "published")])
    found = ledger.events(DAY, date(2013, 7, 6))
    assert [(row["run_date"].day, row["run_id"]) for row in found] == [(5, "r5"), (6, "r6")]


def test_key_or_variant_and_model_tell_events_apart(session, ledger):
    first, second = (Event("train", "done", variant="v@1", model_id=model_id) for model_id in ("m1", "m2"))
    for events in ([first], [first, second, Event("train", "done", key="k", variant="v@1", model_id="m1")]):
        ledger.record(DAY, "r1", events)
    rows = reader(session)("SELECT event_id FROM ledger.events_v1 ORDER BY event_id")
    assert [row["event_id"] for row in rows] == [f"r1/train/done/{own}" for own in ("k", "v@1/m1", "v@1/m2")]


def test_models_are_recorded_once_a_run_and_variant(session, ledger):
    model = {
        "model_id": "m1", "variant": "v@1", "uri": "gs://b/m", "bundle_digest": "d", "training_rows": 7,
        "data_checksum": "c", "code_digest": "k",
    }  # fmt: skip
    ledger.record_models(DAY, "r1", [model])
    ledger.record_models(DAY, "r1", [model, model | {"variant": "w@1", "model_id": "m2"}])
    ledger.record_models(DAY, "r2", [model])
    rows = reader(session)(
        "SELECT run_id, variant, model_id, training_rows FROM ledger.models ORDER BY run_id, variant"
    )
    assert [tuple(row.values()) for row in rows] == [
        ("r1", "v@1", "m1", 7), ("r1", "w@1", "m2", 7), ("r2", "v@1", "m1", 7),
    ]  # fmt: skip


def test_the_first_champion_holds_for_earlier_dates_too(session, ledger):
    assert ledger.run_start(DAY)["champion"] is None
    ledger.decide_champion("v@1", DAY, "first")
    ledger.decide_champion("w@1", date(2013, 7, 1), "first")
    assert [row["variant"] for row in reader(session)("SELECT variant FROM ledger.champions_v1")] == ["v@1"]
    for day in (date(1999, 1, 1), DAY, date(2099, 1, 1)):
        assert ledger.run_start(day)["champion"] == "v@1"
    assert Ledger(session, "other").run_start(DAY)["champion"] is None


def test_a_promotion_holds_from_its_run_date_on(session, ledger):
    ledger.decide_champion("v@1", DAY, "first")
    ledger.decide_champion("w@1", date(2013, 8, 1), "better")
    ledger.decide_champion("w@1", date(2013, 8, 1), "better")
    assert len(reader(session)("SELECT * FROM ledger.champions_v1")) == 2
    found = [ledger.run_start(day)["champion"] for day in (date(2013, 7, 31), date(2013, 8, 1), date(2013, 9, 1))]
    assert found == ["v@1", "w@1", "w@1"]


def test_a_run_starts_at_bigquerys_present_moment(ledger):
    before = datetime.now(UTC)
    moment = ledger.run_start(DAY)["snapshot_at"]
    assert abs((moment - before).total_seconds()) < 30


def test_a_verdict_is_recorded_once(session, ledger):
    assert ledger.verdict(DAY) is None
    for _ in range(2):
        ledger.record_verdict(DAY, "v@1", "first", "first")
    assert ledger.verdict(DAY) == "first"
    assert ledger.verdict(date(2013, 7, 6)) is None
    assert len(reader(session)("SELECT * FROM ml.verdicts_v1")) == 1
