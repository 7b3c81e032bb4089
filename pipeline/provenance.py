"""Where results come from: code, libraries and git commit."""

from __future__ import annotations

import subprocess
from functools import cache
from importlib import metadata
from pathlib import Path

from pipeline import ENGINE_CONTRACT
from pipeline.digests import digest_json, digest_text

NUMERIC_LIBRARIES = ("numpy", "scipy", "pandas", "pyarrow", "scikit-learn", "joblib", "polars")
"""Libraries whose version can change a prediction."""


@cache
def library_versions() -> dict[str, str]:
    """Return the installed versions of the numeric libraries."""
    return {name: metadata.version(name) for name in NUMERIC_LIBRARIES}


def code_digest(job_folder: Path) -> str:
    """Return a digest of all that can change a prediction besides SQL and configuration.

    These are the job's Python files, the versions of numeric libraries and the engine's contract number.
    """
    files = {
        str(path.relative_to(job_folder)): digest_text(path.read_text(encoding="utf-8"))
        for path in sorted(job_folder.rglob("*.py"))
    }
    return digest_json([files, library_versions(), ENGINE_CONTRACT])


@cache
def git_commit(root: Path) -> tuple[str | None, bool | None]:
    """Return the commit of a checkout and whether files differ from it; None outside a checkout."""
    commit = _git(root, "rev-parse", "HEAD")
    if commit is None:
        return None, None
    return commit, bool(_git(root, "status", "--porcelain", "--untracked-files=no"))


def _git(root: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments],
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
