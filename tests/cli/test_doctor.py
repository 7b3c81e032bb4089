from __future__ import annotations

import json
import re

import pytest

from pipeline.cli.cloud_run.execution import EXECUTION
from pipeline.cli.doctor import AccountOf
from pipeline.emulators.limits import HEADING, LIMITS, UNKNOWN
from pipeline.operate.deploy.names import PARTS
from pipeline.phases.task import ATTEMPT, COUNT, INDEX


def worst(found):
    return max((check["state"] for check in found["checks"]), key=["ok", "note", "error"].index)


@pytest.fixture
def where(loaded_dir):
    return ("--local-dir", str(loaded_dir))


@pytest.fixture(autouse=True)
def _commit(monkeypatch):
    """A commit, also where the tests come from an archive; without one the doctor has one note more."""
    monkeypatch.setattr("pipeline.operate.doctor.project.git_commit", lambda _: ("0a" * 20, False))


def test_doctor_prints_what_the_local_target_cannot_prove(here, where):
    done = here("doctor", *where)
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert lines[-len(LIMITS) - 1 :] == [f"{HEADING}:", *map(str, LIMITS)]
    found = json.loads(here("doctor", "--json", *where).out)
    assert [tuple(limit.values()) for limit in found["limits"]] == [(limit.cloud, limit.here) for limit in LIMITS]
    notes = {check["check"] for check in found["checks"] if check["state"] == "note"}
    assert (notes, worst(found)) == (set(UNKNOWN), "note")
    fine = len(found["checks"]) - len(UNKNOWN)
    assert lines[-len(LIMITS) - 2] == f"ready ({fine} ok, {len(UNKNOWN)} notes, 0 errors)"


def test_the_worst_result_decides_the_exit_code(here, where, tmp_path):
    target = tmp_path / "t.yaml"
    target.write_text("project: my-project\n")
    done = here("doctor", "--target", str(target))
    assert done.code == 2
    assert f"error target: {target}: key location: required, but missing" in done.out
    assert HEADING not in done.out
    assert re.fullmatch(
        r"not ready: fix the errors, starting at the top \(\d+ ok, 0 notes, 1 errors\)", done.out.splitlines()[-1]
    )


def test_accounts_are_those_of_a_deployment():
    assert [account.value for account in AccountOf] == list(PARTS)


def test_an_unknown_job_is_the_only_one_checked(here, where):
    done = here("doctor", "nope", "--phase", "predict", *where)
    assert done.code == 2
    jobs = [line for line in done.out.splitlines() if line[6:].startswith("job ")]
    assert [line.partition(":")[0] for line in jobs] == ["error job nope"]


def test_in_cloud_run_each_result_is_a_log_entry(here, tmp_path, monkeypatch):
    for name, value in {EXECUTION: "e", INDEX: "0", COUNT: "1", ATTEMPT: "0"}.items():
        monkeypatch.setenv(name, value)
    done = here("doctor", "--target", str(tmp_path / "none.yaml"))
    assert (done.code, done.out) == (2, "")
    entries = [json.loads(line) for line in done.err.splitlines()]
    assert entries[0]["message"].startswith("ok    python: ")
    assert [entry["severity"] for entry in entries] == ["INFO"] * (len(entries) - 2) + ["ERROR", "INFO"]
    assert entries[-1]["message"].endswith(" 0 notes, 1 errors)")
