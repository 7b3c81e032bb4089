"""Refuse SQL text in Python: statements belong into `sql/` and `udf/`, where they are versioned, checked and tested.

`pipeline/emulators` is not checked, because its SQL is for the database inside an emulator, not for BigQuery.
Usage: python -m tools.lint_sql [FOLDER ...]
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator

from tools.findings import Finding, lint_python

STATEMENT = re.compile(
    r"\s*(SELECT\s.*\sFROM|WITH\s+\w+\s+AS\s*\(|INSERT\s+(INTO\s)?|MERGE\s+(INTO\s)?[`\w{]|DELETE\s+FROM|UPDATE\s.*\sSET|"
    r"(CREATE|DROP|ALTER)\s+(OR\s+REPLACE\s+)?(TABLE|VIEW|FUNCTION|SCHEMA)\s+(IF\s+(NOT\s+)?EXISTS\s+)?[`\w{])",
    re.DOTALL,
)
NOT_CHECKED = "pipeline/emulators/"


def check(tree: ast.AST, path: str) -> Iterator[Finding]:
    """Yield the texts of a file that begin like a statement; docstrings are skipped."""
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    texts = (
        node for node in ast.walk(tree) if isinstance(node, ast.Constant | ast.JoinedStr) and id(node) not in prose
    )
    lines = {node.lineno for node in texts if STATEMENT.match(_text(node))}
    for line in sorted(lines) if not path.startswith(NOT_CHECKED) else ():
        yield Finding(path, line, "SQL in Python: move it to a file below sql/ and render it")


def _text(node: ast.AST) -> str:
    """Return the text of a string, with {} for each inserted value."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
    return ""


if __name__ == "__main__":
    sys.exit(lint_python(check))
