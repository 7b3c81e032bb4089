"""What the lints of this folder share: which files they read, and how they say what they found."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

ENGINE_AND_JOBS = ("pipeline", "jobs")


class Finding(NamedTuple):
    """One line that breaks a rule."""

    path: str
    line: int
    message: str

    def __str__(self) -> str:
        """Return the finding as editors and terminals link it."""
        return f"{self.path}:{self.line}: {self.message}"


def python_findings(check: Callable[[ast.AST, str], Iterator[Finding]], folders: Iterable[str]) -> Iterator[Finding]:
    """Yield what `check(tree, path)` finds in the Python files below the folders."""
    for folder in folders:
        for path in sorted(Path(folder).rglob("*.py")):
            yield from check(ast.parse(path.read_text(encoding="utf-8"), filename=str(path)), path.as_posix())


def report(findings: Iterable[Finding]) -> int:
    """Print the findings and return the exit code."""
    found = list(findings)
    for finding in found:
        print(finding)
    return 1 if found else 0


def lint_python(check: Callable[[ast.AST, str], Iterator[Finding]]) -> int:
    """Check the folders of the command line, by default the engine and the jobs."""
    return report(python_findings(check, sys.argv[1:] or ENGINE_AND_JOBS))
