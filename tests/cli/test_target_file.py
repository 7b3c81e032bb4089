"""The command line with a target file, as it is used in production; the file leads to emulators unless tests do not."""

from __future__ import annotations

import json

import pytest
import yaml

from tests.support.emulated_cloud import lead_to

pytestmark = pytest.mark.cloud
DAY, MATURE = "2013-07-01", "2013-07-03"


@pytest.fixture
def command(here, session, cloud_places, monkeypatch, tmp_path):
    """Run a command at the session's target, which it knows from a file alone."""
    path = tmp_path / "target.yaml"
    path.write_text(yaml.safe_dump(session.target.model_dump(exclude_none=True)))
    if cloud_places is None:
        lead_to(session.target.endpoints, monkeypatch)

    def call(*arguments):
        done = here(*arguments, "--target", str(path))
        assert done.code == 0, done.err
        return done

    return call


@pytest.mark.long
def test_backfill_evaluation_and_questions_with_a_target_file(command):
    dates = ("--from", DAY, "--to", DAY)
    (run,) = json.loads(command("backfill", "flight_delay", *dates, "--json").out)["runs"]
    assert (run["run_date"], run["status"], run["rows"]["load"]) == (DAY, "done", 64)

    evaluated = json.loads(command("evaluate", "flight_delay", "--as-of", MATURE, "--json").out)["evaluated"]
    assert [each["run_date"] for each in evaluated] == [DAY]
    assert DAY in command("report", "flight_delay", *dates).out
    state = json.loads(command("status", "flight_delay", "--run-date", DAY, "--json").out)
    assert state["next"] == "nothing: all done"

    model = run["models"][0]
    trace = json.loads(command("trace", run["run_id"], "--json").out)
    assert {node["kind"] for node in trace["nodes"]} >= {"source", "run", "examples", "model", "manifest", "champion"}
    assert model["model_id"] in command("model", "inspect", model["uri"]).out
    gone = command("gc", "flight_delay", "--older-than", "1", "--dry-run").out
    assert gone == "flight_delay: would remove 0 tables (0 bytes) and 0 objects (0 bytes)\n"
