from __future__ import annotations

from datetime import UTC, datetime

import pytest

from pipeline.emulators.limits import MADE, UNKNOWN
from pipeline.errors import CloudError, PermissionMissing
from pipeline.operate.doctor import Patient, Surroundings, worst
from pipeline.operate.doctor import diagnose as diagnose_patient
from pipeline.project.code import git_commit
from pipeline.runs.ledger.usage import Clock
from tests.support.dummy_project import dummy_project, edit, offline_target
from tests.support.integration_fixtures import ROOT

LOCAL = Surroundings("local.txt", UNKNOWN, MADE.here)


def diagnose(root, open_target, **options):
    return diagnose_patient(Patient(root, open_target), LOCAL, **options)


def found(findings):
    return {finding.check: finding for finding in findings}


def refusing(error):
    def open_target():
        raise error

    return open_target


@pytest.fixture
def gone(monkeypatch):
    """A target that does not answer, given up at once."""
    monkeypatch.setattr("pipeline.cloud.retries.UNREACHABLE_DEADLINE", 0.0)
    return offline_target()


def test_a_fit_machine_has_a_line_for_each_check_and_nothing_is_written(make_empty_session, requests_sent):
    session = make_empty_session()
    requests_sent.clear()
    findings = list(diagnose(ROOT, lambda: session.target))
    assert worst(findings) == 0, [str(finding) for finding in findings]
    jobs = ["job flight_delay", "job item_recommend"]
    jobs += ["models of flight_delay", "models of item_recommend"]
    names = ["python", "project", "commit", "sql", *jobs, "target", "packages", "credentials", "apis", "clock"]
    places = [*(f"dataset {name}" for name in sorted(session.target.datasets)), f"bucket {session.target.bucket}"]
    last = ["locations", "bucket settings", "region", "rights"]
    assert [finding.check for finding in findings] == names + places + last
    notes = [finding for finding in findings if finding.state == "note" and finding.check != "commit"]
    assert {finding.check: finding.said for finding in notes} == {
        concern: f"not tested here: {why}" for concern, why in UNKNOWN.items()
    }
    assert {finding.state for finding in findings} == {"ok", "note"}  # without git, the commit is a note
    assert requests_sent.sent != []
    assert all(sent.method == "GET" or "CURRENT_TIMESTAMP" in str(sent.body) for sent in requests_sent.sent)


def test_an_empty_local_target_is_a_note(make_target):
    target = make_target().model_copy(update={"bucket": "no-such-bucket"})
    findings = found(diagnose(ROOT, lambda: target))
    assert worst(findings.values()) == 0
    for check in [*(f"dataset {name}" for name in target.datasets), "bucket no-such-bucket"]:
        assert (findings[check].state, findings[check].said) == (
            "note",
            "does not exist yet; the first command makes them",
        )


def test_errors_are_lines_and_the_worst_decides(gone):
    findings = found(diagnose(ROOT, lambda: gone))
    assert findings["clock"].state == "error"
    assert "no answer from 127.0.0.1:9" in findings["clock"].said
    assert worst(findings.values()) == 4
    refused = list(diagnose(ROOT, refusing(PermissionMissing("no credentials", hint="log in"))))
    assert str(refused[-1]) == "error target: no credentials - log in"
    assert worst(refused) == 5
    assert worst([]) == 0


def test_a_project_that_does_not_parse_is_named_and_the_other_checks_go_on(tmp_path):
    with dummy_project(tmp_path) as root:
        edit(root / "jobs/dummy/job.yaml", "family: binary_classification", "family: binry")
        edit(root / "sql/dummy/evaluate/labels_v1.sql", "description: Labels.", "colour: blue")
        findings = found(diagnose(root, refusing(CloudError("gone"))))
    assert findings["job dummy"].state == findings["sql"].state == "error"
    assert "there is no 'binry'" in findings["job dummy"].said
    assert "labels_v1.sql" in findings["sql"].said
    assert findings["target"].exit_code == worst(findings.values()) == 4


def test_a_project_without_a_commit_is_a_note_with_the_reason(tmp_path):
    with dummy_project(tmp_path) as root:
        commit = found(diagnose(root, refusing(CloudError("gone"))))["commit"]
        (root / "COMMIT").write_text("0a" * 20)
        git_commit.cache_clear()
        written = found(diagnose(root, refusing(CloudError("gone"))))["commit"]
    reason = f"none is known: {root} is no git checkout - bundles and the ledger name none"
    assert (commit.state, commit.said) == ("note", reason)
    assert (written.state, written.said) == ("ok", "0a" * 20)


def test_a_folder_that_is_no_project_is_an_error(tmp_path):
    findings = found(diagnose(tmp_path, refusing(CloudError("gone"))))
    assert findings["project"].said.startswith(f"{tmp_path}: no jobs/ folder here")
    (tmp_path / "jobs").mkdir()
    assert found(diagnose(tmp_path, refusing(CloudError("gone"))))["project"].state == "note"


@pytest.mark.parametrize(("version", "state"), [("3.10.14", "error"), ("3.11.0", "ok"), ("3.20.1", "ok")])
def test_python_is_new_enough(version, state):
    (python, *_) = diagnose(ROOT, refusing(CloudError("gone")), version=version)
    assert (python.check, python.state) == ("python", state)
    assert "needed is >=3.11" in python.said or state == "ok"


@pytest.mark.parametrize(
    ("locked", "state", "said"),
    [
        ("", "note", "local.txt is not there: versions are not compared"),
        ("numpy==0.1\n", "note", "instead of 0.1 - run make local"),
        ("no-such-package==1.0\n", "error", "not installed: no-such-package 1.0 - run make local"),
        ("".join(f"no-{n}==1\n" for n in range(7)), "error", "no-4 1 and 2 more - run make local"),
    ],
)
def test_packages_are_compared_with_the_lock(tmp_path, gone, locked, state, said):
    with dummy_project(tmp_path) as root:
        if locked:
            (root / "requirements").mkdir()
            (root / "requirements/local.txt").write_text(locked)
        findings = found(diagnose(root, lambda: gone))
    assert findings["packages"].state == state
    assert findings["packages"].said.endswith(said)
    assert ("clock" in findings) == (state != "error")


@pytest.mark.parametrize(
    ("ahead", "state", "said"),
    [
        (0.0, "ok", "no difference to BigQuery's"),
        (-2.04, "ok", "2.0 s behind BigQuery's"),
        (61.0, "error", "this machine's clock is 61.0 s ahead of BigQuery's - set it, e.g. by NTP"),
    ],
)
def test_a_clock_that_is_wrong_is_an_error(make_empty_session, monkeypatch, ahead, state, said):
    target = make_empty_session().target
    monkeypatch.setattr("pipeline.operate.doctor.machine.read_clock", lambda _: Clock(datetime.now(UTC), ahead))
    clock = found(diagnose(ROOT, lambda: target))["clock"]
    assert clock.state == state
    assert clock.said.startswith(said)


def test_a_model_that_cannot_be_made_is_an_error_where_the_account_runs_code(tmp_path):
    with dummy_project(tmp_path) as root:
        edit(root / "jobs/dummy/mean.yaml", "model:Mean", "model:Nope")
        away = refusing(CloudError("gone"))
        operator, load = (found(diagnose_patient(Patient(root, away, "", phase), LOCAL)) for phase in ("", "load"))
    assert operator["models of dummy"].said.startswith("cannot import jobs.dummy.model:Nope")
    assert operator["models of dummy"].state == "error"
    assert "models of dummy" not in load
