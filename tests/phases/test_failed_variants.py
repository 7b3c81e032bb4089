"""A variant that fails does not stop the others: in a run, in its phases, in catch-up, and after its repair."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from uuid import uuid4

import pytest

from jobs.flight_delay.baselines import CarrierHourRate
from pipeline.base.progress import LineReporter
from pipeline.errors import CheckError, CloudError, RequestError, loggable, readable
from pipeline.explain.status.lines import date_lines, recent_dates
from pipeline.explain.status.status import status_of
from pipeline.phases import catch_up as catching_up
from pipeline.phases.catch_up import catch_up, catch_up_phase, due_dates
from pipeline.phases.run import run_job, run_phase
from pipeline.phases.task import Task
from pipeline.runs.ledger.ledger import Ledger
from pipeline.runs.ledger.usage import Clock
from pipeline.runs.opening import join_run
from pipeline.runs.publications import published_slices
from tests.support.changed_variants import job_of, maturing, rate, seen
from tests.support.integration_fixtures import edited, reader

DAY, NEXT = date(2013, 7, 3), date(2013, 7, 4)
LEADING, WEAK = 20.0, 33.0
"""Priors of the variant that leads and of the one that fails."""


@pytest.fixture
def two(job):
    """A job with a new name, whose first variant leads and whose second fails as `fail` says."""
    own = replace(job, name=f"j{uuid4().hex[:8]}")
    return job_of(own, rate(own, LEADING, "leads"), rate(own, WEAK, "weak"))


@pytest.fixture
def lines():
    return []


@pytest.fixture
def told(session, lines):
    """The session, which keeps its lines."""
    return replace(session, reporter=LineReporter(lines.append))


@pytest.fixture
def fail(monkeypatch):
    """Return a function that makes the weak variant fail in `fit` or `predict`; it can be repaired by `undo`."""

    def make(method, result, prior=WEAK):
        original = getattr(CarrierHourRate, method)

        def failing(self, df):
            return result(original, self, df) if self.prior_flights == prior else original(self, df)

        monkeypatch.setattr(CarrierHourRate, method, failing)
        return monkeypatch.undo

    return make


def boom(original, model, df):
    raise ValueError("boom of 4711")


def one_nan(original, model, df):
    predictions = original(model, df)
    return predictions.assign(score=predictions["score"].where(predictions.index > 0))


def above_one(original, model, df):
    predictions = original(model, df)
    return predictions.assign(score=predictions["score"].where(predictions.index > 0, 1 + 2.3e-16))


def without_columns(original, model, df):
    return original(model, df)[["score"]]


FAILURES = {
    "fit raises": ("fit", boom, "train", "fit raised ValueError: boom of 4711"),
    "predict raises": ("predict", boom, "predict", "predict raised ValueError: boom of 4711"),
    "predictions lack columns": ("predict", without_columns, "predict", "predictions lack flight_date"),
    "a value is missing": ("predict", one_nan, "predict", "1 of 16 predictions do not fit the prediction schema"),
    "a score is above 1": ("predict", above_one, "load", "score = "),
}


def published(session, job, day):
    return {variant.split("@")[0] for variant in published_slices(join_run(session, job, day))}


def failed_events(session, job, day):
    events = Ledger(session, job.name).events(day, day)
    return [(row["phase"], row["variant"].split("@")[0]) for row in events if row["event"] == "failed"]


def test_a_class_that_cannot_be_imported_holds_no_other_variant(session, two):
    leads, weak = two.variants
    lost = replace(weak, config=weak.config.model_copy(update={"model": "jobs.flight_delay.baselines:Lost"}))
    broken = replace(two, variants=(leads, lost))
    done = run_job(session, broken, DAY)
    assert [(failure.variant, failure.phase) for failure in done.failed] == [(lost.id, "train")]
    assert published(session, broken, DAY) == {"leads"}
    with pytest.raises(RequestError, match="has no Lost"):
        run_job(session, replace(two, name=f"{two.name}b", variants=(lost, leads)), DAY)


@pytest.mark.parametrize("name", FAILURES)
def test_the_others_are_published_and_the_failure_is_told_everywhere(told, lines, two, fail, name):
    method, result, phase, reason = FAILURES[name]
    repair = fail(method, result)
    done = run_job(told, two, DAY)
    weak = two.variants[1].id
    assert [(failure.variant, failure.phase) for failure in done.failed] == [(weak, phase)]
    assert reason in readable(done.failed[0].reason)
    (warning,) = [line for line in lines if line.startswith("warning: ") and "failed" in line]
    assert warning.startswith(f"warning: {DAY} {phase}: {weak} failed, the other variants go on: ")
    assert reason in readable(warning)
    assert published(told, two, DAY) == {"leads"}
    assert seen(told, two) == {DAY: two.variants[0].id}
    assert failed_events(told, two, DAY) == [(phase, "weak")]
    (event,) = [row for row in Ledger(told, two.name).events(DAY, DAY) if row["event"] == "failed"]
    assert "4711" not in event["details"], "the ledger holds a value of a row"

    state = status_of(told, two, DAY)
    assert state.runs[0].state == "published"
    (line,) = state.runs[0].failed_variants
    assert line.startswith(f"{weak} in {phase}: ")
    assert phase == "load" or reason in line
    assert f"  failed: {line}" in list(date_lines(state))
    assert "1 missing variant, then" in state.next or "then load" in state.next or state.next.startswith("load")
    assert recent_dates(told, two, 1)[0].summary == f"16 rows published, without {weak}: failed"
    assert due_dates(told, two, NEXT) == [NEXT]

    if phase != "load":  # what is committed stays: a run with other predictions is another generation
        leader = published_slices(join_run(told, two, DAY))[two.variants[0].id]
        repair()
        again = run_job(told, two, DAY, max_reject_rate=1.0 if name == "a value is missing" else 0.0)
        assert again.failed == []
        assert published(told, two, DAY) == {"leads", "weak"}
        assert published_slices(join_run(told, two, DAY))[two.variants[0].id] == leader
        assert status_of(told, two, DAY).runs[0].failed_variants == []
        assert run_job(told, two, DAY).status == "already_done"


def test_a_failed_check_names_variant_key_value_and_predict(told, two, fail):
    fail("predict", above_one, prior=LEADING)
    with pytest.raises(CheckError) as stopped:
        run_job(told, two, DAY)
    leader = two.variants[0].id
    message = str(stopped.value)
    assert message.startswith(f"{leader}: check range score, min 0.0, max 1.0 failed: ")
    assert "1 row, e.g. flight_date, carrier, flight, origin, score = 2013-07-03, " in message
    assert message.endswith(", 1.0000000000000002 - fix the model's predict")
    assert published_slices(join_run(told, two, DAY)) == {}


@pytest.mark.parametrize("position", [0, 1])
def test_all_checks_come_before_the_first_row_is_published(told, two, fail, position):
    """The champion's check fails: no variant is published, wherever it stands in the list."""
    order = two.variants if position == 0 else two.variants[::-1]
    swapped = job_of(two, *order)
    run_job(told, job_of(two, two.variants[0]), date(2013, 7, 1))  # it becomes champion
    fail("predict", above_one, prior=LEADING)
    with pytest.raises(CheckError, match="leads@"):
        run_job(told, swapped, DAY)
    assert published_slices(join_run(told, swapped, DAY)) == {}
    assert failed_events(told, swapped, DAY) == []


