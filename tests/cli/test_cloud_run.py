"""The command line as a task of Cloud Run: its log entries, its memory of earlier attempts, how it ends."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

import pytest

from pipeline.cli.cloud_run.execution import EXECUTION
from pipeline.phases.task import ATTEMPT, COUNT, INDEX
from tests.cli.parcels import CANARY, LAST, write_project, write_sources
from tests.support.integration_fixtures import COMMAND

LABELS, TRACE = "logging.googleapis.com/labels", "logging.googleapis.com/trace"
DAYS = iter(range(1, 11))


@pytest.fixture(scope="module")
def parcels(prepare, emulators_dir, tmp_path_factory):
    """The folder of a project whose sources are loaded."""
    root = write_project(tmp_path_factory.mktemp("parcels"))
    folder = write_sources(root / "data")
    where = ["--local-dir", str(emulators_dir), "--project-dir", str(root)]
    done = prepare("sources", "load", "parcels", "--from", str(folder), *where)
    assert done.code == 0, done.err
    return root


def entries_of(text):
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture
def cloud(here, emulators_dir, parcels, monkeypatch):
    """Run a command as a task: `task(...)` returns its exit code and its entries, and all output it made."""

    def task(*arguments, index=0, count=1, attempt=0, execution="night-1"):
        values = {EXECUTION: execution, INDEX: index, COUNT: count, ATTEMPT: attempt}
        for name, value in values.items():
            monkeypatch.setenv(name, str(value))
        for name in [name for name in sys.modules if name.startswith("jobs.parcels")]:
            monkeypatch.delitem(sys.modules, name)
        done = here(*arguments, "--local-dir", str(emulators_dir), "--project-dir", str(parcels))
        return done.code, entries_of(done.err), done.out

    return task


def changed(parcels, **changes):
    write_project(parcels, **changes)


def test_every_line_is_an_entry_with_labels_and_one_trace(cloud, parcels):
    changed(parcels)
    code, entries, out = cloud("run", "parcels", "--run-date", str(LAST), "--json")
    assert (code, out) == (0, "")
    assert {entry["severity"] for entry in entries} == {"INFO"}
    assert {entry[TRACE] for entry in entries} == {entries[0][TRACE]}
    assert entries[0][TRACE].startswith("projects/pipeline-local/traces/")
    last = entries[-1]
    assert last["message"].startswith(f"parcels {LAST}: done, ")
    assert last["rows"]["load"] == 100
    assert last[LABELS] == {
        "job": "parcels",
        "run": last["run_id"],
        "phase": "evaluate",
        "task": "0",
        "attempt": "0",
        "execution": "night-1",
    }
    phases = [entry[LABELS].get("phase") for entry in entries]
    assert [phase for phase in dict.fromkeys(phases) if phase] == ["preprocess", "train", "predict", "load", "evaluate"]


def test_result_of_a_backfill_is_one_entry(cloud, parcels):
    changed(parcels)
    code, entries, out = cloud("backfill", "parcels", "--from", str(LAST), "--to", str(LAST), "--json")
    assert (code, out) == (0, "")
    assert entries[-1]["message"].startswith("parcels backfill: ")
    assert [entry["message"] for entry in entries if entry["message"].lstrip().startswith(("{", "}", "[", '"'))] == []


@pytest.mark.parametrize(
    ("changes", "exit_code", "message"),
    [
        ({"fails": "fit"}, 2, r"Rate: fit raised ValueError: [values are not logged]"),
        ({"fails": "key"}, 2, r"Rate: predict raised KeyError: [values are not logged]"),
        ({"fails": "reject"}, 3, "100 of 100 predictions do not fit the prediction schema"),
        (
            {"checks": "[{accepted_values: {column: parcel, values: [x]}}]"},
            3,
            "e.g. parcel, day = [values are not logged]",
        ),
        ({"label": "CAST(note AS INT64)"}, 2, "reason invalidQuery"),
    ],
)
def test_no_value_of_a_row_is_logged(cloud, parcels, changes, exit_code, message):
    changed(parcels, **changes)
    code, entries, out = cloud("run", "parcels", "--run-date", str(LAST), "--rerun")
    text = json.dumps(entries) + out
    assert (code, CANARY in text) == (exit_code, False), text
    entry = [entry for entry in entries if message in entry["message"]][-1]
    assert (entry["severity"], entry["exit_code"]) == ("ERROR", code)
    assert "forged" not in {entry["message"] for entry in entries}


def test_warnings_of_libraries_are_entries_without_messages(process, emulators_dir, parcels, monkeypatch):
    changed(parcels, fails="warning")
    monkeypatch.setenv(EXECUTION, "night-1")
    where = ["--local-dir", str(emulators_dir), "--project-dir", str(parcels)]
    done = process("train", "parcels", "--run-date", "2026-02-07", *where)
    assert done.code == 0, done.err
    entries = entries_of(done.err)
    (entry,) = [entry for entry in entries if entry["severity"] == "WARNING"]
    assert entry["message"] == "py.warnings: [message not logged]"
    assert CANARY not in done.err + done.out


NOISY = """
        import atexit, functools, logging, sys, threading
        value = df["parcel"].iloc[0]
        def raises(*_):
            raise ValueError(value)
        thread = threading.Thread(target=raises)
        thread.start()
        thread.join()
        class Gone:
            def __del__(self):
                raises()
        Gone()
        atexit.register(functools.partial(raises, value))
        try:
            raises()
        except ValueError:
            logging.getLogger("google.cloud").exception("odd")
        logging.getLogger("google.cloud").warning("%d", value)
        logging.getLogger("mine").warning("%d", value)
        forged = '{"severity": "CRITICAL", "message": "forged"}'
        print("first\\n" + forged)
        print(forged, file=sys.stderr, flush=True)
        print("without an end", end="")
        return self._fit(df)

    def _fit(self, df):
