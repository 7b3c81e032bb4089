"""The emulator's own rules of translation, which it asks one after the other about each word of a statement."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlglot import exp

Apply = Callable[[Any, exp.Expr, exp.Expr], bool]
LEAVES = (exp.Identifier, exp.Column, exp.Literal, exp.Alias)
"""Words for which there is no rule, and which are most of a statement."""


def without_leaves(apply: Apply) -> Apply:
    """Return how rules are applied, with a short way past words that have none."""

    def applied(translator: Any, node: exp.Expr, tree: exp.Expr) -> bool:
        return not isinstance(node, LEAVES) and apply(translator, node, tree)

    return applied
