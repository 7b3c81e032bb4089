"""Arguments of tools/bare_machine, and its settings from apt and pip; unpacking needs root and a mirror."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="a machine of Debian runs on Linux only")

SCRIPT = Path(__file__).parents[2] / "tools" / "bare_machine"
MIRROR = "https://" + "mirror.example/simple"  # put together so that the lint of addresses passes
SITES = ("http://deb.example/security", "http://deb.example/debian", "http://other.example/debian")


@pytest.fixture
def machine(tmp_path):
    """Return a function that runs the script with these sites of apt and these settings of pip."""

    def run(*arguments: str, sites: tuple[str, ...] = SITES, **pip: str) -> tuple[int, list[str]]:
        programs = tmp_path / "bin"
        programs.mkdir(exist_ok=True)
        (programs / "apt-get").write_text("#!/bin/sh\necho '{}'\n".format("\n".join(sites)))
        (programs / "apt-get").chmod(0o755)
        # Not a link: the Python of the system may have no pip, that of the environment has.
        (programs / "python3").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
        (programs / "python3").chmod(0o755)
        environment = {"PATH": f"{programs}:/usr/bin:/bin", "HOME": str(tmp_path), "PIP_CONFIG_FILE": os.devnull, **pip}
        done = subprocess.run([SCRIPT, *arguments], env=environment, capture_output=True, text=True, check=False)
        return done.returncode, (done.stdout + done.stderr).splitlines()

    return run


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "name a suite of Debian: tools/bare_machine trixie"),
        (["--no-git"], "name a suite of Debian: tools/bare_machine trixie"),
        (["../trixie"], "'../trixie' is not a suite of Debian: name trixie or forky, for example"),
        (["--keep", "trixie"], "unknown option --keep: see tools/bare_machine --help"),
        (["trixie", "--with"], None),  # a word after the suite is a command
        (["--with"], "--with needs a value"),
        (["--mirror", ""], "--mirror needs a value"),
        (["--with", "git; ls", "trixie"], "--with 'git; ls' is not the name of a Debian package"),
    ],
)
def test_arguments_that_cannot_be_right_are_refused(machine, arguments, says):
    code, lines = machine("--dry-run", *arguments)
    assert (code, lines) == (2, [f"bare_machine: {says}"]) if says else code == 0


def test_a_dry_run_says_what_would_be_done(machine, tmp_path):
    base = f"{tmp_path}/.cache/bare_machine"
    assert machine("--dry-run", "trixie") == (
        0,
        ["mirror: http://deb.example/debian", f"base: {base}/trixie", "command: make demo", "command: make test"],
    )
    assert machine("--dry-run", "--with", "git", "--with", "chromium", "--cache", "/x", "forky", "make help; ls") == (
        0,
        ["mirror: http://deb.example/debian", "base: /x/forky+git+chromium", "command: make help; ls"],
    )


def test_mirror_is_the_option_else_apts_else_public(machine):
    mirrors = [machine("--dry-run", *wanted, "trixie")[1][0] for wanted in ([], ["--mirror", "http://m.example/d"])]
    assert mirrors == ["mirror: http://deb.example/debian", "mirror: http://m.example/d"]
    assert machine("--dry-run", "trixie", sites=SITES[:1])[1][0] == "mirror: http://deb.debian.org/debian"


def handed_on(lines: list[str]) -> list[str]:
    return [line.removeprefix("handed on: ") for line in lines if line.startswith("handed on: ")]


def test_servers_are_handed_on_and_folders_are_not(machine):
    folders = {"PIP_INDEX_URL": "file:///x/simple", "PIP_FIND_LINKS": "/wheels", "PIP_CONSTRAINT": "/c.txt"}
    _, lines = machine("--dry-run", "trixie", **folders, PIP_EXTRA_INDEX_URL="file:///y /z")
    assert handed_on(lines) == []
    _, lines = machine(
        "--dry-run",
        "trixie",
        PIP_INDEX_URL=MIRROR,
        PIP_EXTRA_INDEX_URL=f"file:///y {MIRROR}/1 http://b.example/2",
        PIP_CERT="/etc/ca.pem",
        PIP_DEFAULT_TIMEOUT="60",
        https_proxy="http://proxy.example:3128",
        UNRELATED="x",
    )
    assert handed_on(lines) == [
        f"PIP_INDEX_URL={MIRROR}",
        f"PIP_EXTRA_INDEX_URL={MIRROR}/1 http://b.example/2",
        "PIP_DEFAULT_TIMEOUT=60",
        "PIP_CERT=/etc/ssl/pip.pem",
        "https_proxy=http://proxy.example:3128",
    ]


def test_pip_variables_come_before_its_files(machine, tmp_path):
    file = tmp_path / "pip.conf"
    extra = f"extra-index-url =\n    {MIRROR}/1\n    file:///x\n    {MIRROR}/2\n"
    file.write_text(f"[global]\nproxy = global.example\ntimeout = 5\n{extra}[install]\nproxy = install.example\n")
    _, lines = machine("--dry-run", "trixie", PIP_CONFIG_FILE=str(file), PIP_TIMEOUT="7")
    expected = {f"PIP_EXTRA_INDEX_URL={MIRROR}/1 {MIRROR}/2", "PIP_PROXY=install.example", "PIP_TIMEOUT=7"}
    assert expected <= set(handed_on(lines))  # pip of this machine may have more settings


def test_what_is_printed_holds_no_password(machine):
    _, lines = machine("--dry-run", "trixie", PIP_INDEX_URL="https://user:secret@" + "mirror.example/simple")
    assert handed_on(lines) == ["PIP_INDEX_URL=https://***@" + "mirror.example/simple"]


def test_an_ordinary_user_is_refused_before_anything_is_made():
    user = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
    with tempfile.TemporaryDirectory(dir="/tmp") as name:  # tmp_path of root is closed to others
        Path(name).chmod(0o755)
        script = shutil.copy(SCRIPT, name)
        done = subprocess.run([script, "trixie"], cwd="/", capture_output=True, text=True, check=False, **user)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("bare_machine: only root can")
