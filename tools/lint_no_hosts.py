"""Refuse addresses of package indexes and paths of one machine in the files of the repository.

Usage: python -m tools.lint_no_hosts [FILE ...]
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatch
from pathlib import Path

from tools.findings import Finding, report

RULES = {
    # The brackets prevent that this line matches itself.
    "address of a package index": re.compile(
        r"index(-url)?[ =]+\S*://|registry *= *\"http|files[.]pythonhosted|pypi[.]org/simple"
    ),
    "path of one machine": re.compile(r"(^|[^\w.$])/(work|farm|root|Users)/"),
}


def repository_files(root: Path = Path()) -> list[Path]:
    """Return the files that git tracks or would track; without git, those that .gitignore does not name."""
    listing = ["git", "-C", str(root), "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    if (root / ".git").exists():  # an enclosing repository may ignore this folder
        try:
            names = subprocess.run(listing, capture_output=True, text=True, check=True).stdout.split("\0")
        except (OSError, subprocess.CalledProcessError):  # no git, or a checkout of another user
            pass
        else:
            return [root / name for name in names if name]
    lines = (root / ".gitignore").read_text(encoding="utf-8").splitlines()
    ignored = [".git", *(line.rstrip("/") for line in lines if line and not line.startswith("#"))]
    return list(walk(root, ignored))


def walk(folder: Path, ignored: Sequence[str]) -> Iterator[Path]:
    """Yield the files below a folder, without ignored names and without folders of such names."""
    for path in sorted(folder.iterdir()):
        if any(fnmatch(path.name, pattern) for pattern in ignored):
            continue
        if path.is_dir() and not path.is_symlink():
            yield from walk(path, ignored)
        else:
            yield path


def check(files: Iterable[Path]) -> Iterator[Finding]:
    """Yield the lines that break a rule; binary files are skipped."""
    for path in files:
        if not path.is_file() or path.suffix == ".svg" or b"\0" in path.read_bytes()[:8192]:
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
            for message, pattern in RULES.items():
                if pattern.search(line):
                    yield Finding(path.as_posix(), number, message)


if __name__ == "__main__":
    sys.exit(report(check(map(Path, sys.argv[1:]) if sys.argv[1:] else repository_files())))
