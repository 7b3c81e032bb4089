from __future__ import annotations

import json

import pytest

DAYS = ["2013-06-28", "2013-06-29"]
UNKNOWN = "flight_delay-2013-06-28-0123456789"


@pytest.fixture(scope="module")
def runs(prepare, loaded_dir):
    """Two runs that have nothing but their examples, and where they are."""
    place = ("--local-dir", str(loaded_dir))
    made = [prepare("preprocess", "flight_delay", "--run-date", day, "--json", *place) for day in DAYS]
    assert [done.code for done in made] == [0, 0], made
    return [json.loads(done.out)["run_id"] for done in made], place


def test_lines_cover_each_group_of_differences(here, runs):
    (a, b), place = runs
    done = here("why", a, b, "--rows", "2", *place)
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert lines[:2] == [f"A {a}", f"B {b}"]
    assert "parameters: the same" in lines
    assert "  run_date 2013-06-28 -> 2013-06-29" in lines
    assert "    ... and 14 more: --rows 16 shows all" in lines
    assert "  not compared: A: its Python files: no model was committed" in lines
    assert lines[-1].startswith("data, rows to score differ; not fully compared: SQL, code, libraries, data,")


def test_json_is_one_object(here, runs):
    (a, b), place = runs
    done = here("why", b, a, "--json", "--rows", "0", *place)
    assert (done.code, done.err) == (0, "")
    content = json.loads(done.out)
    assert (content["job"], content["a"], content["b"]) == ("flight_delay", b, a)
    assert content["rows"][1]["only_a"] == {"count": 16, "keys": []}


def test_unknown_run_is_named(here, runs):
    (a, _), place = runs
    done = here("why", a, UNKNOWN, "--json", *place)
    assert (done.code, done.out) == (2, "")
    assert done.error == f"error: {UNKNOWN}: no such run - the runs of that date are: {a}"


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        ("flight_delay", UNKNOWN, "'flight_delay' is not a run id - write <job>-<run date>-<hash>"),
        (UNKNOWN, UNKNOWN, f"{UNKNOWN} was named twice - name two runs"),
        (UNKNOWN, UNKNOWN.replace("flight_delay", "other"), "are runs of different jobs - name two runs of one job"),
    ],
)
def test_runs_that_cannot_be_compared_are_refused_at_once(here, tmp_path, a, b, message):
    done = here("why", a, b, "--local-dir", str(tmp_path / "local"))
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert message in done.error
    assert not (tmp_path / "local").exists()
