from __future__ import annotations

from datetime import UTC, datetime
from importlib import metadata

import pytest

from pipeline.emulators.limits import MADE, UNKNOWN
from pipeline.errors import CloudError, PermissionMissing
from pipeline.operate.doctor import diagnose
from pipeline.operate.doctor.machine import other_versions
from pipeline.operate.doctor.result import Surroundings, worst
from pipeline.project.code import git_commit
from pipeline.runs.ledger.usage import Clock
from tests.support.dummy_project import dummy_project, edit, offline_target
from tests.support.integration_fixtures import ROOT

LOCAL = Surroundings("local.txt", UNKNOWN, MADE.here)


def by_check(results):
    return {result.check: result for result in results}


def refusing(error):
    def open_target():
        raise error

    return open_target


@pytest.fixture
def gone(monkeypatch):
    """A target that does not answer, given up at once."""
    monkeypatch.setattr("pipeline.cloud.retries.UNREACHABLE_DEADLINE", 0.0)
    return offline_target()


def test_a_ready_machine_has_a_line_for_each_check(make_empty_session, requests_sent):
    session = make_empty_session()
    requests_sent.clear()
    results = list(diagnose(ROOT, lambda: session.target, LOCAL))
    assert worst(results) == 0, [str(result) for result in results]
    jobs = ["job flight_delay", "job item_recommend"]
    jobs += ["models of flight_delay", "models of item_recommend"]
    names = ["python", "project", "commit", "sql", *jobs, "target", "packages", "credentials", "apis", "clock"]
    places = [*(f"dataset {name}" for name in sorted(session.target.datasets)), f"bucket {session.target.bucket}"]
    last = ["locations", "bucket settings", "region", "rights"]
    assert [result.check for result in results] == names + places + last
    notes = [result for result in results if result.state == "note" and result.check != "commit"]
    assert {result.check: result.summary for result in notes} == {
        concern: f"not tested here: {why}" for concern, why in UNKNOWN.items()
    }
    assert {result.state for result in results} == {"ok", "note"}  # without git, the commit is a note
    assert requests_sent.sent != []
    assert all(sent.method == "GET" or "CURRENT_TIMESTAMP" in str(sent.body) for sent in requests_sent.sent)


def test_an_empty_local_target_is_a_note(make_target):
    target = make_target().model_copy(update={"bucket": "no-such-bucket"})
    results = by_check(diagnose(ROOT, lambda: target, LOCAL))
    assert worst(results.values()) == 0
    for check in [*(f"dataset {name}" for name in target.datasets), "bucket no-such-bucket"]:
        assert (results[check].state, results[check].summary) == (
            "note",
            "does not exist yet; the first command makes them",
        )


def test_the_worst_result_decides_the_exit_code(gone):
    results = by_check(diagnose(ROOT, lambda: gone, LOCAL))
    assert results["clock"].state == "error"
    assert "no answer from 127.0.0.1:9" in results["clock"].summary
    assert worst(results.values()) == 4
    refused = list(diagnose(ROOT, refusing(PermissionMissing("no credentials", hint="log in")), LOCAL))
    assert str(refused[-1]) == "error target: no credentials - log in"
    assert worst(refused) == 5
    assert worst([]) == 0


def test_after_a_broken_project_the_other_checks_go_on(tmp_path):
    with dummy_project(tmp_path) as root:
        edit(root / "jobs/dummy/job.yaml", "family: binary_classification", "family: binry")
        edit(root / "sql/dummy/evaluate/labels_v1.sql", "description: Labels.", "colour: blue")
        results = by_check(diagnose(root, refusing(CloudError("gone")), LOCAL))
    assert results["job dummy"].state == results["sql"].state == "error"
    assert "there is no 'binry'" in results["job dummy"].summary
    assert "labels_v1.sql" in results["sql"].summary
    assert results["target"].exit_code == worst(results.values()) == 4


