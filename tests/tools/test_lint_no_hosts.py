"""No file of the repository names a package index or a place that only one machine has."""

from pathlib import Path

import pytest

from tools.lint_no_hosts import check

HOST = "https://" + "index.example/simple"  # put together so that this file passes its own lint


@pytest.mark.parametrize(
    ("line", "what"),
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
def test_addresses_and_machine_paths_are_found(tmp_path, line, what):
    path = tmp_path / "file.txt"
    path.write_text(f"fine\n{line}\n")
    assert list(check([path])) == [(path.as_posix(), 2, what)]


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
