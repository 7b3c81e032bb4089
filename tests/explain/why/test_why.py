from __future__ import annotations

import json
import re

import pytest

from pipeline.errors import CheckError, RequestError
from pipeline.explain.why import refuse_pair, why_json, why_lines, why_of
from pipeline.explain.why.record import Group
from pipeline.runs.claims import claims_of
from pipeline.runs.identity import parse_run_id
from tests.explain.why.conftest import DAY, EARLIER_LIBRARY, JOB

pytestmark = pytest.mark.long  # a lab of nine runs

GROUPS = "SQL,parameters,sources,variants,job.yaml,code,libraries,git commit,moments,data,models".split(",")


def group(why, name) -> Group:
    return next(group for group in why.groups if group.name == name)


def differing(why):
    """Return the names of what differs, except for the moments."""
    parts = [*why.groups, *why.rows]
    return [part.name for part in parts if part.state == "differs" and part.name != "moments"]


def brief(changes):
    return [(change.what, change.a, change.b) for change in changes]


def variants_of(lab, run):
    session = lab.opened()
    (claim,) = [
        claim for claim in claims_of(session, session.project.job("flight_delay"), DAY) if claim.run_id == lab.ids[run]
    ]
    return claim.defines["variants"]


def rows(why, name):
    return next(rows for rows in why.rows if rows.name == name)


def test_rerun_has_the_same_definition_and_data(lab):
    why = lab.why("base", "again")
    assert [group.name for group in why.groups] == GROUPS
    assert differing(why) == []
    assert {group.name: group.state for group in why.groups if group.decides} == {
        group.name: "the same" for group in why.groups if group.decides
    }
    assert [group.state for group in why.rows] == ["the same", "the same"]
    assert why.summary == "same definition and data; differs without effect on predictions: moments"
    assert {change.what for change in group(why, "moments").changes} >= {"generation", "snapshot_at"}
    assert group(why, "git commit").not_compared == ["B: no known commit"]


def test_changed_sql_is_shown_with_the_changed_rows(lab):
    why = lab.why("base", "sql")
    assert differing(why) == ["SQL", "data", "models", "training rows", "rows to score"]
    (change,) = group(why, "SQL").changes
    assert change.what == "flight_delay/preprocess/examples@v1"
    assert [len(digest) for digest in (change.a, change.b)] == [16, 16]
    assert change.lines[1:] == ("-  t.distance,", "+  t.distance + 1 AS distance,")
    difference = rows(why, "training rows").difference
    assert (len(difference.only_a), len(difference.only_b), list(difference.columns)) == (0, 0, ["distance"])
    assert (difference.changed, difference.columns["distance"].largest) == (difference.common, 1)


def test_changed_header_is_shown_with_a_note(lab):
    (change,) = group(lab.why("base", "before"), "SQL").changes
    assert (change.a == change.b, change.lines[1:]) == (True, ("+  As ever.",))
    assert change.note == "only its header, which the digest does not cover"


def test_changed_configuration_is_named_by_its_keys(lab):
    why = lab.why("base", "config")
    assert brief(group(why, "parameters").changes) == [
        ("examples.parameters.late_minutes", 15, 30),
        ("labels.parameters.late_minutes", 15, 30),
    ]
    assert brief(group(why, "sources").changes) == [
        ("flights_schedule.columns.distance", "INT64 NOT NULL", "INT64"),
    ]
    variants = group(why, "variants").changes
    assert [(change.what, change.kind) for change in variants] == [
        ("carrier_hour_rate", "changed"),
        ("carrier_hour_rate.params.prior_flights", "changed"),
        ("constant", "added"),
        ("constant_rate", "removed"),
    ]
    assert brief(variants)[1][1:] == (20.0, 30.0)
    assert brief(group(why, "job.yaml").changes) == [
        ("baselines", ["constant_rate"], ["constant"]),
        ("gate.min_days", 7, 8),
    ]
    assert group(why, "code").state == "the same"


def test_training_rows_missing_in_a_bundle_are_not_compared(lab):
    why = lab.why("base", "config")
    assert rows(why, "training rows").not_compared == [
        "B: its bundle does not hold the training rows: there were too many"
    ]
    assert "checksum of training rows" in [change.what for change in group(why, "data").changes]
    assert why.summary.endswith(
        "; not fully compared: training rows; differs without effect on predictions: job.yaml, moments"
    )


