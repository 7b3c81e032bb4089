"""Makefile and shell scripts use only features of macOS: GNU Make 3.81, bash 3.2 and BSD tools."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tools.lint_shell import BASH, BSD, MAKE, check, is_makefile, is_script, main

ROOT = Path(__file__).resolve().parents[2]
FIRST = "#!/usr/bin/env bash\n"
IN_MAKEFILE = [
    "\t@$(MAKE) --jobs=2 --output-sync=target lint",
    "NAME != date",
    "NAME ::= x",
    "TEXT = $(file <name)",
    ".ONESHELL:",
    "undefine NAME",
    "a b &: c",
    "NAME = $(shell grep -c '#' name)",
]
IN_SCRIPTS = [
    "mapfile -t names <list",
    "declare -A ports",
    'echo "${name,,}"',
    'echo "${name@Q}"',
    'echo "${names[-1]}"',
    "make |& tee log",
    "[[ -v name ]]",
    "wait -n",
    "coproc cat",
    "exec {lock}>file",
    "shopt -s globstar",
    'echo "$EPOCHSECONDS"',
    "printf '%(%F)T'",
]
ANYWHERE = [
    "sed -i s/a/b/ file",
    "stat -c %s file",
    "date -d yesterday",
    "readlink -f file",
    "grep -oP x file",
    "ls | xargs -r rm",
    "find . -name x -printf %p",
    "head -n -1 file",
    "base64 -w 0 file",
    "x=$(nproc )",
    "cat /proc/meminfo",
    "cp -r --parents a b",
]
FINE = [
    "\t@$(MAKE) $(if $(filter output-sync,$(.FEATURES)),--jobs=2 --output-sync=target) lint",
    "NAME ?= $(shell date +%Y)",
    'mkdir -p "$folder" && sed -n -e s/a/b/p file | sort -u | head -n 3',
    'cd -- "$(dirname -- "${BASH_SOURCE[0]}")"',
    'echo "${name#*=} ${name:-none} ${!#}" >&2',
    "gcloud run jobs replace x --project=y | cat",
    "date -u +%Y-%m-%dT%H:%M:%SZ",
    "# readlink -f in a comment",
]


@pytest.mark.parametrize(
    ("line", "rules"), [*((line, MAKE) for line in IN_MAKEFILE), *((line, BSD) for line in ANYWHERE)]
)
def test_features_that_make_of_macos_lacks_are_found(tmp_path, line, rules):
    path = tmp_path / "Makefile"
    path.write_text(f"fine:\n{line}\n")
    (found,) = check(path)
    assert found.line == 2
    assert found.message in rules


@pytest.mark.parametrize(
    ("line", "rules"), [*((line, BASH) for line in IN_SCRIPTS), *((line, BSD) for line in ANYWHERE)]
)
def test_features_that_bash_of_macos_lacks_are_found(tmp_path, line, rules):
    path = tmp_path / "script"
    path.write_text(f"{FIRST}{line}\n")
    (found,) = check(path)
    assert found.line == 2
    assert found.message in rules


def test_every_rule_finds_a_line(tmp_path):
    lines = {"Makefile": [*IN_MAKEFILE, *ANYWHERE], "script": [*IN_SCRIPTS, *ANYWHERE]}
    for name, written in lines.items():
        (tmp_path / name).write_text("\n".join([FIRST, *written]))
    found = {finding.message for name in lines for finding in check(tmp_path / name)}
    assert found == {*MAKE, *BASH, *BSD}


@pytest.mark.parametrize("name", ["Makefile", "script"])
@pytest.mark.parametrize("line", FINE)
def test_features_of_macos_pass(tmp_path, name, line):
    path = tmp_path / name
    path.write_text(f"{line}\n")
    assert list(check(path)) == []


def test_an_array_that_may_be_empty_needs_a_guard(tmp_path):
    path = tmp_path / "script"
    path.write_text(
        f'{FIRST}names=()\nrm "${{names[@]}}"\nrm ${{names[@]+"${{names[@]}}"}}\nothers=(a)\nrm "${{others[@]}}"\n'
    )
    assert [found.line for found in check(path)] == [3]


def test_script_for_linux_only_is_not_checked(tmp_path):
    path = tmp_path / "script"
    path.write_text(f"{FIRST}# Linux only: it needs /proc.\ncat /proc/meminfo\n")
    assert list(check(path)) == []


def test_files_are_known_by_name_or_first_line(tmp_path):
    texts = {"run": FIRST, "posix": "#!/bin/sh\n", "python": "#!/usr/bin/env python3\n", "plain": "echo\n"}
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    assert [name for name in texts if is_script(tmp_path / name)] == ["run", "posix"]
    assert is_makefile(Path("Makefile"))


def test_the_repository_has_no_such_line(monkeypatch, capfd):
    monkeypatch.chdir(ROOT)
    assert main([]) == 0, capfd.readouterr()


def test_empty_array_of_an_older_ci_run_is_found(monkeypatch, capfd, tmp_path):
    """`.ci/run` had these lines before it was checked for bash 3.2."""
    path = tmp_path / "run"
    path.write_text(f'{FIRST}as_root=()\n[ "$(id -u)" -eq 0 ] || as_root=(sudo)\n"${{as_root[@]}}" apt-get update\n')
    assert main([str(path)]) == 1
    assert "run:4: bash 3.2 treats an empty array as unbound" in capfd.readouterr().out


@pytest.mark.parametrize(("features", "at_once"), [("output-sync", True), ("order-only second-expansion", False)])
def test_make_test_runs_lint_and_types_with_any_make(features, at_once):
    command = ["make", "--dry-run", "test", f".FEATURES={features}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    (line,) = (line for line in done.stdout.splitlines() if line.endswith(" lint types"))
    assert ("--jobs=2 --output-sync=target" in line) == at_once
