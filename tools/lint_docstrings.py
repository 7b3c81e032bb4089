"""Refuse public functions whose docstring lacks a shape or an error.

The docstring of a public function with a frame, an array or a sparse matrix in its signature must name a shape. That of
a public function that raises an error itself must have a Raises section. Private and nested functions are not checked,
nor is a command, whose docstring is its help text.

Usage: python -m tools.lint_docstrings [FOLDER ...]
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator

from tools.findings import Finding, lint_python

Function = ast.FunctionDef | ast.AsyncFunctionDef
TABULAR = re.compile(r"\b(DataFrame|NDArray|ndarray|Series|(?:csr|csc|coo)_(?:array|matrix)|sparray)\b")
RAISES = re.compile(r"^\s*Raises\n\s*-{3,}", re.MULTILINE)
HELP = re.compile(r"^\s*Example: pipeline ", re.MULTILINE)


def public_functions(tree: ast.AST) -> Iterator[Function]:
    """Yield the public functions of a module and the public methods of its public classes."""
    for node in getattr(tree, "body", []):
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from public_functions(node)
        elif isinstance(node, Function) and not node.name.startswith("_"):
            yield node


def own_nodes(function: Function) -> Iterator[ast.AST]:
    """Yield the nodes of a function's body, without those of functions inside it."""
    nodes: list[ast.AST] = list(function.body)
    while nodes:
        node = nodes.pop()
        yield node
        if not isinstance(node, Function | ast.Lambda | ast.ClassDef):
            nodes.extend(ast.iter_child_nodes(node))


def raises_an_error(function: Function) -> bool:
    """Tell whether a function raises an error itself; a bare `raise` passes on the error of another function."""
    return any(isinstance(node, ast.Raise) and node.exc is not None for node in own_nodes(function))


def signature(function: Function) -> str:
    """Return the annotations of a function's parameters and result as text."""
    arguments = function.args
    parameters = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    annotations = [parameter.annotation for parameter in parameters if parameter.annotation]
    return " ".join(map(ast.unparse, [*annotations, *([function.returns] if function.returns else [])]))


def check(tree: ast.AST, path: str) -> Iterator[Finding]:
    """Yield the public functions of one module whose docstring lacks a shape or a Raises section."""
    for function in public_functions(tree):
        text = ast.get_docstring(function) or ""
        if TABULAR.search(signature(function)) and "shape" not in text.lower():
            yield Finding(path, function.lineno, f"{function.name}: name the shape of its frame, array or matrix")
        if raises_an_error(function) and not (RAISES.search(text) or HELP.search(text)):
            yield Finding(path, function.lineno, f"{function.name}: it raises an error: add a Raises section")


if __name__ == "__main__":
    sys.exit(lint_python(check))
