"""Installed packages against the versions that `make lock` pinned."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

from pipeline.errors import RequestError
from pipeline.operate.doctor.finding import NOTED
from pipeline.runs.ledger.usage import read_clock
from pipeline.runs.session import Session

PINNED = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^\s;\\]+)( ;)?", re.MULTILINE)
"""A package with its version, and whether a marker says where it is needed."""


def other_versions(path: Path) -> tuple[list[str], list[str]]:
    """Return the packages of a requirements file that are missing here, and those that have another version."""
    missing, differing = [], []
    for name, wanted, marker in PINNED.findall(path.read_text(encoding="utf-8")):
        installed = _installed(name)
        if installed is None and not marker:  # with a marker, it may be needed on other machines only
            missing.append(f"{name} {wanted}")
        if installed not in (None, wanted):
            differing.append(f"{name} {installed} instead of {wanted}")
    return missing, differing


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


DISTRIBUTION = "bigquery-batch-ml"


MOST_SECONDS = 60.0
"""Seconds by which the clocks may differ: Google refuses credentials that were signed minutes away from its time."""


SHOWN_PACKAGES = 5


def python(version: str) -> str:
    """Say whether a version of Python is new enough."""
    needed = metadata.metadata(DISTRIBUTION)["Requires-Python"]
    have, least = (tuple(int(part) for part in re.findall(r"\d+", text)[:2]) for text in (version, needed))
    if have < least:
        raise RequestError(f"Python {version}, needed is {needed}", hint="install a newer one and run make local")
    return version


def packages(root: Path, requirements: str) -> str:
    """Compare the installed packages with the locked ones; other versions work, but may predict other numbers."""
    path = root / "requirements" / requirements
    if not path.is_file():
        return f"{NOTED}{path} is not there: versions are not compared"
    missing, differing = other_versions(path)
    if missing:
        raise RequestError(f"not installed: {_some(missing)}", hint="run make local")
    return f"{NOTED}{_some(differing)} - run make local" if differing else f"as in {path.relative_to(root)}"


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN_PACKAGES} more" if len(names) > SHOWN_PACKAGES else ""
    return ", ".join(names[:SHOWN_PACKAGES]) + more


def clock(session: Session) -> str:
    """Compare this machine's clock with BigQuery's."""
    ahead = read_clock(session).ahead
    said = f"{abs(ahead):.1f} s {'ahead of' if ahead > 0 else 'behind'} BigQuery's"
    if abs(ahead) > MOST_SECONDS:
        raise RequestError(f"this machine's clock is {said}", hint="set it, e.g. by NTP, or credentials are refused")
    return said if ahead else "no difference to BigQuery's"
