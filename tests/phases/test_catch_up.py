"""A schedule that is late, misses nights, calls twice, or finds a half-done date."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, date, datetime
from uuid import uuid4

import pytest
from rich.console import Console

from pipeline.base.progress import Reporter
from pipeline.errors import RequestError
from pipeline.evaluation.drift_statements import drift_rows_statement
from pipeline.phases import catch_up as phase
from pipeline.phases.catch_up import catch_up, catch_up_phase, due_dates, last_done, newest_run_date
from pipeline.phases.run import run_job, run_phase
from pipeline.runs.ledger.usage import Clock
from pipeline.runs.opening import join_run
from tests.support.changed_variants import job_with_prior
from tests.support.integration_fixtures import edited

pytestmark = pytest.mark.cloud


def july(day, hour=6):
    return datetime(2013, 7, day, hour, tzinfo=UTC)


@pytest.fixture
def one(job):
    """A cheap job with a new name, over the sources that the tests of this module share."""
    return job_with_prior(replace(job, name=f"j{uuid4().hex[:8]}"), 20.0)


@pytest.fixture
def at(monkeypatch):
    """Set BigQuery's clock."""
    return lambda moment: monkeypatch.setattr(phase, "read_clock", lambda _: Clock(moment, 0.0))


def dates(summaries):
    return [(each.run_date, each.status) for each in summaries]


@pytest.mark.parametrize(
    ("moment", "newest"),
    [(july(5, 3), 4), (july(5, 4), 5), (july(6, 3), 5), (datetime(2013, 7, 5, 4, tzinfo=UTC), 5)],
)
def test_the_newest_date_has_begun_in_the_jobs_time_zone(quick_job, moment, newest):
    assert newest_run_date(quick_job, moment) == date(2013, 7, newest)


def test_an_offset_moves_the_newest_date(quick_job):
    late = edited(quick_job, as_of_offset_minutes=6 * 60)
    assert newest_run_date(late, july(5, 9)) == date(2013, 7, 4)
    assert newest_run_date(late, july(5, 10)) == date(2013, 7, 5)


@pytest.mark.long
def test_missed_nights_and_repeated_calls_are_caught_up(fresh_session, quick_job, at):
    at(july(1))
    assert dates(catch_up(fresh_session, quick_job)) == [(date(2013, 7, 1), "done")]
    assert dates(catch_up(fresh_session, quick_job)) == [(None, "already_done")]
    at(july(4))
    assert dates(catch_up(fresh_session, quick_job)) == [(date(2013, 7, day), "done") for day in (2, 3, 4)]
    assert dates(catch_up(fresh_session, quick_job)) == [(None, "already_done")]


def phases(session, job, *names):
    return [dates(catch_up_phase(session, job, name)) for name in names]


@pytest.mark.long
def test_calls_of_each_phase_do_what_one_call_does(fresh_session, quick_job, at):
    fresh_session = replace(fresh_session, reporter=Reporter(Console(file=io.StringIO(), width=80)))
    at(july(1))
    first = [(date(2013, 7, 1), "done")]
    assert phases(fresh_session, quick_job, "preprocess", "train", "predict", "load") == [first] * 4
    at(july(3))
    missed = [(date(2013, 7, day), "done") for day in (2, 3)]
    assert phases(fresh_session, quick_job, "preprocess", "train", "predict") == [missed] * 3
    again = [(day, "already_done") for day, _ in missed]
    assert phases(fresh_session, quick_job, "preprocess", "train", "predict") == [again] * 3
    at(july(4))  # midnight has passed since preprocess: the new date is left to the next night
    assert phases(fresh_session, quick_job, "train", "predict", "load") == [again, again, missed]
    assert phases(fresh_session, quick_job, "load", "evaluate") == [[], [(None, "done")]]
    assert (
        "2013-07-04 load: not yet, the phase before has not finished it"
        in fresh_session.reporter._console.file.getvalue()
    )
    run = join_run(fresh_session, quick_job, date(2013, 7, 3))
    assert recorded_drift(run)
    assert phases(fresh_session, quick_job, "evaluate") == [[(None, "already_done")]]


def test_late_sources_do_not_stop_the_dates_before_them(session, one, at):
    run_job(session, one, date(2013, 7, 9))
    at(july(11))
    days = catch_up_phase(session, one, "preprocess")
    assert next(days).run_date == date(2013, 7, 10)
    with pytest.raises(RequestError, match="2013-07-11: nothing to score"):
        next(days)
    done = [(date(2013, 7, 10), "done")]
    assert phases(session, one, "train", "predict", "load") == [done] * 3
    assert due_dates(session, one, date(2013, 7, 11)) == [date(2013, 7, 11)]


def recorded_drift(run):
    return run.session.warehouse.rows(drift_rows_statement(run, of_labels=False))


def test_a_half_done_date_is_due_first(session, one, at):
    run_job(session, one, date(2013, 7, 1))
    run_phase(session, one, date(2013, 7, 2), "train")
    assert last_done(session, one, date(2013, 7, 3)) == date(2013, 7, 1)
    assert due_dates(session, one, date(2013, 7, 3)) == [date(2013, 7, 2), date(2013, 7, 3)]


def test_one_call_catches_up_with_the_oldest_dates_only(session, one):
    run_job(session, one, date(2013, 6, 20))
    due = due_dates(session, one, date(2013, 7, 5), most=3)
    assert due == [date(2013, 6, day) for day in (21, 22, 23)]


def test_a_date_run_ahead_of_time_does_not_count_as_done(session, one):
    run_job(session, one, date(2013, 7, 1))
    run_job(session, one, date(2013, 7, 9))
    assert due_dates(session, one, date(2013, 7, 3)) == [date(2013, 7, 2), date(2013, 7, 3)]
    assert due_dates(session, one, date(2013, 7, 1)) == []


def test_a_date_without_data_ends_the_call_and_stays_due(session, one, at):
    run_job(session, one, date(2013, 7, 10))
    at(july(12))
    with pytest.raises(RequestError, match="2013-07-11: nothing to score"):
        list(catch_up(session, one))
    assert due_dates(session, one, date(2013, 7, 12))[0] == date(2013, 7, 11)
