"""Refuse imports of Google clients outside the packages that own them.

import-linter treats `google` as one package, so it cannot distinguish these clients.
Usage: python -m tools.lint_clients [FOLDER ...]
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator

from tools.findings import Finding, lint_python

# A client with its generated variants (bigquery_storage_v1), and the package that may import it.
OWNERS = (
    (re.compile(r"(google\.cloud\.bigquery\w*|pandas_gbq)(\.|$)"), "pipeline.cloud.bigquery"),
    (re.compile(r"google\.cloud\.storage\w*(\.|$)"), "pipeline.cloud.storage"),
)


def imported(node: ast.Import | ast.ImportFrom) -> list[str]:
    """Return the full names that a statement imports."""
    prefix = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
    return [prefix + alias.name for alias in node.names]


def check(tree: ast.AST, path: str) -> Iterator[Finding]:
    """Yield the imports of a client that the module does not own, also those inside functions."""
    statements = (node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom))
    for node in statements:
        for name in imported(node):
            for client, owner in OWNERS:
                if client.match(name) and not path.startswith(owner.replace(".", "/") + "/"):
                    yield Finding(path, node.lineno, f"only {owner} imports {name}: call that instead")


if __name__ == "__main__":
    sys.exit(lint_python(check))
