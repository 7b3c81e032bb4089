from __future__ import annotations

import json

import pytest

from pipeline.emulators import lifecycle

DAY = "2013-07-02"
PHASES = ["preprocess", "train", "predict", "load", "evaluate"]


@pytest.fixture(scope="module")
def where(prepare, loaded_dir):
    place = ("--local-dir", str(loaded_dir))
    done = prepare("preprocess", "flight_delay", "--run-date", DAY, *place)
    assert done.code == 0, done.err
    return place


def test_status_shows_a_run_date_and_what_comes_next(here, where):
    done = here("status", "flight_delay", "--run-date", DAY, *where)
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert lines[0].endswith(" generation 1: unfinished")
    assert [line.split()[0] for line in lines[1:6]] == PHASES
    assert lines[-1].startswith(f"next: pipeline run flight_delay --run-date {DAY}: train flight_delay's 4 missing")


def test_status_is_one_json_object(here, where):
    state = json.loads(here("status", "flight_delay", "--run-date", DAY, "--json", *where).out)
    assert list(state) == ["job", "run_date", "runs", "next"]
    assert (state["job"], state["run_date"]) == ("flight_delay", DAY)
    (run,) = state["runs"]
    assert [phase["phase"] for phase in run["phases"]] == PHASES
    assert [phase["state"] for phase in run["phases"]] == ["done"] + ["missing"] * 4
    assert list(run["phases"][0]) == ["phase", "state", "summary", "rows", "seconds"]
    dates = json.loads(here("status", "flight_delay", "--json", *where).out)
    assert DAY in [line["run_date"] for line in dates["run_dates"]]


def test_status_without_a_date_has_one_line_per_date(here, where):
    done = here("status", "flight_delay", *where)
    assert done.code == 0
    assert [line.split()[2:] for line in done.out.splitlines() if line.startswith(DAY)] == [
        "generation 1 unfinished: preprocess done".split()
    ]


def test_status_gc_and_doctor_before_the_first_run(here, tmp_path):
    where = ("--local-dir", str(tmp_path / "new"))
    try:
        assert here("status", "flight_delay", *where).out == (
            "flight_delay: nothing was done yet in gs://pipeline-local/flight_delay\n"
        )
        assert "nothing was done yet" in here("status", "flight_delay", "--run-date", DAY, *where).out
        doctor = here("doctor", *where)
        assert doctor.code == 0
        assert "note  dataset ml: does not exist yet" in doctor.out  # status made nothing
        gc = here("gc", "flight_delay", *where)
        assert (gc.code, gc.out) == (0, "flight_delay: removed 0 tables (0 bytes) and 0 objects (0 bytes)\n")
    finally:
        lifecycle.down(tmp_path / "new")


def test_gc_leaves_everything_younger_than_a_day(here, where):
    done = here("gc", "flight_delay", "--older-than", "1", "--dry-run", *where)
    assert (done.code, done.out) == (0, "flight_delay: would remove 0 tables (0 bytes) and 0 objects (0 bytes)\n")
    summary = json.loads(here("gc", "flight_delay", "--json", *where).out)
    assert summary == {"job": "flight_delay", "dry_run": False, "removed": []}
