"""The Dockerfile: content and user of the image, and how `make image-steps` reads it."""

from __future__ import annotations

import fnmatch
import re
import subprocess
from pathlib import Path

import pytest

from pipeline.project.code import git_commit
from tests.support.programs import program
from tools.code_digest import code_digest
from tools.commit import name_commit
from tools.dockerfile import Instruction, stages_of
from tools.image_steps import Image

ROOT = Path(__file__).resolve().parents[2]
STAGES = stages_of((ROOT / "Dockerfile").read_text(encoding="utf-8"))
BUILD, FINAL = STAGES
IGNORED = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]


def test_dockerfile_passes_hadolint():
    command = [program("hadolint"), "Dockerfile"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_two_stages_of_one_base_that_can_be_pinned():
    text = (ROOT / "Dockerfile").read_text()
    assert re.findall(r"^FROM (.*)$", text, re.MULTILINE) == ["${PYTHON_IMAGE} AS build", "${PYTHON_IMAGE}"]
    assert re.search(r"^ARG PYTHON_IMAGE=python:3\.11-slim", text, re.MULTILINE)


def test_packages_come_with_hashes_or_not_from_outside():
    runs = [part for instruction in BUILD.of("RUN") for part in instruction.rest.split("&&")]
    installs = [part for part in runs if " pip install " in part]
    assert len(installs) == 3
    assert all("--require-hashes" in part or "--no-index" in part for part in installs)
    assert FINAL.of("RUN") == []


def test_image_runs_as_a_number_that_is_not_root():
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", FINAL.of("USER")[0].rest)
    names = [instruction.name for instruction in FINAL.instructions]
    assert names.index("USER") > max(place for place, name in enumerate(names) if name == "COPY")


def test_no_shell_is_between_the_signal_and_the_pipeline():
    assert FINAL.of("ENTRYPOINT")[0].exec_form == ["pipeline"]
    assert FINAL.of("CMD") == []


def test_labels_say_commit_and_code():
    labels = {name: value for label in FINAL.of("LABEL") for name, value in label.pairs.items()}
    assert (labels["org.opencontainers.image.revision"], labels["code-digest"]) == ("${COMMIT}", "${CODE_DIGEST}")


def test_temporary_files_go_to_tmp():
    environment = {name: value for variable in FINAL.of("ENV") for name, value in variable.pairs.items()}
    assert (environment["HOME"], environment["TMPDIR"]) == ("/tmp", "/tmp")
    assert environment["PYTHONDONTWRITEBYTECODE"] == "1"


def test_builder_gets_the_copied_files_and_no_others():
    copies = [copy for stage in STAGES for copy in stage.of("COPY") if not copy.rest.startswith("--from=")]
    copied = {word.rstrip("/") for copy in copies for word in copy.words[:-1]}
    sent = {line.removeprefix("!") for line in IGNORED if line.startswith("!")}
    assert copied == sent
    assert all((ROOT / name).exists() for name in copied)
    assert IGNORED[0] == "*"
    kept_out = ("tests", ".git", ".venv", ".local", ".env")
    assert not [name for name in kept_out if any(fnmatch.fnmatch(name, pattern) for pattern in sent)]


def test_continued_lines_are_joined_and_comments_dropped():
    (stage,) = stages_of(
        'ARG A=1\nFROM x AS y\n# no\nRUN a \\\n  # neither\n  && b\nENV A=1 B="two words"\nENTRYPOINT ["c"]\n'
    )
    assert stage.name == "y"
    assert stage.of("RUN") == [Instruction("RUN", "a && b")]
    assert stage.of("ENV")[0].pairs == {"A": "1", "B": "two words"}
    assert stage.of("ENTRYPOINT")[0].exec_form == ["c"]
    assert stage.of("RUN")[0].exec_form is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/opt/x/bin/y -r a/build.txt", "{0}/opt/x/bin/y -r a/build.txt"),
        ("cd /app && ls ./tmp", "cd {0}/app && ls ./tmp"),
    ],
)
def test_paths_of_the_image_become_paths_below_a_folder(tmp_path, text, expected):
    assert Image(tmp_path)._text(text) == expected.format(tmp_path)


def test_image_without_a_commit_is_labelled_unknown(tmp_path, capsys):
    assert name_commit(tmp_path) == "unknown"
    assert tuple(capsys.readouterr()) == (
        "",
        f"commit: none is known: {tmp_path} is not a git checkout - the image is labelled `unknown`\n",
    )
    (tmp_path / "COMMIT").write_text("0a" * 20 + "-dirty\n")
    git_commit.cache_clear()
    assert (name_commit(tmp_path), capsys.readouterr().err) == ("0a" * 20 + "-dirty", "")


def test_the_code_digest_is_that_of_all_jobs():
    assert re.fullmatch(r"[0-9a-f]{16}", code_digest(ROOT))