@pytest.mark.parametrize("method", ["fit", "predict"])
def test_a_champion_that_fails_holds_its_date(told, two, fail, method):
    fail(method, boom, prior=LEADING)
    with pytest.raises(RequestError, match=f"{method} raised ValueError: boom"):
        run_job(told, two, DAY)
    assert published_slices(join_run(told, two, DAY)) == {}
    assert due_dates(told, two, DAY) == [DAY]
    assert status_of(told, two, DAY).runs[0].state == "unfinished"


def test_a_failure_of_the_cloud_stops_the_run(told, two, fail):
    def no_answer(original, model, df):
        raise CloudError("no answer")

    fail("fit", no_answer)
    with pytest.raises(CloudError):
        run_job(told, two, DAY)
    assert due_dates(told, two, DAY) == [DAY]


@pytest.mark.parametrize(("method", "phase"), [("fit", "train"), ("predict", "predict")])
def test_phases_and_tasks_behave_like_the_run(told, lines, two, fail, method, phase, monkeypatch):
    sharded = edited(two, predictions=two.spec.predictions.model_copy(update={"shards": 2}))
    monkeypatch.setattr(catching_up, "read_clock", lambda _: Clock(datetime(2013, 7, 3, 6, tzinfo=UTC), 0.0))
    repair = fail(method, boom)
    for name in ("preprocess", "train"):
        assert [done.run_date for done in catch_up_phase(told, sharded, name)] == [DAY]
    for index in (1, 0):
        assert list(catch_up_phase(told, sharded, "predict", task=Task(index, 2)))
    assert [done.rows for done in catch_up_phase(told, sharded, "load")] == [{"load": 16}]
    assert published(told, sharded, DAY) == {"leads"}
    assert failed_events(told, sharded, DAY) == [(phase, "weak")]
    assert sum(f"{DAY} load: " in line and f"failed in {phase}" in line for line in lines) == 1
    assert list(catch_up_phase(told, sharded, "preprocess")) == []
    repair()
    for name in ("train", "predict", "load"):
        assert run_phase(told, sharded, DAY, name).failed == []
    assert published(told, sharded, DAY) == {"leads", "weak"}


