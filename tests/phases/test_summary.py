from __future__ import annotations

import json
from datetime import date

import pytest

from pipeline.errors import CheckError, quoted
from pipeline.phases.summary import Summary, refuse_failed_variants
from pipeline.runs.run import FailedVariant

SUMMARY = Summary("dummy", date(2013, 7, 1), "dummy-2013-07-01-abc")


def test_json_has_the_keys_that_others_script_against():
    found = json.loads(SUMMARY.as_json())
    keys = "job run_date run_id status models tables uris rows seconds evaluated failed".split()
    assert list(found) == keys
    assert (found["run_date"], found["status"]) == ("2013-07-01", "done")


def test_dates_inside_metrics_are_text_in_json():
    evaluated = [{"run_date": date(2013, 7, 1), "metrics": [{"metric": "auc", "value": None}], "verdict": None}]
    found = json.loads(Summary("dummy", None, None, evaluated=evaluated).as_json())
    assert found["evaluated"][0] == evaluated[0] | {"run_date": "2013-07-01"}
    assert found["run_date"] is None


def test_summaries_do_not_share_what_they_hold():
    Summary("a", None, None).rows["load"] = 1
    assert Summary("b", None, None).rows == {}


def test_line_says_rows_evaluations_and_seconds():
    summary = Summary("dummy", date(2013, 7, 3), "x", rows={"load": 1234}, seconds={"train": 1.26, "load": 1.0})
    summary.evaluated = [{"run_date": date(2013, 7, 1)}]
    assert summary.as_line() == "dummy 2013-07-03: done, load 1,234 rows, evaluated 2013-07-01 (2.3 s)"


def test_line_says_that_nothing_was_left_to_do():
    assert Summary("dummy", date(2013, 7, 3), "x", status="already_done").as_line() == (
        "dummy 2013-07-03: already done (0.0 s)"
    )


FAILED = FailedVariant("trees@1", "predict", "m", f"predict raised ValueError: {quoted('7')} (model.py:3)", 3)


def test_variants_that_failed_are_named_and_strict_makes_them_an_error():
    summary = Summary("dummy", date(2013, 7, 3), "x", failed=[FAILED])
    assert summary.as_line() == "dummy 2013-07-03: done, failed: trees@1 in predict (0.0 s)"
    (failed,) = json.loads(summary.as_json())["failed"]
    assert (failed["variant"], failed["phase"], failed["exit_code"]) == ("trees@1", "predict", 3)
    assert failed["reason"] == "predict raised ValueError: 7 (model.py:3)"
    with pytest.raises(CheckError, match="trees@1: failed in predict: predict raised ValueError: 7"):
        refuse_failed_variants([SUMMARY, summary])
    refuse_failed_variants([SUMMARY])
