"""Installed packages against the versions that `make lock` pinned."""

from __future__ import annotations

import re
from importlib import metadata
from pathlib import Path

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
