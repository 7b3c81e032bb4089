from __future__ import annotations

import json
from datetime import date

from pipeline.errors import CheckError, RequestError
from pipeline.phases.backfill import Backfill, Failure
from pipeline.phases.summary import Summary

DAYS = [date(2013, 7, day) for day in range(1, 7)]


def test_the_last_line_counts_dates_and_names_what_failed_and_why():
    runs = [Summary("j", DAYS[0], "r", status="already_done"), Summary("j", DAYS[1], "r")]
    failed = [Failure(DAYS[2], RequestError("no rows", hint="load some")), Failure(DAYS[3], CheckError("bad"))]
    done = Backfill("j", runs, failed, DAYS[4:], seconds=1.26)
    assert done.as_line() == (
        "j backfill: 1 done, 1 already done, 2 failed (2013-07-03, 2013-07-04; first: no rows), 2 not started (1.3 s)"
    )


def test_a_backfill_without_failures_is_counts():
    line = Backfill("j", [Summary("j", DAYS[0], "r")]).as_line()
    assert line == "j backfill: 1 done, 0 already done, 0 failed, 0 not started (0.0 s)"


def test_json_holds_runs_failures_and_what_was_not_started():
    done = Backfill("j", [Summary("j", DAYS[0], "r")], [Failure(DAYS[1], CheckError("bad", hint="mend"))], [DAYS[2]])
    content = json.loads(done.as_json())
    assert list(content) == ["runs", "failed", "not_started"]
    assert content["runs"] == [json.loads(done.runs[0].as_json())]
    assert content["failed"] == [{"run_date": "2013-07-02", "error": "bad - mend", "exit_code": 3}]
    assert content["not_started"] == ["2013-07-03"]