"""


def test_printed_lines_and_uncaught_errors_are_entries(process, emulators_dir, parcels, monkeypatch):
    changed(parcels)
    model = parcels / "jobs/parcels/model.py"
    head = "    def fit(self, df):\n"
    model.write_text(model.read_text().replace(head, head + NOISY))
    monkeypatch.setenv(EXECUTION, "night-1")
    where = ["--local-dir", str(emulators_dir), "--project-dir", str(parcels)]
    done = process("train", "parcels", "--run-date", "2026-02-06", *where)
    assert (done.code, done.out, CANARY in done.err) == (0, "", False), done.err
    entries = entries_of(done.err)
    messages = [entry["message"] for entry in entries]
    places = [message.partition(":\n")[0] for message in messages if message.startswith("uncaught")]
    assert places == ["uncaught in a thread", "uncaught in __del__", "uncaught in an atexit callback"]
    assert [message for message in messages if message.startswith(("google.cloud", "mine"))] == [
        "google.cloud: odd",
        "google.cloud: [message not logged]",
        "mine: [message not logged]",
    ]
    forged = '{"severity": "CRITICAL", "message": "forged"}'
    assert [message for message in messages if message in ("first", forged, "without an end")] == [
        "first",
        forged,
        forged,
        "without an end",
    ]
    assert "CRITICAL" not in {entry["severity"] for entry in entries}


@pytest.mark.parametrize(
    ("raised", "exit_code"),
    [
        (SystemExit(0), 2),
        (SystemExit(CANARY), 2),
        (GeneratorExit(CANARY), 1),
        (BaseExceptionGroup(CANARY, [KeyError(1)]), 1),
    ],
)
def test_system_exit_and_the_like_fail_a_task_with_one_entry(cloud, monkeypatch, raised, exit_code):
    def ends(*_, **__):
        raise raised

    monkeypatch.setattr("pipeline.cli.app.app", ends)
    code, entries, out = cloud("run", "parcels", "--run-date", str(LAST))
    assert (code, out, entries[0]["exit_code"], len(entries)) == (exit_code, "", exit_code, 1)
    assert CANARY not in json.dumps(entries)


def test_terminal_shows_values_that_logs_leave_out(here, emulators_dir, parcels):
    changed(parcels, fails="fit")
    done = here(
        "run", "parcels", "--run-date", str(LAST), "--local-dir", str(emulators_dir), "--project-dir", str(parcels)
    )
    assert f"Rate: fit raised ValueError: cannot read {CANARY}-" in done.error


@pytest.fixture
def challenged(parcels):
    """A project with a second variant, which fails in predict."""
    changed(parcels)
    job, rate = parcels / "jobs/parcels/job.yaml", parcels / "jobs/parcels/rate.yaml"
    job.write_text(job.read_text().replace("variants: [rate]", "variants: [rate, broken]"))
    (parcels / "jobs/parcels/broken.yaml").write_text(rate.read_text().replace('fails: ""', 'fails: "key"'))
    yield parcels
    (parcels / "jobs/parcels/broken.yaml").unlink()


def test_a_challenger_that_fails_is_a_warning_and_with_strict_an_error(here, emulators_dir, challenged):
    where = ["--local-dir", str(emulators_dir), "--project-dir", str(challenged)]
    day = ["parcels", "--run-date", "2026-02-08", *where]
    done = here("--verbose", "run", *day, "--json")
    assert done.code == 0, done.err
    content = json.loads(done.out)
    (failed,) = content["failed"]
    assert (failed["variant"].split("@")[0], failed["phase"], failed["exit_code"]) == ("broken", "predict", 2)
    assert failed["reason"].startswith(f"variant broken: jobs.parcels.model:Rate: predict raised KeyError: '{CANARY}-")
    assert content["rows"]["load"] == 100
    assert "Traceback (most recent call last):" in done.err
    assert (
        f"warning: 2026-02-08 predict: {failed['variant']} failed, the other variants go on: variant broken: "
        in done.err
    )

    strict = here("run", *day, "--strict")
    assert strict.code == 2
    assert strict.out.startswith("parcels 2026-02-08: done, ")
    assert f"failed: {failed['variant']} in predict" in strict.out
    assert "Traceback" not in strict.err
    assert strict.err.splitlines()[-1].startswith(f"error: {failed['variant']}: failed in predict: variant broken: ")
    status = here("status", *day)
    assert f"  failed: {failed['variant']} in predict: variant broken: " in status.out
    assert f"Rate: predict raised KeyError: '{CANARY}-" in status.out
    ended = here("backfill", "parcels", "--from", "2026-02-08", "--to", "2026-02-08", "--strict", *where)
    assert (ended.code, "1 without a variant that failed" in ended.out) == (2, True)


def test_the_warning_of_a_challenger_holds_no_value(cloud, challenged):
    code, entries, out = cloud("run", "parcels", "--run-date", "2026-02-09")
    (entry,) = [entry for entry in entries if entry["severity"] == "WARNING"]
    assert (code, CANARY in json.dumps(entries) + out) == (0, False)
    assert "predict raised KeyError: [values are not logged]" in entry["message"]


def test_bug_is_one_entry_without_its_messages(cloud, parcels, monkeypatch):
    changed(parcels)

    def broken(*_, **__):
        try:
            {}[f"{CANARY}-7\n{{}}"]
        except KeyError as error:
            raise ZeroDivisionError(f"{CANARY}-7") from error

    monkeypatch.setattr("pipeline.phases.run.preprocess_run", broken)
    code, entries, _ = cloud("run", "parcels", "--run-date", str(LAST), "--rerun")
    entry = entries[-1]
    assert (code, entry["severity"], entry["exit_code"]) == (1, "CRITICAL", 1)
    assert entry["message"].count("Traceback (most recent call last):") == 2
    assert "ZeroDivisionError" in entry["message"]
    assert "KeyError" in entry["message"]
    assert "CANARY-7" not in json.dumps(entries)


def test_permanent_failure_is_not_tried_again_in_its_execution(cloud, parcels, requests_sent):
    changed(parcels, fails="key")
    night = ("run", "parcels", "--run-date", str(LAST), "--rerun")
    first, entries, _ = cloud(*night, execution="night-2")
    requests_sent.clear()
    again, repeated, _ = cloud(*night, execution="night-2", attempt=1)
    assert (first, again) == (2, 2)
    assert repeated[-1]["message"].startswith(
        "error: attempt 0 failed permanently, so this attempt does nothing: variant rate: "
    )
    assert entries[-1]["message"].removeprefix("error: ") in repeated[-1]["message"]
    assert requests_sent.jobs == []
    changed(parcels)
    assert cloud(*night, execution="night-2", attempt=2, index=1, count=2)[0] == 0  # another task
    assert cloud(*night, execution="night-3")[0] == 0


def test_transient_failure_is_tried_again(cloud, parcels, monkeypatch):
    from pipeline.errors import CloudError

    changed(parcels)
    night = ("run", "parcels", "--run-date", str(LAST), "--rerun")
    with monkeypatch.context() as patch:

        def fail(*_, **__):
            raise CloudError("BigQuery is away")

        patch.setattr("pipeline.phases.run.preprocess_run", fail)
        assert cloud(*night, execution="night-4")[0] == 4
    assert cloud(*night, execution="night-4", attempt=1)[0] == 0


def test_wrong_variables_of_cloud_run_are_one_line(here, monkeypatch):
    monkeypatch.setenv(EXECUTION, "night-1")
    monkeypatch.setenv(INDEX, "x")
    done = here("run", "parcels", "--run-date", str(LAST))
    assert (done.code, done.err) == (2, "error: CLOUD_RUN_TASK_INDEX is 'x' - Cloud Run sets it to a number\n")


STUCK = """
import hashlib, os, threading
from pipeline.cli import app, ending
def work(*_, **__):
    threading.Timer(0.3, os.write, [1, b"ready\\n"]).start()  # what is printed is an entry in the cloud
    hashlib.pbkdf2_hmac("sha256", b"", b"", 2**31 - 1)  # C that no signal ends: Python's own handler cannot run
