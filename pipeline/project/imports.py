"""Imports Python objects by path (`package.module:name`), as YAML files name them."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

from pipeline.errors import RequestError, quoted
from pipeline.project.user_code import place_of, settings_restored


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
        The module or the name does not exist, or the module's own code fails or ends the process.
    """
    module_name, _, name = path.partition(":")
    try:
        with settings_restored(environment=False):
            module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        hint = "install the package or fix the path"
        place = place_of(error) if error.name != module_name else ""
        raise RequestError(f"cannot import {path}: no module named {error.name}{place}", hint=hint) from error
    except (Exception, SystemExit) as error:
        what = f"cannot import {path}: {type(error).__name__}: {quoted(error)}{place_of(error)}"
        raise RequestError(what, hint="fix the module; pipeline --verbose shows the traceback") from error
    if not hasattr(module, name):
        raise RequestError(f"cannot import {path}: {module_name} has no {name}", hint="fix the path")
    return getattr(module, name)
