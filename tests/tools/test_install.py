"""Installations are recognised by digests, a failed step leaves no mark, and pip's settings reach uv."""

import subprocess
from pathlib import Path

import pytest

from tools.install import Installation, pip_settings, uv_environment, uv_flags

MIRROR = "https://" + "mirror.example/simple"


class Recorded(Installation):
    """An installation that records its commands; the first one with `broken` in it fails."""

    def __init__(self, root: Path, broken: str = "") -> None:
        super().__init__(root)
        self.commands: list[str] = []
        self.broken = broken

    def run(self, *command: str | Path, environment: dict[str, str] | None = None) -> None:  # noqa: ARG002
        text = " ".join(str(part) for part in command)
        self.commands.append(text)
        if self.broken and self.broken in text:
            raise subprocess.CalledProcessError(1, list(command))
        if " venv " in text:
            self.python.parent.mkdir(parents=True)
            self.python.write_text("#!/bin/sh\n")  # `pip config list` prints nothing
            self.python.chmod(0o755)


@pytest.fixture
def checkout(tmp_path):
    (tmp_path / "requirements").mkdir()
    (tmp_path / "tools").mkdir()
    for name in (
        "requirements/bootstrap.txt",
        "requirements/local.txt",
        "requirements/dev.txt",
        "pyproject.toml",
        "tools/install.py",
    ):
        (tmp_path / name).write_text(name)
    return tmp_path


def installed(checkout: Path, name: str) -> list[str]:
    installation = Recorded(checkout)
    installation.ensure(name)
    return installation.commands


def test_the_first_call_installs_and_the_second_does_nothing(checkout):
    first = installed(checkout, "local")
    assert [
        word in line for word, line in zip((" venv ", "bootstrap.txt", "local.txt", "--editable"), first, strict=True)
    ] == [True] * 4
    assert installed(checkout, "local") == []


def test_packages_are_installed_by_hash(checkout):
    *packages, project = [line for line in installed(checkout, "dev") if " install " in line or " sync " in line]
    assert all("--require-hashes" in line for line in packages)
    assert "--no-deps --no-build-isolation" in project


def test_the_larger_set_stays(checkout):
    installed(checkout, "local")
    assert any("dev.txt" in line for line in installed(checkout, "dev"))
    assert installed(checkout, "local") == []
    (checkout / "requirements/dev.txt").write_text("newer")
    assert any("dev.txt" in line for line in installed(checkout, "local"))


@pytest.mark.parametrize("name", ["requirements/local.txt", "pyproject.toml"])
def test_a_changed_lock_is_installed_into_the_same_environment(checkout, name):
    installed(checkout, "local")
    (checkout / name).write_text("newer")
    again = installed(checkout, "local")
    assert any("local.txt" in line for line in again)
    assert not any(" venv " in line for line in again)


def test_changed_uv_or_moved_checkout_makes_a_new_environment(checkout, tmp_path_factory):
    installed(checkout, "local")
    (checkout / "requirements/bootstrap.txt").write_text("newer")
    assert " venv " in installed(checkout, "local")[0]
    moved = checkout.rename(tmp_path_factory.mktemp("elsewhere") / "moved")
    assert " venv " in installed(moved, "local")[0]


@pytest.mark.parametrize("broken", ["bootstrap.txt", "local.txt", "--editable"])
def test_a_failed_step_is_done_again(checkout, broken):
    with pytest.raises(subprocess.CalledProcessError):
        Recorded(checkout, broken).ensure("local")
    assert any(broken in line for line in installed(checkout, "local"))


def test_settings_of_pip_are_read_with_the_environment_last():
    lines = [
        f":env:.index-url='{MIRROR}'",
        "global.index-url='x'",
        "global.timeout='60'",
        "freeze.timeout='1'",
    ]
    assert pip_settings("\n".join(lines)) == {"index-url": MIRROR, "timeout": "60"}


def test_settings_of_pip_reach_uv_and_its_own_win():
    settings = {"index-url": MIRROR, "extra-index-url": "\na\nb", "find-links": "c d", "cert": "ca.pem"}
    environment = uv_environment(settings, {"HOME": "h", "SSL_CERT_FILE": "mine.pem"})
    assert environment == {
        "HOME": "h",
        "SSL_CERT_FILE": "mine.pem",
        "UV_DEFAULT_INDEX": MIRROR,
        "UV_INDEX": "a b",
        "UV_INDEX_STRATEGY": "unsafe-best-match",
        "UV_FIND_LINKS": "c,d",
    }


def test_without_settings_the_environment_stays_as_it_is():
    assert uv_environment({}, {"HOME": "h"}) == {"HOME": "h"}
    assert uv_flags({}, {"HOME": "h"}) == (["--quiet"], [])


def test_bytecode_is_compiled_where_python_must_not_write_it():
    assert uv_flags({}, {"PYTHONDONTWRITEBYTECODE": "1"}) == (["--quiet"], ["--compile-bytecode"])


def test_no_index_reaches_uv():
    assert uv_flags({"no-index": "1"}, {}) == (["--quiet", "--no-index"], [])
