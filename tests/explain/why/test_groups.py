"""Groups of runs that are no more than what a group looks at."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pandas as pd
import pytest

from pipeline.errors import RequestError
from pipeline.explain.changes import plain
from pipeline.explain.compare_frames import compare_frames
from pipeline.explain.why.code import code_group, libraries_group, sql_group
from pipeline.explain.why.config import job_group, models_group, moments_of, variants_group
from pipeline.explain.why.data import data_group, metrics_of
from pipeline.explain.why.lines import why_lines
from pipeline.explain.why.record import Group, Kept, Pair, RunRecord
from pipeline.explain.why.rows import RowsCompared, scored_rows, training_rows
from pipeline.runs.artefacts.predictions import Manifest, ShardFile
from pipeline.runs.identity import parse_run_id

NAME = parse_run_id("shop-2013-07-01-0123456789")
CONTENT = {"libraries": {"numpy": "2"}, "code_digest": "c", "sql_digests": {}, "commit": None}


def bundle(files, frame=None, **content):
    info = SimpleNamespace(
        content={**CONTENT, "training_data": {"checksum": str(id(frame))}, **content},
        run={"as_of": "then", "snapshot_at": "now"},
    )
    return SimpleNamespace(
        info=info,
        texts=lambda ending: {name: text for name, text in files.items() if name.endswith(ending)},
        training_frame=lambda: frame,
    )


def record(files=None, *, defines=None, frame=None, lost=(), metrics=(), manifests=(), run=None, **content):
    kept = bundle(files, frame, **content) if files is not None else None
    claim = SimpleNamespace(defines={"variants": [], "code": "c", **defines}) if defines is not None else None
    return RunRecord(
        NAME, run, claim, None, {}, Kept({"v": kept.info} if kept else {}, kept, lost), manifests, {}, metrics
    )


def sql(name, digest, **files):
    texts = {f"{path.replace('__', '/')}.sql": text for path, text in files.items()}
    return record(texts, defines={"sql": {name: digest}})


def briefly(group):
    return [(change.what, change.kind, change.a, change.b, change.note, change.lines) for change in group.changes]


def test_another_version_of_a_statement_is_paired_with_the_one_before():
    group = sql_group(
        Pair(
            sql("shop/items_v1", "d1", sql__shop__items_v1="1\n"), sql("shop/items_v2", "d2", sql__shop__items_v2="2\n")
        )
    )
    assert briefly(group) == [
        ("shop/items@v1 -> shop/items@v2", "changed", "d1", "d2", "", ("@@ -1 +1 @@", "-1", "+2"))
    ]


def test_a_statement_that_differs_through_a_function_says_so():
    group = sql_group(
        Pair(sql("items_v1", "d1", sql__items_v1="1", udf__f="a"), sql("items_v1", "d2", sql__items_v1="1", udf__f="b"))
    )
    assert [(change.what, change.note) for change in group.changes] == [
        ("items@v1", "its own text is the same: a function that it calls differs"),
        ("udf/f.sql", ""),
    ]


def test_a_statement_that_one_run_has_is_shown_whole():
    group = sql_group(Pair(sql("one_v1", "d1", sql__one_v1="1"), sql("other_v1", "d2", sql__other_v1="2")))
    assert briefly(group) == [
        ("one@v1", "removed", "d1", None, "", ("@@ -1 +0,0 @@", "-1")),
        ("other@v1", "added", None, "d2", "", ("@@ -0,0 +1 @@", "+2")),
    ]


def test_digests_are_compared_where_texts_are_gone_and_neither_where_both_are():
    known = Pair(
        sql("items_v1", "d1", sql__items_v1="1"),
        record(defines={"sql": {"items_v1": "d2"}}, lost=["bundle of v: gone"]),
    )
    assert briefly(sql_group(known)) == [("items@v1", "changed", "d1", "d2", "", ())]
    assert sql_group(known).lost == ["B: the texts of its SQL: bundle of v: gone"]
    nothing = sql_group(Pair(sql("items_v1", "d1"), record()))
    assert (nothing.changes, nothing.state) == ([], "not compared")
    assert nothing.lost == ["B: the texts of its SQL: no model was committed", "B: its claim is gone"]


def test_the_contract_of_the_engine_is_what_is_left_of_another_digest():
    a = record({"x.py": "1"}, defines={})
    (change,) = libraries_group(Pair(a, record({"x.py": "1"}, defines={"code": "d"}))).changes
    assert change.what == "contract of the engine"
    assert libraries_group(Pair(a, record({"x.py": "2"}, defines={"code": "d"}))).changes == []
    other = libraries_group(Pair(a, record({"x.py": "1"}, defines={"code": "d"}, libraries={"numpy": "3"})))
    assert [change.what for change in other.changes] == ["numpy"]


def test_without_files_the_digest_of_the_code_is_compared():
    group = code_group(Pair(record({"x.py": "1"}, defines={}), record(defines={"code": "d"})))
    assert [(change.what, change.a, change.b) for change in group.changes] == [
        ("digest of code and libraries", "c", "d")
    ]
    assert group.lost == ["B: its Python files: no model was committed"]
    assert code_group(Pair(record({}, defines={}), record(defines={}))).state == "not compared"


def test_a_variant_whose_file_is_the_same_or_gone_still_differs():
    a, b = ({"variants": [f"v@{digest}"]} for digest in "12")
    files = {"jobs/shop/v.yaml": "params: {x: 1}"}
    (same,) = variants_group(Pair(record(files, defines=a), record(files, defines=b))).changes
    assert (same.a, same.b, same.note) == ("v@1", "v@2", "its file in the bundles is the same")
    gone = variants_group(Pair(record(files, defines=a), record(defines=b)))
    assert [change.what for change in gone.changes] == ["v"]
    assert gone.lost == ["B: its variants' files: no model was committed"]


def test_keys_of_definitions_are_shown_by_job_yaml_only_where_a_claim_is_gone():
    a, b = (
        {"jobs/shop/job.yaml": f"time_zone: {zone}\nlabels: {{delay_days: {zone}}}\ndescription: {zone}"}
        for zone in "12"
    )
    claimed = job_group(Pair(record(a, defines={}), record(b, defines={})))
    assert [change.what for change in claimed.changes] == ["labels.delay_days"]
    gone = job_group(Pair(record(a, defines={}), record(b)))
    assert [change.what for change in gone.changes] == ["labels.delay_days", "time_zone"]


def test_moments_of_a_run_without_a_claim_are_those_of_its_bundle():
    assert moments_of(record({})) == {"run_date": "2013-07-01", "as_of": "then", "snapshot_at": "now"}
    assert moments_of(record()) == {"run_date": "2013-07-01"}


def test_models_are_compared_by_their_ids_where_both_runs_have_one():
    a, b = record(defines={"variants": ["v@1", "w@1"]}), record(defines={"variants": ["v@2", "w@1"]})
    a, b = (replace(each, models={"v@1": SimpleNamespace(model_id=number)}) for each, number in ((a, "1"), (b, "2")))
    group = models_group(Pair(a, b))
    assert [(change.what, change.a, change.b) for change in group.changes] == [("v", "1", "2")]
    assert group.lost == ["A: w has no committed model", "B: w has no committed model"]


def manifest(*digests):
    shards = tuple(ShardFile(number, "u", 1, 1, "c", 1, digest, "s") for number, digest in enumerate(digests))
    return Manifest("r", "m", "v@1", shards)


def test_predictions_are_compared_by_the_content_of_their_files():
    a = record(manifests=[manifest("x", "y")])
    same = data_group(Pair(a, record(manifests=[manifest("x", "y")])))
    assert (same.changes, same.state) == ([], "not compared")
    assert "A: examples: examples were not counted" in same.lost
    assert "B: published rows: nothing was published" in same.lost
    (change,) = data_group(Pair(a, record(manifests=[manifest("x", "z")]))).changes
    assert (change.what, change.note) == ("predictions of v", "2 and 2 rows, other content")
    other = data_group(Pair(a, record(manifests=[manifest("x")])))
    assert [change.what for change in other.changes] == ["predictions"]
    assert "predictions of v: split into other numbers of files" in other.lost


def test_rows_that_lack_a_column_of_the_key_are_not_compared():
    pair = Pair(record({}, frame=pd.DataFrame({"id": [1]})), record({}, frame=pd.DataFrame({"key": [1]})))
    assert training_rows(pair, ["id"]).lost == ["the rows of both have no column id of the job's key"]


@pytest.mark.parametrize("counts", [None, SimpleNamespace(scoring_rows=10**9)])
def test_rows_to_score_that_are_not_read_are_said(counts):
    runs = SimpleNamespace(table=lambda step: step)
    a, b = (RunRecord(NAME, runs, None, counts, {}, Kept({}, None, ()), (), {}, ()) for _ in "ab")
    said = "examples were not counted" if counts is None else "1,000,000,000 rows are more than are read (5,000,000)"
    assert scored_rows(Pair(a, b), ["id"]).lost == [f"A: {said}", f"B: {said}"]


def test_a_table_with_columns_that_frames_do_not_have_is_said(monkeypatch):
    def refuse(table):
        raise RequestError(f"{table}: column x: GEOGRAPHY")

    warehouse = SimpleNamespace(tables=SimpleNamespace(schema=refuse))
    run = SimpleNamespace(table=lambda step: step, session=SimpleNamespace(warehouse=warehouse))
    monkeypatch.setattr("pipeline.explain.why.rows.examples_stand", lambda *_: True)
    a, b = (
        RunRecord(NAME, run, None, SimpleNamespace(scoring_rows=1), {}, Kept({}, None, ()), (), {}, ()) for _ in "ab"
    )
    assert scored_rows(Pair(a, b), ["id"]).lost[0] == "A: examples: column x: GEOGRAPHY"


def test_metrics_without_a_headline_are_all_and_values_may_be_missing():
    rows = [{"variant": "v@1", "metric": metric, "value": value} for metric, value in (("auc", None), ("mae", 1.5))]
    compared = metrics_of(
        Pair(record(metrics=rows, defines={"variants": ["v@1"]}), record(metrics=rows[1:], defines={})), []
    )
    assert [(line.metric, line.a, line.b, line.difference, line.only) for line in compared.lines] == [
        ("auc", None, None, None, "A"),
        ("mae", 1.5, 1.5, 0.0, "A"),
    ]


def test_long_changes_are_cut_and_odd_values_quoted():
    from pipeline.explain.changes import Change

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
        said="said",
        groups=[Group("things", changes)],
        rows=[],
        metrics=SimpleNamespace(lines=[], lost=[]),
    )
    lines = list(why_lines(why, 1))
    assert lines[3:6] == ['  x "a b" -> NULL', '  y only in B: ""', '  z only in A: {"k": "\\u001b"}']
    assert lines[6:8] == ["  f", "    0"]
    assert lines[47:49] == ["    ... and 10 more lines: --json shows all", "  g only in B"]


def test_every_kind_of_difference_of_rows_has_a_line():
    a = pd.DataFrame({"id": [1, 2, 3, 3], "old": 0, "x": [1, 2, 3, 3]})
    b = pd.DataFrame({"id": [1, 4], "new": 0, "x": [1.5, 2.0]})
    rows = RowsCompared("rows", ["id"], compare_frames(a, b, ["id"]))
    why = SimpleNamespace(
        a=NAME, b=NAME, said="said", groups=[], rows=[rows], metrics=SimpleNamespace(lines=[], lost=["A: none"])
    )
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
        "  not compared: A: 2 rows share their key with another one",
        "metrics:",
        "  not compared: A: none",
        "said",
    ]


def test_numbers_that_json_lacks_become_text():
    assert plain([float("inf"), float("nan"), 1.5, None, (True, 2)]) == ["inf", "nan", 1.5, None, [True, 2]]
