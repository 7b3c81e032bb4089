"""Refuse Python loops over the rows of a table: column operations or SQL are a hundred times faster.

Usage: python -m tools.lint_row_loops [FOLDER ...]
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator

from tools.findings import Finding, lint_python

ADVICE = "use column operations or SQL"
ROW_CALLS = {"iterrows", "itertuples", "iter_rows", "map_rows", "applymap"}
ROW_SEQUENCES = {
    "to_dicts",
    "to_numpy",
    "to_records",
}  # refused in a loop; `row_sequence` also finds to_dict("records")
WRAPPERS = {"enumerate", "zip", "list", "tuple", "sorted", "reversed", "tqdm", "track"}


def argument(call: ast.Call, position: int, name: str) -> object:
    """Return the constant argument of a call, by position or by name, or None."""
    nodes = [keyword.value for keyword in call.keywords if keyword.arg == name] + call.args[position : position + 1]
    return nodes[0].value if nodes and isinstance(nodes[0], ast.Constant) else None


def row_call(call: ast.Call) -> str:
    """Return the problem of a call, or an empty text."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    if name in ROW_CALLS:
        return f"{name}() goes row by row"
    if name == "apply" and argument(call, 1, "axis") in (1, "columns"):
        return "apply() with axis=1 goes row by row"
    return ""


def row_sequence(node: ast.expr) -> str:
    """Return the row-wise sequence of a loop, or an empty text."""
    if isinstance(node, ast.Attribute) and node.attr == "values":
        return ".values"
    if not isinstance(node, ast.Call):
        return ""
    if isinstance(node.func, ast.Name) and node.func.id in WRAPPERS:
        return next(filter(None, map(row_sequence, node.args)), "")
    name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
    if name == "to_dict" and argument(node, 0, "orient") == "records":
        return '.to_dict("records")'
    return f".{name}()" if name in ROW_SEQUENCES else ""


def check(tree: ast.AST, path: str) -> Iterator[Finding]:
    """Yield the row loops of one module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and (wrong := row_call(node)):
            yield Finding(path, node.lineno, f"{wrong}: {ADVICE}")
        if isinstance(node, ast.For | ast.AsyncFor | ast.comprehension) and (rows := row_sequence(node.iter)):
            yield Finding(path, node.iter.lineno, f"a loop over {rows} goes row by row: {ADVICE}")


if __name__ == "__main__":
    sys.exit(lint_python(check))