def test_changed_code_libraries_and_commit_are_named(lab):
    why = lab.why("base", "code")
    assert differing(why) == ["code", "libraries", "git commit", "models"]
    (change,) = group(why, "code").changes
    assert (change.what, change.lines[1:]) == (f"{JOB}/baselines.py", ("+SMALL = 1",))
    assert {what: b for what, _, b in brief(group(why, "libraries").changes)} == EARLIER_LIBRARY
    assert brief(group(why, "git commit").changes) == [("git commit", "aaa", "abc-dirty")]


def test_changed_source_row_is_named_in_training_and_scoring(lab):
    why = lab.why("again", "rows")
    assert differing(why) == ["data", "models", "training rows", "rows to score"]
    for name, day in (("training rows", "2013-07-01"), ("rows to score", str(DAY))):
        difference = rows(why, name).difference
        assert (len(difference.only_a), len(difference.only_b), difference.changed) == (0, 0, 1)
        (column,) = difference.columns.values()
        assert (list(difference.columns), column.largest, str(column.keys["flight_date"][0])) == (["distance"], 7, day)


def test_other_run_date_has_other_rows(lab):
    why = lab.why("before", "again")
    assert differing(why) == ["SQL", "data", "models", "training rows", "rows to score"]
    assert {change.what for change in group(why, "moments").changes} >= {"run_date", "as_of"}
    difference = rows(why, "training rows").difference
    assert (len(difference.only_a), len(difference.only_b) > 0, difference.changed) == (0, True, 0)
    assert rows(why, "rows to score").difference.common == 0


def test_metrics_are_those_of_exactly_these_runs(lab):
    lines = lab.why("again", "rows").metrics
    assert [(line.variant, line.metric) for line in lines.lines] == [
        (variant, metric) for variant in ("carrier_hour_rate", "constant_rate") for metric in ("auc", "log_loss")
    ]
    assert all(line.difference == line.b - line.a for line in lines.lines)
    assert lines.not_compared == []
    unknown = lab.why("config", "again").metrics
    assert unknown.not_compared == ["A: not evaluated yet"]
    assert {(line.variant, line.a, line.only) for line in unknown.lines} == {
        ("carrier_hour_rate", None, None),
        ("constant_rate", None, "B"),
    }


def test_missing_bundle_is_named_and_the_rest_compared(lab):
    with lab.without("/model.joblib", "sql"):
        why = lab.why("base", "sql")
    (change,) = group(why, "SQL").changes
    assert (change.what, change.lines) == ("flight_delay/preprocess/examples@v1", ())
    assert group(why, "libraries").state == "the same"  # bundle.json is there
    for name in ("SQL", "code", "job.yaml"):
        (reason,) = group(why, name).not_compared
        assert reason.startswith("B: ")
        assert re.search(r"gs://.*/model\.joblib: missing or not the file", reason)
    assert "/model.joblib: missing" in rows(why, "training rows").not_compared[0]
    assert rows(why, "rows to score").state == "differs"


def test_one_bundle_is_enough_and_the_missing_one_is_named(lab):
    ids = {variant.partition("@")[0]: variant.replace("@", "-") for variant in variants_of(lab, "sql")}
    for name in ("carrier_hour_rate", "constant_rate"):
        uri = lab.session.store.uri("flight_delay", "models", str(DAY), lab.ids["sql"], f"{ids[name]}.json")
        with lab.without(lab.session.store.read_json(uri)["uri"].rpartition("/")[2] + "/bundle.json", "sql"):
            why = lab.why("base", "sql")
        assert group(why, "SQL").changes[0].lines[1:] == ("-  t.distance,", "+  t.distance + 1 AS distance,")
        assert [name in reason for reason in group(why, "git commit").not_compared] == [False, True]


def test_changed_bundle_is_not_trusted(lab):
    with lab.without("/bundle.json", "sql"):
        store = lab.session.store
        for item in store.list(f"{store.uri('flight_delay', 'models', str(DAY), lab.ids['base'])}/"):
            if item.uri.endswith("/bundle.json"):
                other = item.uri.replace(lab.ids["base"], lab.ids["sql"])
                marker = other.rpartition("/bundle-")[0]
                content = store.read_json(f"{marker}.json")
                store.replace_text(store.read_bytes(item.uri).decode(), f"{content['uri']}/bundle.json", "text/plain")
        why = lab.why("base", "sql")
    assert "not the bundle that was committed" in group(why, "code").not_compared[0]


