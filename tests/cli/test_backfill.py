from __future__ import annotations

import json
import os
import signal
import subprocess
import time

import psutil
import pytest

from tests.support.integration_fixtures import COMMAND, ROOT

DATES = ("--from", "2013-06-20", "--to", "2013-06-21")


@pytest.fixture
def backfill(quick_project, loaded_dir):
    """Arguments of a backfill of the quick job."""
    where = ("--project-dir", str(quick_project), "--local-dir", str(loaded_dir))
    return lambda *arguments: ("backfill", "flight_quick", *arguments, *where)


@pytest.mark.long
@pytest.mark.parametrize(
    ("end", "line", "code", "reason"),
    [
        # Ctrl-C of a terminal goes to every process of the command
        (lambda pid: os.killpg(pid, signal.SIGINT), "2013-06-20 preprocess", 130, "interrupted"),
        (lambda pid: os.kill(pid, signal.SIGTERM), "2013-06-21 preprocess", 143, "ended by SIGTERM"),
    ],
    ids=["Ctrl-C", "SIGTERM"],
)
def test_ended_backfill_takes_its_processes_with_it(backfill, end, line, code, reason):
    arguments = [*COMMAND, *backfill(*DATES, "--parallel", "2")]
    with subprocess.Popen(
        arguments, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as command:
        lines = []
        for text in command.stderr:
            lines.append(text)
            if text.startswith(line):
                break
        children = psutil.Process(command.pid).children(recursive=True)
        begun = time.monotonic()
        end(command.pid)
        out, err = command.communicate(timeout=60)
    assert time.monotonic() - begun < 8
    assert (command.returncode, out) == (code, ""), err
    assert err.splitlines()[-1] == f"error: {reason} - run the same command again to resume"
    assert "Traceback" not in "".join(lines) + err
    assert len(children) >= 2
    _, left = psutil.wait_procs(children, timeout=5)
    assert left == []


def test_same_command_resumes_a_backfill(here, backfill):
    done = here(*backfill(*DATES, "--json"))
    assert done.code == 0, done.err
    content = json.loads(done.out)
    assert list(content) == ["runs", "failed", "not_started"]
    assert [(run["run_date"], run["rows"]["load"]) for run in content["runs"]] == [
        (f"2013-06-{day}", 32) for day in (20, 21)
    ]
    again = here(*backfill(*DATES)).out.splitlines()
    assert [line.split(" (")[0].split(",")[0] for line in again[:2]] == [
        f"flight_quick 2013-06-{day}: already done" for day in (20, 21)
    ]
    assert again[2].startswith("flight_quick backfill: 0 done, 2 already done, 0 failed, 0 not started (")


def test_failed_date_decides_the_exit_code_and_is_named(here, backfill):
    dates = ("--from", "2013-12-30", "--to", "2014-01-01", "--max-failures", "2")
    done = here(*backfill(*dates, "--json"))
    content = json.loads(done.out)
    assert (done.code, content["runs"], content["not_started"]) == (2, [], ["2014-01-01"])
    assert [failure["run_date"] for failure in content["failed"]] == ["2013-12-30", "2013-12-31"]
    assert done.error == f"error: {content['failed'][0]['error']}"
    assert "2013-12-30: nothing to score" in done.error
    line = here(*backfill(*dates)).out
    assert line.startswith("flight_quick backfill: 0 done, 0 already done, 2 failed (2013-12-30, 2013-12-31; first: ")
