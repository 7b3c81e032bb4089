"""Shared by the lints of this folder: the files that they read, and the output of their findings."""

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
        """Return the finding in the format that editors and terminals link."""
        return f"{self.path}:{self.line}: {self.message}"


def python_findings(check: Callable[[ast.AST, str], Iterator[Finding]], folders: Iterable[str]) -> Iterator[Finding]:
    """Yield the findings of `check(tree, path)` in the Python files below the folders."""
    for folder in folders:
        for path in sorted(Path(folder).rglob("*.py")):
            yield from check(ast.parse(path.read_text(encoding="utf-8"), filename=str(path)), path.as_posix())


def report(findings: Iterable[Finding]) -> int:
    """Print the findings and return the exit code."""
    count = 0
    for finding in findings:
        print(finding)
        count += 1
    return 1 if count else 0


def lint_python(check: Callable[[ast.AST, str], Iterator[Finding]]) -> int:
    """Check the folders of the command line, by default the engine and the jobs; return the exit code."""
    return report(python_findings(check, sys.argv[1:] or ENGINE_AND_JOBS))