def test_a_project_without_a_commit_is_a_note(tmp_path):
    with dummy_project(tmp_path) as root:
        commit = by_check(diagnose(root, refusing(CloudError("gone")), LOCAL))["commit"]
        (root / "COMMIT").write_text("0a" * 20)
        git_commit.cache_clear()
        written = by_check(diagnose(root, refusing(CloudError("gone")), LOCAL))["commit"]
    reason = f"none is known: {root} is not a git checkout - bundles and the ledger name none"
    assert (commit.state, commit.summary) == ("note", reason)
    assert (written.state, written.summary) == ("ok", "0a" * 20)


def test_a_folder_without_a_project_is_an_error(tmp_path):
    results = by_check(diagnose(tmp_path, refusing(CloudError("gone")), LOCAL))
    assert results["project"].summary.startswith(f"{tmp_path}: no jobs/ folder here")
    (tmp_path / "jobs").mkdir()
    assert by_check(diagnose(tmp_path, refusing(CloudError("gone")), LOCAL))["project"].state == "note"


@pytest.mark.parametrize(("version", "state"), [("3.10.14", "error"), ("3.11.0", "ok"), ("3.20.1", "ok")])
def test_an_old_python_is_an_error(version, state):
    (python, *_) = diagnose(ROOT, refusing(CloudError("gone")), LOCAL, version=version)
    assert (python.check, python.state) == ("python", state)
    assert "needed is >=3.11" in python.summary or state == "ok"


@pytest.mark.parametrize(
    ("locked", "state", "summary"),
    [
        ("", "note", "local.txt is missing: versions are not compared"),
        ("numpy==0.1\n", "note", "instead of 0.1 - run make local"),
        ("no-such-package==1.0\n", "error", "not installed: no-such-package 1.0 - run make local"),
        ("".join(f"no-{n}==1\n" for n in range(7)), "error", "no-4 1 and 2 more - run make local"),
    ],
)
def test_packages_are_compared_with_the_lock(tmp_path, gone, locked, state, summary):
    with dummy_project(tmp_path) as root:
        if locked:
            (root / "requirements").mkdir()
            (root / "requirements/local.txt").write_text(locked)
        results = by_check(diagnose(root, lambda: gone, LOCAL))
    assert results["packages"].state == state
    assert results["packages"].summary.endswith(summary)
    assert ("clock" in results) == (state != "error")


@pytest.mark.parametrize(
    ("ahead", "state", "summary"),
    [
        (0.0, "ok", "no difference to BigQuery's"),
        (-2.04, "ok", "2.0 s behind BigQuery's"),
        (61.0, "error", "this machine's clock is 61.0 s ahead of BigQuery's - set it, e.g. by NTP"),
    ],
)
def test_a_wrong_clock_is_an_error(make_empty_session, monkeypatch, ahead, state, summary):
    target = make_empty_session().target
    monkeypatch.setattr("pipeline.operate.doctor.machine.read_clock", lambda _: Clock(datetime.now(UTC), ahead))
    clock = by_check(diagnose(ROOT, lambda: target, LOCAL))["clock"]
    assert clock.state == state
    assert clock.summary.startswith(summary)


def test_models_are_made_only_for_accounts_that_run_code(tmp_path):
    with dummy_project(tmp_path) as root:
        edit(root / "jobs/dummy/mean.yaml", "model:Mean", "model:Nope")
        away = refusing(CloudError("gone"))
        operator, load = (by_check(diagnose(root, away, LOCAL, phase=phase)) for phase in ("", "load"))
    assert operator["models of dummy"].summary.startswith("variant mean: cannot import jobs.dummy.model:Nope")
    assert operator["models of dummy"].state == "error"
    assert "models of dummy" not in load


def test_this_environment_has_the_locked_packages():
    assert other_versions(ROOT / "requirements" / "dev.txt") == ([], [])


def test_missing_and_other_versions_are_listed(tmp_path):
    numpy = metadata.version("numpy")
    path = tmp_path / "local.txt"
    path.write_text(
        "# made by make lock\n"
        f"numpy=={numpy} \\\n    --hash=sha256:00\n"
        "pandas[all]==0.1 \\\n    --hash=sha256:00\n"
        "no-such-package==1.0\n"
        "only-elsewhere==2.0 ; sys_platform == 'win32' \\\n    --hash=sha256:00\n"
    )
    assert other_versions(path) == (["no-such-package 1.0"], [f"pandas {metadata.version('pandas')} instead of 0.1"])
