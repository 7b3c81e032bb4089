"""Code that decides predictions: a job's files, library versions, the git commit; and their digest."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from importlib import metadata
from importlib.util import resolve_name
from pathlib import Path
from threading import Lock

from pipeline.base.digests import digest_json, digest_text
from pipeline.errors import RequestError
from pipeline.project.project import Job
from pipeline.sql import Catalogue

ENGINE_CONTRACT = 1
"""Version of the engine's effect on predictions: raised when the engine changes what predictions are."""

NUMERIC_LIBRARIES = ("numpy", "scipy", "pandas", "pyarrow", "scikit-learn", "joblib", "polars")
"""Libraries whose version can change any prediction."""

DISTRIBUTIONS = {"sklearn": "scikit-learn"}
"""Distributions of modules with another name; looking one up among all installed ones takes 0.2 s."""

OWN = {"jobs", "pipeline"}
"""Packages that are not libraries: the job's files, and the engine, which has a contract number."""

GIT_SECONDS = 10.0
"""Timeout of a call of git, in seconds."""

COMMIT_FILE, WRITTEN = "COMMIT", re.compile(r"([0-9a-f]{40})(-dirty)?")
"""File with the commit in a project folder without .git, and its format."""

OF_FOLDER = ("rev-parse", "HEAD", "HEAD:./")
"""Arguments of git that return the commit and fail when an enclosing checkout does not track the folder."""


def library_versions(modules: Iterable[str] = ()) -> dict[str, str]:
    """Return the versions of the numeric libraries and of the distributions of modules, by distribution name."""
    found = {name for module in modules for name in distributions(module)}
    return {name: metadata.version(name) for name in sorted({*NUMERIC_LIBRARIES, *found})}


@cache
def distributions(module: str) -> tuple[str, ...]:
    """Return the distributions of a module: empty for the standard library, our code and missing modules."""
    top = module.partition(".")[0]
    if top in sys.stdlib_module_names or top in OWN:
        return ()
    name = DISTRIBUTIONS.get(top, top)
    try:
        return (_canonical(metadata.metadata(name)["Name"]),)
    except metadata.PackageNotFoundError:
        return tuple(map(_canonical, metadata.packages_distributions().get(top, ())))


def _canonical(name: str) -> str:
    return name.lower().replace("_", "-")


def digest_of_code(job: Job) -> str:
    """Return a digest of what can change a job's predictions besides SQL and configuration.

    It covers the job's Python files, the versions of the numeric libraries and of those that its models import, and
    the engine's contract number.
    """
    files = {
        str(path.relative_to(job.folder)): digest_text(path.read_text(encoding="utf-8"))
        for path in sorted(job.folder.rglob("*.py"))
    }
    return digest_json([files, library_versions(imported_modules(job)), ENGINE_CONTRACT])


@cache
def git_commit(root: Path) -> tuple[str | None, bool | None]:
    """Return the commit of a checkout and whether files differ from it; None outside a checkout.

    An image has no checkout; a file names the commit that it was built from (see Dockerfile).
    """
    found = _git(root, *OF_FOLDER)
    if found is None:
        path = root / COMMIT_FILE
        written = WRITTEN.fullmatch(path.read_text(encoding="utf-8").strip()) if path.is_file() else None
        return (written[1], bool(written[2])) if written else (None, None)
    return found.split()[0], bool(_git(root, "status", "--porcelain", "--untracked-files=no"))


def why_no_commit(root: Path) -> str:
    """Return the reason why the commit of a folder is unknown, as part of a message."""
    resolved = root.resolve()
    if not any((folder / ".git").exists() for folder in (resolved, *resolved.parents)):
        return f"{resolved} is not a git checkout"
    return _ask_git(root, *OF_FOLDER)[1]


def is_untracked(root: Path, path: Path) -> bool:
    """Tell whether git does not track a file of a checkout; False outside a checkout."""
    return bool(_git(root, "ls-files", "--others", "--", str(path)))


def commit_name(commit: str | None, *, dirty: bool | None) -> str | None:
    """Return a commit with `-dirty` appended if files differed from it; None without a commit."""
    return f"{commit}-dirty" if commit and dirty else commit


def _git(root: Path, *arguments: str) -> str | None:
    return _ask_git(root, *arguments)[0]


def _ask_git(root: Path, *arguments: str) -> tuple[str | None, str]:
    """Return the output of git, or None and the reason of its failure."""
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments],
            capture_output=True,
            text=True,
            timeout=GIT_SECONDS,
            check=False,
        )
    except FileNotFoundError:
        return None, "git is not installed"
    except (OSError, subprocess.TimeoutExpired) as error:
        return None, f"git does not answer ({type(error).__name__})"
    if done.returncode == 0:
        return done.stdout.strip(), ""
    first = next(iter(done.stderr.splitlines()), f"exit code {done.returncode}")
    return None, f"git says: {first.removeprefix('fatal: ')}"


# CPython 3.11 counts the recursion depth of all threads' syntax trees together. When garbage collection lets another
# thread parse, `ast.parse` fails with a SystemError ("AST constructor recursion depth mismatch", cpython issue 106905).
_PARSER = Lock()


def imported_modules(job: Job) -> set[str]:
    """Return the modules outside the job's folder that its models import, directly or through files of the folder.

    Modules that only fixtures and sources import are left out: they may be missing where models run.
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
    """Return the texts of a job's files with these endings, by their path below the project's root."""
    root = job.folder.parent.parent
    paths = sorted(path for path in job.folder.rglob("*") if path.suffix in endings)
    return {path.relative_to(root).as_posix(): path.read_text(encoding="utf-8") for path in paths}


def project_files(job: Job, catalogue: Catalogue, sql: Iterable[str]) -> dict[str, str]:
    """Return the texts of the files that reproduce a job's models, by their path below the project's root.

    Parameters
    ----------
    sql
        Names of the statements that make the job's examples.
    """
    files = job_files(job, ".py", ".yaml")
    for name in sql:
        asset = catalogue.get(name)
        files[f"sql/{name}.sql"] = asset.text
        files |= {f"{function.name}.sql": function.text for function in asset.functions}
    return files


def _file(folder: Path, package: str, module: str) -> Path | None:
    """Return the file of a module in the job's folder; None for other modules."""
    if not f"{module}.".startswith(f"{package}."):
        return None
    place = folder.joinpath(*filter(None, module.removeprefix(package).split(".")))
    return next((path for path in (place.with_suffix(".py"), place / "__init__.py") if path.is_file()), None)


def _imports(path: Path, module: str) -> Iterable[str]:
    """Return the modules that a file imports, and imported names that may be modules."""
    parent = module if path.name == "__init__.py" else module.rpartition(".")[0]
    try:
        return _imports_of(path.read_text(encoding="utf-8"), parent)
    except (SyntaxError, ValueError) as error:
        raise RequestError(f"{path}: not valid Python ({error})", hint="fix the file") from error


@cache
def _imports_of(text: str, parent: str) -> tuple[str, ...]:
    with _PARSER:
        tree = ast.parse(text)
    return tuple(_names(tree, parent))


def _names(tree: ast.AST, parent: str) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = resolve_name("." * node.level + (node.module or ""), parent)
            yield base
            yield from (f"{base}.{name.name}" for name in node.names)