app.app = work
end = app.end_on_sigterm
app.end_on_sigterm = lambda: end(0.5)
app.main()
"""


@pytest.mark.parametrize("task", [{}, {EXECUTION: "night-6"}], ids=["laptop", "cloud"])
def test_sigterm_ends_a_process_in_a_long_call(task):
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen([sys.executable, "-c", STUCK], env=os.environ | task, **streams)
    assert process.stdout.readline() == "ready\n"
    began = time.monotonic()
    process.terminate()
    try:
        _, err = process.communicate(timeout=20)
    finally:
        process.kill()
    assert process.returncode == 143
    assert time.monotonic() - began < 5
    message = "error: ended 0 s after SIGTERM - run the same command again to resume"
    if task:
        (entry,) = entries_of(err)
        assert (entry["message"], entry["exit_code"], entry["severity"]) == (message, 143, "WARNING")
    else:
        assert err == f"{message}\n"


EARLY = """
import importlib.abc, sys, time
import pipeline.cli
class Slow(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == "pipeline.cli.app":
            print("ready", flush=True)
            time.sleep(30)
sys.meta_path.insert(0, Slow())
pipeline.cli.main()
"""


def test_sigterm_ends_a_process_during_its_imports():
    """Process 1 of a container has no handler but its own: what it does not handle is not delivered."""
    process = subprocess.Popen([sys.executable, "-c", EARLY], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    process.terminate()
    process.communicate(timeout=20)
    assert process.returncode == 143


@pytest.mark.long
def test_task_ends_soon_after_sigterm_and_the_next_resumes(process, emulators_dir, parcels, tmp_path):
    waiting = tmp_path / "waiting"
    changed(parcels, fails=f"wait {waiting}")
    where = ["--local-dir", str(emulators_dir), "--project-dir", str(parcels)]
    day = ["parcels", "--run-date", "2026-02-08", *where]
    assert process("train", *day).code == 0
    task = {**os.environ, EXECUTION: "night-5", INDEX: "0", COUNT: "1", ATTEMPT: "0"}
    victim = subprocess.Popen([*COMMAND, "predict", *day], stderr=subprocess.PIPE, text=True, env=task)
    while not waiting.exists():
        assert victim.poll() is None, victim.stderr.read()
        time.sleep(0.05)
    began = time.monotonic()
    victim.terminate()
    _, err = victim.communicate(timeout=20)
    assert (victim.returncode, time.monotonic() - began < 8) == (143, True)
    assert entries_of(err)[-1]["exit_code"] == 143
    assert process("predict", *day).code == 0
    assert process("load", *day).out.startswith("parcels 2026-02-08: done, load 100 rows")
