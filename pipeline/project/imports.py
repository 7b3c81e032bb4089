"""Imports Python objects by path (`package.module:name`), as YAML files name them."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

from pipeline.errors import RequestError


def use_project_root(root: Path) -> None:
    """Make the package `jobs` of a project folder importable."""
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))


def can_import_jobs(root: Path, besides: str) -> None:
    """Make the jobs of a folder importable, with the lowest priority, if it has any.

    Parameters
    ----------
    besides
        A folder that must not be used because it is not trusted: a bundle is a folder with jobs, too.
    """
    root = root.resolve()
    if (root / "jobs").is_dir() and root != Path(besides).resolve() and str(root) not in sys.path:
        sys.path.append(str(root))


def import_object(path: str) -> Any:
    """Return the object at `package.module:name`.

    Raises
    ------
    RequestError
        The module or the name does not exist, or the module's own code fails.
    """
    module_name, _, name = path.partition(":")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        hint = "install the package or fix the path"
        raise RequestError(f"cannot import {path}: no module named {error.name}", hint=hint) from error
    except Exception as error:
        what = f"cannot import {path}: {type(error).__name__}: {error}"
        raise RequestError(what, hint="fix the module; pipeline --verbose shows the line") from error
    if not hasattr(module, name):
        raise RequestError(f"cannot import {path}: {module_name} has no {name}", hint="fix the path")
    return getattr(module, name)
