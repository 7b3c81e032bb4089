"""Checks of this machine: Python, the installed packages against the versions that `make lock` pinned, the clock."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

from pipeline.errors import RequestError
from pipeline.operate.doctor.result import NOTED
from pipeline.runs.ledger.usage import read_clock
from pipeline.runs.session import Session

DISTRIBUTION = "bigquery-batch-ml"

PINNED = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^\s;\\]+)( ;)?", re.MULTILINE)
"""A package with its version, and whether a marker limits where it is needed."""

MOST_SECONDS = 60.0
"""Most seconds by which the clocks may differ: Google refuses credentials that are signed minutes off its time."""

SHOWN_PACKAGES = 5


def check_python(version: str) -> str:
    """Return a version of Python that is new enough.

    Raises
    ------
    RequestError
        The version is too old.
    """
    needed = metadata.metadata(DISTRIBUTION)["Requires-Python"]
    have, least = (tuple(int(part) for part in re.findall(r"\d+", text)[:2]) for text in (version, needed))
    if have < least:
        raise RequestError(f"Python {version}, needed is {needed}", hint="install a newer one and run make local")
    return version


def check_packages(root: Path, requirements: str) -> str:
    """Compare the installed packages with the locked ones; other versions work, but may predict other numbers.

    Raises
    ------
    RequestError
        A package is missing.
    """
    path = root / "requirements" / requirements
    if not path.is_file():
        return f"{NOTED}{path} is missing: versions are not compared"
    missing, differing = other_versions(path)
    if missing:
        raise RequestError(f"not installed: {_some(missing)}", hint="run make local")
    return f"{NOTED}{_some(differing)} - run make local" if differing else f"as in {path.relative_to(root)}"


def other_versions(path: Path) -> tuple[list[str], list[str]]:
    """Return the packages of a requirements file that are missing here, and those with another version."""
    missing, differing = [], []
    for name, wanted, marker in PINNED.findall(path.read_text(encoding="utf-8")):
        try:
            installed = metadata.version(name)
        except metadata.PackageNotFoundError:
            if not marker:  # with a marker, it may be needed on other machines only
                missing.append(f"{name} {wanted}")
            continue
        if installed != wanted:
            differing.append(f"{name} {installed} instead of {wanted}")
    return missing, differing


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN_PACKAGES} more" if len(names) > SHOWN_PACKAGES else ""
    return ", ".join(names[:SHOWN_PACKAGES]) + more


def check_clock(session: Session) -> str:
    """Compare this machine's clock with BigQuery's.

    Raises
    ------
    RequestError
        They differ by more than a minute.
    """
    ahead = read_clock(session).ahead  # seconds
    difference = f"{abs(ahead):.1f} s {'ahead of' if ahead > 0 else 'behind'} BigQuery's"
    if abs(ahead) > MOST_SECONDS:
        hint = "set it, e.g. by NTP: Google refuses credentials of another time"
        raise RequestError(f"this machine's clock is {difference}", hint=hint)
    return difference if ahead else "no difference to BigQuery's"
