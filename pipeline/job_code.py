"""The Python code of a job: its files, and the modules that its models import."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from importlib.util import resolve_name
from pathlib import Path
from threading import Lock

from pipeline.errors import RequestError
from pipeline.project import Job
from pipeline.provenance import code_digest
from pipeline.sql_assets import Catalogue

# CPython 3.11 counts the depth of all threads' syntax trees in one place: where garbage collection lets another thread
# parse, `ast.parse` ends in a SystemError ("AST constructor recursion depth mismatch", python/cpython issue 106905).
_PARSER = Lock()


def digest_of_code(job: Job) -> str:
    """Return a digest of all that can change a job's predictions besides SQL and configuration."""
    return code_digest(job.folder, imported_modules(job))


def imported_modules(job: Job) -> set[str]:
    """Return the modules outside the job's folder that its models import, directly or through others of the folder.

    What only fixtures and sources need is none of them: it may be missing where models run.
    """
    package = f"{job.folder.parent.name}.{job.folder.name}"
    todo = {variant.config.model.partition(":")[0] for variant in job.variants}
    seen: set[str] = set()
    while todo:
        module = todo.pop()
        seen.add(module)
        path = _file(job.folder, package, module)
        if path:
            todo |= set(_imports(path, module)) - seen
    return {module for module in seen if not f"{module}.".startswith(f"{package}.")}


def job_files(job: Job, *endings: str) -> dict[str, str]:
    """Return the files of a job with these endings: path below the project's root to text."""
    root = job.folder.parent.parent
    paths = sorted(path for path in job.folder.rglob("*") if path.suffix in endings)
    return {path.relative_to(root).as_posix(): path.read_text(encoding="utf-8") for path in paths}


def project_files(job: Job, catalogue: Catalogue, sql: Iterable[str]) -> dict[str, str]:
    """Return the files that a project needs to make a job's models again: path below its root to text.

    Parameters
    ----------
    sql
        Names of the statements that make its examples.
    """
    files = job_files(job, ".py", ".yaml")
    for name in sql:
        asset = catalogue.get(name)
        files[f"sql/{name}.sql"] = asset.text
        files |= {f"{function.name}.sql": function.text for function in asset.functions}
    return files


def _file(folder: Path, package: str, module: str) -> Path | None:
    """Return the file of a module of the job's folder, or None for any other."""
    if not f"{module}.".startswith(f"{package}."):
        return None
    place = folder.joinpath(*filter(None, module.removeprefix(package).split(".")))
    return next((path for path in (place.with_suffix(".py"), place / "__init__.py") if path.is_file()), None)


def _imports(path: Path, module: str) -> Iterator[str]:
    """Yield the modules that a file imports, and the names that may be modules."""
    try:
        with _PARSER:
            tree = ast.parse(path.read_text(encoding="utf-8"))
    except (SyntaxError, ValueError) as error:
        raise RequestError(f"{path}: no Python ({error})", hint="mend the file") from error
    parent = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = resolve_name("." * node.level + (node.module or ""), parent)
            yield base
            yield from (f"{base}.{name.name}" for name in node.names)
