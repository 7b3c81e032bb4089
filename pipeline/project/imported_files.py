"""The files below jobs/ that a module runs, found in the syntax of its imports; nothing is imported here."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.util import resolve_name
from pathlib import Path
from threading import Lock

from pipeline.errors import RequestError

JOBS = "jobs"

OWN = {JOBS, "pipeline"}
"""Packages that are not libraries: the job's files, and the engine, which has a contract number."""

DYNAMIC = {"importlib", "importlib.util", "runpy", "pkgutil", "__import__", "exec", "eval", "compile"}
"""Modules and functions that run code which the text of a file does not name."""

DOTTED = re.compile(r"\bjobs(?:\.\w+)+")
"""A module of a job in a text, such as a parameter that names a class."""


@dataclass(frozen=True)
class ImportedFiles:
    """What a model runs.

    Parameters
    ----------
    files
        Python files below jobs/, each with its code without comments, formatting and docstrings.
    outside
        Modules that are no files below jobs/: libraries, the standard library, the engine.
    is_dynamic
        Whether a file may run code that its text does not name.
    """

    files: Mapping[Path, str]
    outside: frozenset[str]
    is_dynamic: bool


@dataclass(frozen=True)
class Syntax:
    """What matters of a Python file.

    Parameters
    ----------
    names
        Modules that it imports, and names that may be modules, with their lines.
    is_dynamic
        Whether it may run code that its text does not name.
    code
        Its code without comments, formatting and docstrings, which change no prediction.
    """

    names: Mapping[str, int]
    is_dynamic: bool
    code: str


def imported_files(jobs: Path, modules: Mapping[str, str]) -> ImportedFiles:
    """Follow the imports of modules through the files below jobs/, of all jobs.

    Parameters
    ----------
    jobs
        The folder `jobs/` of a project.
    modules
        Where to begin, each with the place that names it, for errors.

    Raises
    ------
    RequestError
        A file imports a file of the project that is not below jobs/.
    """
    todo, seen = dict(modules), set[str]()
    files, outside, is_dynamic = dict[Path, str](), set[str](), False
    while todo:
        module, origin = todo.popitem()
        seen.add(module)
        found = _file(jobs.parent, module)
        names = dict.fromkeys(_packages(module), origin)  # their `__init__.py` runs first
        if module.partition(".")[0] != JOBS:
            _refuse_project_file(found, module, origin)
            outside.add(module)
        elif found:
            syntax = _read(found, module)
            files[found] = syntax.code
            is_dynamic = is_dynamic or syntax.is_dynamic
            names |= {name: f"{found}:{line}" for name, line in syntax.names.items()}
        todo |= {name: place for name, place in names.items() if name not in seen}
    return ImportedFiles(files, frozenset(outside), is_dynamic)


def _packages(module: str) -> list[str]:
    """Return the packages that hold a module below jobs/."""
    parts = module.split(".")
    return [".".join(parts[:count]) for count in range(1, len(parts))] if parts[0] == JOBS else []


def _file(root: Path, module: str) -> Path | None:
    """Return the file of a module below a folder, or None."""
    place = root.joinpath(*module.split("."))
    return next((path for path in (place.with_name(f"{place.name}.py"), place / "__init__.py") if path.is_file()), None)


def _refuse_project_file(found: Path | None, module: str, origin: str) -> None:
    """Refuse a module at the root of the project: changes of it would go unseen, and no bundle would hold it."""
    if found and module.partition(".")[0] not in OWN:
        message = f"{origin}: {module} is {found}, which is not below jobs/: no run and no bundle would know it"
        raise RequestError(message, hint="move it into a folder of jobs/, or install it as a package")


def _read(path: Path, module: str) -> Syntax:
    """Return the syntax of a file; one that is not valid Python counts as a whole, and only its import fails."""
    parent = module if path.name == "__init__.py" else module.rpartition(".")[0]
    try:
        return _syntax_of(path.read_text(encoding="utf-8-sig"), parent)
    except (SyntaxError, ValueError, ImportError):
        return Syntax({}, is_dynamic=False, code=repr(path.read_bytes()))


# CPython 3.11 counts the recursion depth of all threads' syntax trees together. When garbage collection lets another
# thread parse, `ast.parse` fails with a SystemError ("AST constructor recursion depth mismatch", cpython issue 106905).
_PARSER = Lock()


@cache
def _syntax_of(text: str, parent: str) -> Syntax:
    with _PARSER:
        tree = ast.parse(text)
    if "__doc__" not in text:
        _remove_docstrings(ast.walk(tree))
    names: dict[str, int] = {}
    for name, line in _names(tree, parent):
        names.setdefault(name, line)
    called = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return Syntax(names, not DYNAMIC.isdisjoint(called | names.keys()), ast.dump(tree))


def _names(tree: ast.AST, parent: str) -> Iterator[tuple[str, int]]:
    """Yield the modules that a file imports or names in a text, and imported names that may be modules."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((name.name, node.lineno) for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = resolve_name("." * node.level + (node.module or ""), parent)
            yield from ((name, node.lineno) for name in (base, *(f"{base}.{name.name}" for name in node.names)))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from ((name, node.lineno) for name in DOTTED.findall(node.value))


def _remove_docstrings(nodes: Iterable[ast.AST]) -> None:
    for node in nodes:
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            match node.body:
                case [ast.Expr(ast.Constant(str())), *others]:
                    node.body = others