def test_a_phase_that_did_not_try_a_variant_is_waited_for(told, two, monkeypatch):
    """Only the champion has predictions, and nothing says that the other failed: it is waited for."""
    monkeypatch.setattr(catching_up, "read_clock", lambda _: Clock(datetime(2013, 7, 3, 6, tzinfo=UTC), 0.0))
    trained = run_phase(told, two, DAY, "train")
    run_phase(told, two, DAY, "predict", model=trained.models[0]["uri"])
    assert list(catch_up_phase(told, two, "load")) == []


def test_a_bundle_that_was_asked_for_is_no_matter_of_others(told, two, fail):
    trained = run_phase(told, two, DAY, "train")
    fail("predict", boom)
    with pytest.raises(RequestError, match="boom"):
        run_phase(told, two, DAY, "predict", model=trained.models[1]["uri"])


def test_later_dates_go_on_and_what_works_is_evaluated(told, two, fail, monkeypatch):
    own = maturing(two, 1)
    fail("predict", lambda original, model, df: boom(original, model, df) if len(df) else original(model, df))
    monkeypatch.setattr(catching_up, "read_clock", lambda _: Clock(datetime(2013, 7, 3, 6, tzinfo=UTC), 0.0))
    assert [done.run_date for done in catch_up(told, own)] == [DAY]
    monkeypatch.setattr(catching_up, "read_clock", lambda _: Clock(datetime(2013, 7, 4, 6, tzinfo=UTC), 0.0))
    (done,) = catch_up(told, own)
    assert (done.run_date, [failure.phase for failure in done.failed]) == (NEXT, ["predict"])
    (evaluation,) = done.evaluated
    assert evaluation["run_date"] == DAY
    assert {row["variant"] for row in evaluation["metrics"]} == {own.variants[0].id}


def test_a_promoted_variant_that_failed_is_not_left_out(told, two, fail):
    """It became champion after the run was claimed and had predicted: readers would find nothing."""
    fail("predict", boom)
    run_phase(told, two, DAY, "train")
    assert [failure.phase for failure in run_phase(told, two, DAY, "predict").failed] == ["predict"]
    Ledger(told, two.name).decide_champion(two.variants[1].id, DAY, "by hand")
    with pytest.raises(RequestError, match=r"weak@.* failed in predict: .*boom"):
        run_phase(told, two, DAY, "load")
    assert published_slices(join_run(told, two, DAY)) == {}


def test_the_reason_is_kept_once_and_without_values_in_the_ledger(told, two, fail):
    fail("fit", boom)
    for _ in range(2):
        (failure,) = run_job(told, two, DAY).failed
    assert "4711" not in loggable(failure.reason)
    (event,) = [row for row in Ledger(told, two.name).events(DAY, DAY) if row["event"] == "failed"]
    details = json.loads(event["details"])
    assert details["exit_code"] == 2
    assert "fit raised ValueError: [values are not logged]" in details["reason"]
    rows = reader(told)(f"SELECT COUNT(*) AS n FROM ledger.events_v1 WHERE job = '{two.name}' AND event = 'failed'")
    assert rows == [{"n": 1}]
