"""Programs that some platforms lack."""

from __future__ import annotations

import pytest

from tools.programs import find_program, is_required


def program(name: str) -> str:
    """Return the path of a program; without it, the test is skipped, or fails in continuous integration."""
    return found_or_skipped(name, find_program(name))


def found_or_skipped(name: str, path: str | None) -> str:
    """Return the path of a program; without a path, skip or fail the test."""
    if path is None:
        if is_required(name):
            pytest.fail(f"{name} is not installed, and CI=true requires it")
        pytest.skip(f"{name} is not installed on this machine: install it to run this test")
    return path
