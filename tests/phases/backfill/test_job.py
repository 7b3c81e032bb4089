from __future__ import annotations

import json
import re
from datetime import date

import pytest

from pipeline.errors import CheckError, CloudError, ProcessLost, RequestError, readable
from pipeline.explain.status.status import status_of
from pipeline.phases.backfill import Backfill, Failure, Work, backfill_job
from pipeline.phases.run import run_job
from pipeline.phases.summary import Summary
from tests.phases.backfill.conftest import DAYS
from tests.phases.backfill.left_behind import decided, left_behind
from tests.support.changed_variants import decisions, seen, verdicts

SIX = [date(2013, 7, day) for day in range(1, 7)]


def test_the_line_counts_dates_and_names_the_first_error():
    runs = [Summary("j", SIX[0], "r", status="already_done"), Summary("j", SIX[1], "r")]
    failed = [Failure(SIX[2], RequestError("no rows", hint="load some")), Failure(SIX[3], CheckError("bad"))]
    done = Backfill("j", runs, failed, SIX[4:], seconds=1.26)
    assert done.as_line() == (
        "j backfill: 1 done, 1 already done, 2 failed (2013-07-03, 2013-07-04; first: no rows), 2 not started (1.3 s)"
    )


def test_the_line_without_failures_has_counts_only():
    line = Backfill("j", [Summary("j", SIX[0], "r")]).as_line()
    assert line == "j backfill: 1 done, 0 already done, 0 failed, 0 not started (0.0 s)"


def test_json_holds_runs_failures_and_dates_not_started():
    done = Backfill("j", [Summary("j", SIX[0], "r")], [Failure(SIX[1], CheckError("bad", hint="fix it"))], [SIX[2]])
    content = json.loads(done.as_json())
    assert list(content) == ["runs", "failed", "not_started"]
    assert content["runs"] == [json.loads(done.runs[0].as_json())]
    assert content["failed"] == [{"run_date": "2013-07-02", "error": "bad - fix it", "exit_code": 3}]
    assert content["not_started"] == ["2013-07-03"]


@pytest.fixture(scope="module")
def serial(make_session, stumbling_job):
    """A place where the dates were run one after the other, and judged."""
    session = make_session()
    for day in DAYS:
        run_job(session, stumbling_job, day, gate=True)
    return session


def statuses(done):
    return [(summary.run_date, summary.status) for summary in done.runs]


@pytest.mark.long
def test_parallel_dates_leave_what_serial_dates_leave(place, stumbling_job, serial, trip, reported, capfd):
    trip(DAYS[1], "cloud")
    trip(DAYS[2], "kill")
    told = []
    done = backfill_job(place, stumbling_job, DAYS, Work(), parallel=3, max_failures=2, tell=told.append)
    assert statuses(done)[0] == (DAYS[0], "done")
    assert told == done.runs
    failed = {failure.run_date: failure.error for failure in done.failed}
    assert list(failed) == DAYS[1:3]
    assert isinstance(failed[DAYS[1]], CloudError)
    assert isinstance(failed[DAYS[2]], ProcessLost)
    assert str(failed[DAYS[2]]).startswith("flight_delay 2013-07-03: its process was killed by SIGKILL - run the same")
    assert {*statuses(done)[1:]} <= {(DAYS[3], "done")}
    assert not any(summary.evaluated for summary in done.runs)  # what comes after a failed date waits for it

    first = next(number for number, line in enumerate(reported) if line.startswith("flight_delay backfill: 1 of 4"))
    assert not any(line.startswith("2013-07-02") for line in reported[:first])  # who names the champion is alone
    whole = r"((warning: )?(flight_delay )?2013-07-0\d|flight_delay backfill: \d of 4|fitting, in whole lines$)"
    assert [line for line in reported if not re.match(whole, readable(line))] == []
    assert capfd.readouterr() == ("", "")

    done = backfill_job(place, stumbling_job, DAYS, Work())
    assert (done.failed, done.not_started) == ([], [])
    assert [summary.run_date for summary in done.runs] == DAYS
    assert left_behind(place) == left_behind(serial)
    first_champion = stumbling_job.variants[0].id
    assert decisions(place, stumbling_job) == [(DAYS[0], first_champion, "first")]
    assert verdicts(place, stumbling_job) == [(DAYS[0], first_champion, "first")]
    assert seen(place, stumbling_job) == dict.fromkeys(DAYS, first_champion)
    assert {status for _, status in statuses(backfill_job(place, stumbling_job, DAYS, Work()))} == {"already_done"}


@pytest.mark.long
def test_with_the_gate_dates_are_published_in_order(place, stumbling_job, serial, trip, reported):
    trip(DAYS[2], "cloud")
    done = backfill_job(place, stumbling_job, DAYS, Work(gate=True))
    assert statuses(done) == [(day, "done") for day in DAYS[:2]]
    assert [failure.run_date for failure in done.failed] == [DAYS[2]]
    assert done.not_started == [DAYS[3]]
    assert set(seen(place, stumbling_job)) == set(DAYS[:2])
    lines = [line for line in reported if "failed" in line or "backfill" in line]
    assert lines[-2] == "warning: 2013-07-03 failed: no answer"
    assert re.fullmatch(r"flight_delay backfill: 3 of 4, about 0:\d\d:\d\d left", lines[-1])

    done = backfill_job(place, stumbling_job, DAYS, Work(gate=True), parallel=2)
    assert statuses(done)[2:] == [(day, "done") for day in DAYS[2:]]
    assert {"preprocess", "load", "evaluate"} <= set(done.runs[2].seconds)
    assert left_behind(place) == left_behind(serial)
    assert decided(place, stumbling_job) == decided(serial, stumbling_job)
    promoted = stumbling_job.variants[1].id
    assert decisions(place, stumbling_job)[1][:2] == (DAYS[3], promoted)  # from within the dates of the backfill on


@pytest.mark.parametrize(("gate", "parallel"), [(False, 1), (True, 1), (False, 2)])
def test_a_challenger_that_fails_holds_no_date(place, stumbling_job, trip, reported, gate, parallel):
    trip(DAYS[0], "fail")
    done = backfill_job(place, stumbling_job, DAYS[:2], Work(gate=gate), parallel=parallel)
    assert (done.failed, statuses(done)) == ([], [(day, "done") for day in DAYS[:2]])
    assert [len(run.failed) for run in done.runs] == [1, 0]
    assert done.as_line().startswith(
        "flight_delay backfill: 2 done, 0 already done, 0 failed, 0 not started, 1 without a variant that failed"
    )
    warnings = [line for line in reported if "stumbling@" in line and "warning" in line]
    assert len(warnings) == 1, "a variant that failed was tried twice by one command"
    assert set(seen(place, stumbling_job)) == set(DAYS[:2])

    again = backfill_job(place, stumbling_job, DAYS[:2], Work(gate=gate))
    assert "train" in again.runs[0].seconds
    assert "train" not in again.runs[1].seconds
    assert [evaluation["run_date"] for evaluation in again.runs[1].evaluated] == [DAYS[0]]  # with one variant more
    assert [run.failed for run in again.runs] == [[], []]
    day = status_of(place, stumbling_job, DAYS[0]).runs[0]
    assert day.phases[3].summary == "2 of 2 variants published, 32 of 32 rows"
