"""Loads the model of a verified bundle: nothing is unpickled or imported before every file has been compared."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

from pipeline.base.strict_yaml import read_yaml
from pipeline.errors import RequestError, quoted
from pipeline.model_config import ModelConfig
from pipeline.models.bundle.info import MODEL_FILE, BundleInfo
from pipeline.models.interface import Model
from pipeline.project.code import library_versions
from pipeline.project.user_code import code_of, place_of, repeatable


def load_verified(
    folder: Path, info: BundleInfo, warn: Callable[[str], object] = warnings.warn
) -> tuple[Model, ModelConfig]:
    """Load the model of a bundle whose files have been verified.

    Parameters
    ----------
    warn
        Gets a line if versions differ from those in training.

    Raises
    ------
    RequestError
        The model's class cannot be imported.
    """
    model, others = _unpickled(folder, info), _other_versions(info)
    if others:
        what = f"{info.content['variant']}: trained with {others}: its predictions may differ"
        warn(f"{what}; install these versions, or train again")
    return model, read_yaml(folder / "variant.yaml", ModelConfig)


@contextmanager
def using_code(folder: Path) -> Iterator[None]:
    """Make the job's code in a verified bundle importable, in place of other code of that name.

    Modules of the same jobs that were imported from elsewhere are restored afterwards.
    """
    own = [f"jobs.{path.stem}" for path in (folder / "jobs").glob("*") if path.is_dir() or path.suffix == ".py"]
    if not own:  # made without a job
        yield
        return
    found = find_spec("jobs")
    elsewhere = found.submodule_search_locations or [] if found else []
    aside = _taken_out(own)
    _package("jobs", folder.resolve() / "jobs", *elsewhere)
    for name in own:
        if (place := folder.resolve() / name.replace(".", "/")).is_dir():
            _package(name, place)
    try:
        yield
    finally:
        _taken_out(own)
        sys.modules.update(aside)


def _package(name: str, *places: Path | str) -> None:
    """Make a package of folders: otherwise another one of the name would hide them."""
    start = Path(places[0]) / "__init__.py"
    if not start.is_file():
        package = ModuleType(name)
        package.__path__ = list(map(str, places))
        sys.modules[name] = package
    elif name == "jobs":  # a package below it is found in it
        spec = spec_from_file_location(name, start, submodule_search_locations=list(map(str, places)))
        if spec and spec.loader:
            sys.modules[name] = package = module_from_spec(spec)
            spec.loader.exec_module(package)


def _taken_out(packages: list[str]) -> dict[str, ModuleType]:
    """Remove packages, their modules and the package `jobs` from the imported modules, and return them."""

    def belongs(name: str) -> bool:
        return name == "jobs" or any(f"{name}.".startswith(f"{package}.") for package in packages)

    return {name: sys.modules.pop(name) for name in list(sys.modules) if belongs(name)}


def _unpickled(folder: Path, info: BundleInfo) -> Model:
    import joblib

    name = info.content["model"]
    with code_of(name, "unpickling"), repeatable():
        try:
            model: Model = joblib.load(folder / MODEL_FILE)
        except Exception as error:
            lacking = error.name if isinstance(error, ModuleNotFoundError) and error.name else ""
            what = f"{name}: the model cannot be loaded: {type(error).__name__}: {quoted(error)}{place_of(error)}"
            raise RequestError(what, hint=_remedy(info, lacking)) from error
    return model


def _top(module: str) -> str:
    return module.partition(".")[0]


def _remedy(info: BundleInfo, lacking: str) -> str:
    """Return the hint: the missing module with its version, or the libraries with another version than in training."""
    known, libraries = info.content["imports"], info.content["libraries"]
    wanted = {name for module, names in known.items() if lacking and _top(module) == _top(lacking) for name in names}
    if wanted:
        return f"install {', '.join(f'{name}=={libraries[name]}' for name in sorted(wanted))}"
    if lacking:
        commit, code = info.content["commit"], info.content["code_digest"]
        made = f"from commit {commit}" if commit else f"from the code with digest {code}"
        return f"put the module {lacking} on the path, {made if info.run else 'as it was in training'}"
    others = _other_versions(info)
    return f"install {others}" if others else "train again"


def _other_versions(info: BundleInfo) -> str:
    """Return what has another version than in training, with both versions; empty if nothing has."""
    then, now = info.content["libraries"], library_versions(info.content["imports"])
    return ", ".join(
        f"{name}=={then[name]} (here {now[name]})" for name in sorted(then.keys() & now) if then[name] != now[name]
    )