def test_missing_claim_is_named_and_the_bundles_compared(lab):
    generations = lab.session.store.list(f"{lab.session.store.uri('flight_delay', 'attempts', str(DAY))}/generations/")
    claim = {lab.session.store.read_json(item.uri)["run_id"]: item for item in generations}[lab.ids["sql"]]
    content = lab.session.store.read_bytes(claim.uri).decode()
    assert lab.session.store.delete(claim)
    why = lab.why("base", "sql")
    lab.session.store.replace_text(content, claim.uri, "application/json")
    for name in ("parameters", "sources", "variants", "moments"):
        assert "B: its claim is gone" in group(why, name).not_compared
    (change,) = group(why, "SQL").changes
    assert change.lines[1:] == ("-  t.distance,", "+  t.distance + 1 AS distance,")
    assert "training rows" in differing(why)


def test_missing_examples_are_named(lab):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pipeline.explain.why.data.examples_unchanged", lambda *_: False)
        why = lab.why("base", "again")
    assert all(reason.endswith("is gone or was changed") for reason in rows(why, "rows to score").not_compared)
    assert why.summary.startswith("no difference in what could be compared; not fully compared: rows to score")
    assert rows(why, "training rows").state == "the same"


def test_why_only_reads(lab, requests_sent):
    lab.why("base", "sql")
    assert requests_sent.writes == []
    assert requests_sent.sent != []


def test_lines_show_groups_rows_and_metrics(lab):
    lines = list(why_lines(lab.why("base", "sql"), 1))
    assert lines[:2] == [f"A {lab.ids['base']}", f"B {lab.ids['sql']}"]
    assert {line.partition(":")[0] for line in lines if not line.startswith(" ")} >= {*GROUPS, "metrics"}
    at = lines.index("SQL: differs")
    assert lines[at + 1].startswith("  flight_delay/preprocess/examples@v1 ")
    assert lines[at + 3 : at + 5] == ["    -  t.distance,", "    +  t.distance + 1 AS distance,"]
    (at,) = [number for number, line in enumerate(lines) if line == "  distance: 485 rows differ, by at most 1"]
    assert lines[at + 2] == "    ... and 484 more: --rows 485 shows all"
    lines = list(why_lines(lab.why("base", "config"), 0))
    assert "  examples.parameters.late_minutes 15 -> 30" in lines
    assert any(line.startswith("  constant only in B: constant@") for line in lines)
    assert "  not compared: B: its bundle does not hold the training rows: there were too many" in lines


def test_json_is_valid_and_complete(lab):
    content = json.loads(json.dumps(why_json(lab.why("again", "rows"), 5), allow_nan=False))
    assert list(content) == ["job", "a", "b", "summary", "groups", "rows", "metrics"]
    assert [group["group"] for group in content["groups"]] == GROUPS
    assert list(content["groups"][0]) == ["group", "state", "changes", "not_compared"]
    (column,) = content["rows"][0]["columns"]
    (value,) = column["values"]
    assert (value["key"]["flight_date"], value["b"] - value["a"]) == ("2013-07-01", 7)


def test_unknown_runs_are_refused(lab):
    session = lab.opened()
    job, known = session.project.job("flight_delay"), parse_run_id(lab.ids["base"])
    for text, message in (
        (f"flight_delay-{DAY}-0123456789", "no such run - the runs of that date are: flight_delay-2013-07-03-"),
        ("flight_delay-2001-01-01-0123456789", "no such run: flight_delay has none of 2001-01-01 - pipeline status"),
    ):
        with pytest.raises(RequestError, match=message):
            why_of(session, job, known, parse_run_id(text))


def test_damaged_claim_stops_the_comparison(lab):
    session = lab.opened()
    uri = session.store.uri("flight_delay", "attempts", "2013-06-10", "generations/000001.json")
    session.store.put_json_once({}, uri)
    with pytest.raises(CheckError, match="not what was committed there"):
        why_of(
            session,
            session.project.job("flight_delay"),
            parse_run_id("flight_delay-2013-06-10-0123456789"),
            parse_run_id(lab.ids["base"]),
        )


def test_pairs_that_cannot_be_compared_are_refused():
    a, b = (parse_run_id(f"{job}-2013-07-01-0123456789") for job in ("one", "two"))
    with pytest.raises(RequestError, match="different jobs"):
        refuse_pair(a, b)
    with pytest.raises(RequestError, match="named twice"):
        refuse_pair(a, a)
