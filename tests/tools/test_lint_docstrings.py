"""The lint of docstrings finds a missing shape and a missing Raises section."""

import ast
from textwrap import dedent

import pytest

from tools.lint_docstrings import check

RAISES = '"""Do it.\n\n    Raises\n    ------\n    ValueError\n        Always.\n    """'


def lines(source: str) -> list[int]:
    return [finding.line for finding in check(ast.parse(dedent(source)), "pipeline/module.py")]


@pytest.mark.parametrize(
    "source",
    [
        'def f(df: pd.DataFrame) -> None:\n    """Do it."""',
        'def f() -> NDArray[np.float64]:\n    """Do it."""',
        'def f(*, m: sparse.csr_array | None) -> None:\n    """Do it."""',
        'def f() -> None:\n    """Do it."""\n    raise ValueError("no")',
        'def f() -> None:\n    """Do it."""\n    if True:\n        raise ValueError("no")',
    ],
)
def test_missing_shape_or_raises_is_found(source):
    assert lines(source) == [1]


def test_method_of_public_class_is_checked():
    assert lines('class A:\n    def f(self, df: pd.DataFrame) -> None:\n        """Do it."""') == [2]


@pytest.mark.parametrize(
    "source",
    [
        'def f(df: pd.DataFrame) -> None:\n    """Read rows, shape (rows, columns)."""',
        f"def f() -> None:\n    {RAISES}\n    raise ValueError('no')",
        'def _f(df: pd.DataFrame) -> None:\n    """Do it."""',
        'def f() -> None:\n    """Do it."""\n    def g():\n        raise ValueError("no")\n    return g',
        'def f() -> None:\n    """Do it."""\n    try:\n        g()\n    except ValueError:\n        raise',
        'def f(name: str) -> None:\n    """Do it."""',
        'def f() -> None:\n    """Do it.\n\n    Example: pipeline f\n    """\n    raise Exit(1)',
    ],
)
def test_documented_or_private_function_passes(source):
    assert lines(source) == []
