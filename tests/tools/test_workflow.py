"""`.github/workflows/ci.yml`: its targets exist, its actions are pinned, and its machines are the documented ones."""

from __future__ import annotations

import json
import re
import tomllib
from itertools import product
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
WORKFLOW = yaml.safe_load(TEXT)
JOBS = WORKFLOW["jobs"]
JOB = JOBS["machine"]
STEPS = [step for job in JOBS.values() for step in job["steps"]]
MATRIX = JOB["strategy"]["matrix"]
MACHINES = {"ubuntu-24.04", "ubuntu-24.04-arm", "macos-15"}


def targets() -> set[str]:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    return {name for line in re.findall(r"^([a-z][a-z -]*):", text, re.MULTILINE) for name in line.split()}


def left_by(excluded: list[dict[str, str]]) -> set[tuple[str, str]]:
    """Return pairs of Python and machine that no entry of `exclude` matches."""
    pairs = product(MATRIX["python"], MATRIX["machine"])
    every = [{"python": python, "machine": machine} for python, machine in pairs]
    return {
        (pair["python"], pair["machine"])
        for pair in every
        if not any(entry.items() <= pair.items() for entry in excluded)
    }


def test_every_step_is_an_action_or_targets_of_the_makefile():
    runs = [step["run"] for step in STEPS if "uses" not in step]
    words = [re.sub(r"\$\{\{.*?\}\}", "", run).split() for run in runs]
    assert [first for first, *_ in words] == ["make"] * len(runs)
    called = {word for _, *rest in words for word in rest if "=" not in word}
    assert called <= targets()
    assert {"lint", "types", "test", "demo", "faults"} <= called
    assert all("PYTHON=python" in run for run in runs)  # not another Python of the machine
    assert all(step["run"].endswith("PYTHON=python${{ matrix.python }}") for step in JOB["steps"] if "run" in step)


def test_actions_are_pinned_by_commit_and_say_their_version():
    lines = [line.partition("uses:")[2].strip() for line in TEXT.splitlines() if "uses:" in line]
    assert len(lines) == sum("uses" in step for step in STEPS)
    assert all(re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line) for line in lines)


def test_it_may_read_the_repository_and_nothing_else():
    assert WORKFLOW["permissions"] == {"contents": "read"}
    assert list(JOBS) == ["machine", "faults"]
    assert not any("permissions" in job for job in JOBS.values())
    assert "secrets." not in TEXT


def test_its_machines_are_the_named_ones():
    assert set(MATRIX["machine"]) == MACHINES
    classifiers = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["classifiers"]
    named = [name.rpartition(" ")[2] for name in classifiers if re.search(r":: Python :: \d\.\d+$", name)]
    assert MATRIX["python"] == named


def test_all_of_them_once_a_week_and_four_corners_on_each_push():
    condition, push, otherwise = re.fullmatch(
        r"\$\{\{ fromJSON\(\((.*)\) && '(.*)' \|\| '(.*)'\) \}\}", MATRIX["exclude"]
    ).groups()
    assert condition == "github.event_name == 'push' || github.event_name == 'pull_request'"
    assert len(left_by(json.loads(otherwise))) == 12
    corners = left_by(json.loads(push))
    assert len(corners) == 4
    assert {python for python, _ in corners} == {MATRIX["python"][0], MATRIX["python"][-1]}
    assert {machine for _, machine in corners} == MACHINES
    (at,) = WORKFLOW[True]["schedule"]  # `on` is a truth value in YAML 1.1
    assert at["cron"].split()[2:4] == ["*", "*"]
    assert at["cron"].split()[4] in "0123456"


def test_kill_points_run_once_a_week_and_by_hand():
    job = JOBS["faults"]
    assert job["if"] == "github.event_name == 'schedule' || github.event_name == 'workflow_dispatch'"
    (minutes,) = (int(match[1]) for step in job["steps"] if (match := re.search(r"MINUTES=(\d+)", step.get("run", ""))))
    assert job["timeout-minutes"] >= minutes + 30
    assert job["runs-on"] in MACHINES


def test_caches_are_kept_by_the_locks():
    (cache,) = (step["with"] for step in JOB["steps"] if step.get("uses", "").startswith("actions/cache@"))
    assert "hashFiles('requirements/*.txt')" in cache["key"]
    assert all(f"matrix.{name} " in cache["key"] for name in ("machine", "python"))
