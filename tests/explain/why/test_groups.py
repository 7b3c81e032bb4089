"""Groups of two runs that are fakes with only what a group reads."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pandas as pd
import pytest

from pipeline.errors import RequestError
from pipeline.explain.changes import Change, plain
from pipeline.explain.compare_frames import compare_frames
from pipeline.explain.why.code import code_group, libraries_group, sql_group
from pipeline.explain.why.config import job_group, models_group, moments_of, variants_group
from pipeline.explain.why.data import RowsCompared, data_group, metrics_of, scored_rows, training_rows
from pipeline.explain.why.record import Group, Pair, RunBundles, RunRecord
from pipeline.explain.why.why_text import why_lines
from pipeline.runs.artefacts.predictions import Manifest, ShardFile
from pipeline.runs.identity import parse_run_id

NAME = parse_run_id("shop-2013-07-01-0123456789")
CONTENT = {"libraries": {"numpy": "2"}, "code_digest": "c", "sql_digests": {}, "commit": None}


def bundle(files, frame=None, **content):
    info = SimpleNamespace(
        content={**CONTENT, "training_data": {"checksum": str(id(frame))}, **content},
        run={"as_of": "then", "snapshot_at": "now"},
        files={},
    )
    return SimpleNamespace(
        info=info,
        texts=lambda ending: {name: text for name, text in files.items() if name.endswith(ending)},
        training_frame=lambda: frame,
    )


def record(files=None, *, defines=None, frame=None, errors=(), metrics=(), manifests=(), run=None, **content):
    kept = bundle(files, frame, **content) if files is not None else None
    claim = SimpleNamespace(defines={"variants": [], "code": {"v": "c"}, **defines}) if defines is not None else None
    return RunRecord(
        NAME, run, claim, None, {}, RunBundles({"v": kept.info} if kept else {}, kept, errors), manifests, {}, metrics
    )


def sql(name, digest, **files):
    texts = {f"{path.replace('__', '/')}.sql": text for path, text in files.items()}
    return record(texts, defines={"sql": {name: digest}})


def briefly(group):
    return [(change.what, change.kind, change.a, change.b, change.note, change.lines) for change in group.changes]


def test_new_version_of_a_statement_is_paired_with_the_old_one():
    group = sql_group(
        Pair(
            sql("shop/items_v1", "d1", sql__shop__items_v1="1\n"), sql("shop/items_v2", "d2", sql__shop__items_v2="2\n")
        )
    )
    assert briefly(group) == [
        ("shop/items@v1 -> shop/items@v2", "changed", "d1", "d2", "", ("@@ -1 +1 @@", "-1", "+2"))
    ]


def test_statement_that_differs_by_a_function_has_a_note():
    group = sql_group(
        Pair(sql("items_v1", "d1", sql__items_v1="1", udf__f="a"), sql("items_v1", "d2", sql__items_v1="1", udf__f="b"))
    )
    assert [(change.what, change.note) for change in group.changes] == [
        ("items@v1", "its own text is the same: a function that it calls differs"),
        ("udf/f.sql", ""),
    ]


def test_statement_of_one_run_is_shown_whole():
    group = sql_group(Pair(sql("one_v1", "d1", sql__one_v1="1"), sql("other_v1", "d2", sql__other_v1="2")))
    assert briefly(group) == [
        ("one@v1", "removed", "d1", None, "", ("@@ -1 +0,0 @@", "-1")),
        ("other@v1", "added", None, "d2", "", ("@@ -0,0 +1 @@", "+2")),
    ]


def test_digests_are_compared_without_texts():
    known = Pair(
        sql("items_v1", "d1", sql__items_v1="1"),
        record(defines={"sql": {"items_v1": "d2"}}, errors=["bundle of v: gone"]),
    )
    assert briefly(sql_group(known)) == [("items@v1", "changed", "d1", "d2", "", ())]
    assert sql_group(known).not_compared == ["B: the texts of its SQL: bundle of v: gone"]
    nothing = sql_group(Pair(sql("items_v1", "d1"), record()))
    assert (nothing.changes, nothing.state) == ([], "not compared")
    assert nothing.not_compared == ["B: the texts of its SQL: no model was committed", "B: its claim is gone"]


def test_engine_contract_explains_a_digest_without_changes():
    a = record({"x.py": "1"}, defines={})
    (change,) = libraries_group(Pair(a, record({"x.py": "1"}, defines={"code": {"v": "d"}}))).changes
    assert change.what == "contract of the engine"
    assert libraries_group(Pair(a, record({"x.py": "2"}, defines={"code": {"v": "d"}}))).changes == []
    other = libraries_group(Pair(a, record({"x.py": "1"}, defines={"code": {"v": "d"}}, libraries={"numpy": "3"})))
    assert [change.what for change in other.changes] == ["numpy"]


def test_without_files_the_code_digest_is_compared():
    group = code_group(Pair(record({"x.py": "1"}, defines={}), record(defines={"code": {"v": "d"}})))
    assert [(change.what, change.a, change.b) for change in group.changes] == [
        ("digest of code and libraries", {"v": "c"}, {"v": "d"})
    ]
    assert group.not_compared == ["B: its Python files: no model was committed"]
    assert code_group(Pair(record({}, defines={}), record(defines={}))).state == "not compared"


def test_variant_differs_by_digest_with_same_or_missing_file():
    a, b = ({"variants": [f"v@{digest}"]} for digest in "12")
    files = {"jobs/shop/v.yaml": "params: {x: 1}"}
    (same,) = variants_group(Pair(record(files, defines=a), record(files, defines=b))).changes
    assert (same.a, same.b, same.note) == ("v@1", "v@2", "its file in the bundles is the same")
    gone = variants_group(Pair(record(files, defines=a), record(defines=b)))
    assert [change.what for change in gone.changes] == ["v"]
    assert gone.not_compared == ["B: its variants' files: no model was committed"]


def test_job_yaml_shows_defined_keys_only_without_a_claim():
    a, b = (
        {"jobs/shop/job.yaml": f"time_zone: {zone}\nlabels: {{delay_days: {zone}}}\ndescription: {zone}"}
        for zone in "12"
    )
    claimed = job_group(Pair(record(a, defines={}), record(b, defines={})))
    assert [change.what for change in claimed.changes] == ["labels.delay_days"]
    gone = job_group(Pair(record(a, defines={}), record(b)))
    assert [change.what for change in gone.changes] == ["labels.delay_days", "time_zone"]


def test_moments_without_a_claim_come_from_the_bundle():
    assert moments_of(record({})) == {"run_date": "2013-07-01", "as_of": "then", "snapshot_at": "now"}
    assert moments_of(record()) == {"run_date": "2013-07-01"}


def test_models_of_both_runs_are_compared_by_id():
    a, b = record(defines={"variants": ["v@1", "w@1"]}), record(defines={"variants": ["v@2", "w@1"]})
    a, b = (replace(run, models={"v@1": SimpleNamespace(model_id=number)}) for run, number in ((a, "1"), (b, "2")))
    group = models_group(Pair(a, b))
    assert [(change.what, change.a, change.b) for change in group.changes] == [("v", "1", "2")]
    assert group.not_compared == ["A: w has no committed model", "B: w has no committed model"]


def manifest(*digests):
    shards = tuple(ShardFile(number, "u", 1, 1, "c", 1, digest, "s") for number, digest in enumerate(digests))
    return Manifest("r", "m", "v@1", shards)


def test_predictions_are_compared_by_content_of_their_files():
    a = record(manifests=[manifest("x", "y")])
    same = data_group(Pair(a, record(manifests=[manifest("x", "y")])))
    assert (same.changes, same.state) == ([], "not compared")
    assert "A: examples: examples were not counted" in same.not_compared
    assert "B: published rows: nothing was published" in same.not_compared
    (change,) = data_group(Pair(a, record(manifests=[manifest("x", "z")]))).changes
    assert (change.what, change.note) == ("predictions of v", "2 and 2 rows, different content")
    other = data_group(Pair(a, record(manifests=[manifest("x")])))
    assert [change.what for change in other.changes] == ["predictions"]
    assert "predictions of v: split into different numbers of files" in other.not_compared


def test_rows_without_a_column_of_the_key_are_not_compared():
    pair = Pair(record({}, frame=pd.DataFrame({"id": [1]})), record({}, frame=pd.DataFrame({"key": [1]})))
    assert training_rows(pair, ["id"]).not_compared == ["the rows of one run have no column id of the job's key"]


@pytest.mark.parametrize("counts", [None, SimpleNamespace(scoring_rows=10**9)])
def test_rows_to_score_that_are_not_read_have_a_reason(counts):
    run = SimpleNamespace(table=lambda step: step)
    a, b = (replace(record(run=run), counts=counts) for _ in "ab")
    reason = "examples were not counted" if counts is None else "1,000,000,000 rows exceed the limit of 5,000,000"
    assert scored_rows(Pair(a, b), ["id"]).not_compared == [f"A: {reason}", f"B: {reason}"]


def test_table_with_an_unknown_column_type_is_not_compared(monkeypatch):
    def refuse(table):
        raise RequestError(f"{table}: column x: GEOGRAPHY")

    warehouse = SimpleNamespace(tables=SimpleNamespace(schema=refuse))
    run = SimpleNamespace(table=lambda step: step, session=SimpleNamespace(warehouse=warehouse))
    monkeypatch.setattr("pipeline.explain.why.data.examples_unchanged", lambda *_: True)
    a, b = (replace(record(run=run), counts=SimpleNamespace(scoring_rows=1)) for _ in "ab")
    assert scored_rows(Pair(a, b), ["id"]).not_compared[0] == "A: examples: column x: GEOGRAPHY"


def test_without_headline_all_metrics_are_compared():
    rows = [{"variant": "v@1", "metric": metric, "value": value} for metric, value in (("auc", None), ("mae", 1.5))]
    compared = metrics_of(
        Pair(record(metrics=rows, defines={"variants": ["v@1"]}), record(metrics=rows[1:], defines={})), []
    )
    assert [(line.metric, line.a, line.b, line.difference, line.only) for line in compared.lines] == [
        ("auc", None, None, None, "A"),
        ("mae", 1.5, 1.5, 0.0, "A"),
    ]


def test_long_changes_are_cut_and_odd_values_quoted():
    changes = [
        Change("x", "changed", "a b", None),
        Change("y", "added", b=""),
        Change("z", "removed", a={"k": "\x1b"}),
        Change("f", "changed", lines=tuple(map(str, range(50)))),
        Change("g", "added"),
    ]
    why = SimpleNamespace(
        a=NAME,
        b=NAME,
        summary="summary",
        groups=[Group("things", changes)],
        rows=[],
        metrics=SimpleNamespace(lines=[], not_compared=[]),
    )
    lines = list(why_lines(why, 1))
    assert lines[3:6] == ['  x "a b" -> NULL', '  y only in B: ""', '  z only in A: {"k": "\\u001b"}']
    assert lines[6:8] == ["  f", "    0"]
    assert lines[47:49] == ["    ... and 10 more lines: --json shows all", "  g only in B"]


def test_every_kind_of_row_difference_has_a_line():
    a = pd.DataFrame({"id": [1, 2, 3, 3], "old": 0, "x": [1, 2, 3, 3]})
    b = pd.DataFrame({"id": [1, 4], "new": 0, "x": [1.5, 2.0]})
    rows = RowsCompared("rows", ["id"], compare_frames(a, b, ["id"]))
    metrics = SimpleNamespace(lines=[], not_compared=["A: none"])
    why = SimpleNamespace(a=NAME, b=NAME, summary="summary", groups=[], rows=[rows], metrics=metrics)
    assert list(why_lines(why, 1))[2:] == [
        "rows: differs",
        "  in both 1, of which 1 differ; by id",
        "  only in A 1",
        "    2",
        "  only in B 1",
        "    4",
        "  x: 1 rows differ, by at most 0.5",
        "    1: 1 -> 1.5",
        "  columns only in A: old",
        "  columns only in B: new",
        "  type of x: int64 -> float64",
        "  not compared: A: 2 rows share their key with another row",
        "metrics:",
        "  not compared: A: none",
        "summary",
    ]


def test_nan_and_infinity_become_text():
    assert plain([float("inf"), float("nan"), 1.5, None, (True, 2)]) == ["inf", "nan", 1.5, None, [True, 2]]
