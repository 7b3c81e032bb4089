"""Refuse addresses of package indexes and paths of one machine in the files of the repository.

Usage: python -m tools.lint_no_hosts [FILE ...]
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from tools.findings import Finding, report

RULES = {
    # The brackets keep this line from finding itself.
    "address of a package index": re.compile(
        r"index(-url)?[ =]+\S*://|registry *= *\"http|files[.]pythonhosted|pypi[.]org/simple"
    ),
    "path of one machine": re.compile(r"(^|[^\w.$])/(work|farm|root|Users)/"),
}


def repository_files() -> list[Path]:
    """Return the files that git tracks or would track; without git, all outside hidden folders."""
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    try:
        names = subprocess.run(listing, capture_output=True, text=True, check=True).stdout.split("\0")
    except (OSError, subprocess.CalledProcessError):
        return [path for path in Path().rglob("*") if not any(part.startswith(".") for part in path.parts[:-1])]
    return [Path(name) for name in names if name]


def check(files: Iterable[Path]) -> Iterator[Finding]:
    """Yield the lines that break a rule; binary files are not read."""
    for path in files:
        if not path.is_file() or path.suffix == ".svg" or b"\0" in path.read_bytes()[:8192]:
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
            for what, pattern in RULES.items():
                if pattern.search(line):
                    yield Finding(path.as_posix(), number, what)


if __name__ == "__main__":
    sys.exit(report(check(map(Path, sys.argv[1:]) if sys.argv[1:] else repository_files())))
