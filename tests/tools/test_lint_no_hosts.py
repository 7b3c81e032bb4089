"""The lint finds addresses of package indexes and paths of one machine in files of the repository."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.programs import program
from tools.lint_no_hosts import check, repository_files

ROOT = Path(__file__).resolve().parents[2]
HOST = "https://" + "index.example/simple"  # put together so that this file passes its own lint


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (f"--index-url {HOST}", "address of a package index"),
        (f"--extra-index-url={HOST}", "address of a package index"),
        (f'registry = "{HOST}', "address of a package index"),
        ("see https://pypi.org/" + "simple/six", "address of a package index"),
        ("url: files.python" + "hosted.org", "address of a package index"),
        ("cd /" + "work/main", "path of one machine"),
        ("PATH=x:/" + "root/bin", "path of one machine"),
        ('open("/' + 'Users/me/x")', "path of one machine"),
    ],
)
def test_addresses_and_machine_paths_are_found(tmp_path, line, message):
    path = tmp_path / "file.txt"
    path.write_text(f"fine\n{line}\n")
    assert list(check([path])) == [(path.as_posix(), 2, message)]


@pytest.mark.parametrize(
    "line",
    [
        "--no-emit-index-url",
        "https://www.apache.org/licenses/",
        "frame" + "work/main",
        "./" + "work/x",
        "$HOME/" + "root/x",
        "/tmp/x",
    ],
)
def test_other_lines_pass(tmp_path, line):
    path = tmp_path / "file.txt"
    path.write_text(line)
    assert list(check([path])) == []


def test_binary_and_missing_files_are_not_read(tmp_path):
    binary = tmp_path / "model.joblib"
    binary.write_bytes(b"\0 /" + b"work/main")
    assert list(check([binary, Path("missing")])) == []


@pytest.fixture
def tree(tmp_path):
    """Return a folder with the project's .gitignore, and its files that are not ignored."""
    shutil.copy(ROOT / ".gitignore", tmp_path)
    kept = [".github/ci.yml", "a b/ü.py", "builder/x.py", "README.md", ".gitignore"]
    ignored = [
        ".venv/bin/x",
        "build/x.py",
        "jobs/__pycache__/x.pyc",
        "p.egg-info/PKG-INFO",
        ".coverage.host.1",
        "x.swp",
    ]
    for name in (*kept, *ignored):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path, sorted(tmp_path / name for name in kept)


def test_without_a_repository_gitignore_decides(tree):
    root, kept = tree
    assert sorted(repository_files(root)) == kept


def test_with_git_and_without_the_program_the_files_are_the_same(tree, monkeypatch):
    root, kept = tree
    subprocess.run([program("git"), "init", "--quiet", str(root)], check=True)
    assert sorted(repository_files(root)) == kept
    monkeypatch.setenv("PATH", "")
    assert sorted(repository_files(root)) == kept


def test_enclosing_repository_hides_nothing(tree):
    root, _ = tree
    subprocess.run([program("git"), "init", "--quiet", str(root)], check=True)
    inner = root / "build" / "archive"
    inner.mkdir()
    shutil.copy(ROOT / ".gitignore", inner)
    (inner / "README.md").touch()
    assert sorted(repository_files(inner)) == [inner / ".gitignore", inner / "README.md"]
