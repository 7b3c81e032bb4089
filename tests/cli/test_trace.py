from __future__ import annotations

import json

import pytest

DAY = "2013-07-04"


@pytest.fixture(scope="module")
def where(prepare, loaded_dir, quick_project):
    place = ("--project-dir", str(quick_project), "--local-dir", str(loaded_dir))
    done = prepare("train", "flight_quick", "--run-date", DAY, "--json", *place)
    assert done.code == 0, done.err
    summary = json.loads(done.out)
    digest = summary["run_id"].rpartition("-")[2]
    return place, summary, f"pipeline-local.ml_runs.flight_quick__{DAY.replace('-', '')}__{digest}__examples"


def test_a_run_is_printed_back_and_forward_in_ascii(here, where):
    place, summary, examples = where
    done = here("trace", summary["run_id"], *place)
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert lines[0] == f"run {summary['run_id']} - unfinished"
    assert "+-- source pipeline-local.ml.airports (read at 20" in done.out
    assert f"`-- examples {examples}" in lines
    assert all(f"-- model {model['uri']}" in done.out for model in summary["models"])
    assert (lines.count("made from"), lines.count("fed"), done.out.isascii()) == (1, 1, True)


def test_a_trace_is_one_json_object(here, where):
    place, summary, examples = where
    uri = summary["models"][0]["uri"]
    trace = json.loads(here("trace", uri, "--json", *place).out)
    assert list(trace) == ["traced", "subject", "nodes", "edges"]
    assert (trace["traced"], trace["subject"]) == (uri, [f"model:{uri}"])
    kinds = {node["kind"] for node in trace["nodes"]}
    assert kinds == {"source", "run", "examples", "model"}
    assert {
        "source": f"run:{summary['run_id']}",
        "target": f"examples:{examples}",
        "summary": "",
    } in (trace["edges"])


@pytest.mark.parametrize("text", ["no-such-thing", "flight_delay-2013-07-04-0123456789", "gs://elsewhere/x"])
def test_unknown_subject_is_one_line_with_the_known_forms(here, where, text):
    done = here("trace", text, "--json", *where[0])
    assert (done.code, done.out) == (2, "")
    assert done.error.startswith(f"error: {text}: ")
    assert "run id" in done.error
    assert "EVALUATION_ID/metric" in done.error
