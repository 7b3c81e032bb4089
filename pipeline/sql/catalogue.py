"""The SQL files of a project, by name: `<job>/<phase>/<name>_v<N>` below `sql/`, or a function below `udf/`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from pipeline.base.digests import canonical_json, digest_text
from pipeline.base.files import read_text
from pipeline.errors import RequestError
from pipeline.rows.schema import Schema
from pipeline.sql.header import Header, split_header

ASSET = re.compile(r"[a-z0-9_]+(/[a-z0-9_]+)*_v[1-9][0-9]*", re.ASCII)
"""Name of a version of a statement."""

ENGINE_FOLDERS = ("checks", "dashboard", "doctor", "drift", "gate", "leaks", "ledger", "metrics", "phases")
"""Folders below `sql/` that belong to the engine; in a checkout the folders of jobs are next to them."""

MISNAMED = "not the name of a version"

RULE = "write <name>_v<N>.sql in small letters, digits and _, also in folders, e.g. churn/evaluate/labels_v2.sql"

FUNCTION = re.compile(r"[a-z][a-z0-9_]{0,99}", re.ASCII)


@dataclass(frozen=True)
class Asset:
    """One version of a SQL statement.

    Parameters
    ----------
    name
        Path below `sql/` without ending, e.g. `metrics/binary_classification_v1`.
    path
        The file.
    header
        The parsed comment header.
    body
        The statement, with places for identifiers.
    text
        The whole file, verbatim.
    first_line
        Line of the file on which the body begins.
    functions
        User-defined functions that the body names: every identifier of kind `function`, by its name below `udf/`.
    """

    name: str
    path: Path
    header: Header
    body: str
    text: str
    first_line: int = 1
    functions: tuple[Asset, ...] = ()

    @cached_property
    def digest(self) -> str:
        """16 hex digits of the body, its functions and the types of its parameters, without the rest of the header."""
        functions = [f"{function.name}\n{function.body}" for function in self.functions]
        types = canonical_json(self.header.parameters)
        return digest_text("".join([self.body, *functions, types if self.header.parameters else ""]))

    @property
    def function_names(self) -> list[str]:
        """Names of the functions in the body."""
        return [function.name.removeprefix("udf/") for function in self.functions]

    @property
    def columns(self) -> Schema:
        """Columns of the result."""
        return Schema.parse(self.header.columns)


class Catalogue:
    """Reads the SQL assets of a project folder, each once; the engine supplies what the project lacks.

    Parameters
    ----------
    root
        Folder that holds `sql/` and `udf/`.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        package = Path(__file__).parents[1]
        # The engine's own SQL: in the installed package, or in the checkout that contains it.
        self._engine = package / "engine" if (package / "engine").is_dir() else package.parent
        self._assets: dict[str, Asset] = {}

    def get(self, name: str) -> Asset:
        """Return the asset `name`.

        Raises
        ------
        RequestError
            The file is missing or its header is wrong.
        """
        if name not in self._assets:
            if not ASSET.fullmatch(name):
                raise RequestError(
                    f"{name!r}: not the name of a version", hint="write e.g. flight_delay/preprocess/examples_v1"
                )
            self._assets[name] = self._read(name, self._path("sql", name))
        return self._assets[name]

    def has(self, name: str) -> bool:
        """Tell whether the asset `name` exists."""
        return self._path("sql", name).is_file()

    def function(self, name: str) -> Asset:
        """Return the user-defined function `udf/<name>.sql`.

        Raises
        ------
        RequestError
            The name is not that of a function, or the file is missing.
        """
        key = f"udf/{name}"
        if key not in self._assets:
            if not FUNCTION.fullmatch(name):
                raise RequestError(
                    f"udf/{name}.sql: not the name of a function", hint="use small letters, digits and _"
                )
            self._assets[key] = self._read(key, self._path("udf", name))
        return self._assets[key]

    def names(self) -> list[str]:
        """Return the names of the project's assets and functions (`udf/<name>`), sorted.

        Raises
        ------
        RequestError
            A file is not named like a version.
        """
        for path in self.misnamed():
            raise RequestError(f"{path}: {MISNAMED}", hint=RULE)
        return self.well_named()

    def well_named(self) -> list[str]:
        """Return the names of the project's assets and functions, sorted, without files that are misnamed."""
        assets = (name for name in self._found() if ASSET.fullmatch(name))
        return sorted([*assets, *(f"udf/{name}" for name in self.function_names())])

    def misnamed(self) -> list[Path]:
        """Return the SQL files whose folder or name is not that of a version."""
        return [self._root / "sql" / f"{name}.sql" for name in self._found() if not ASSET.fullmatch(name)]

    def _found(self) -> list[str]:
        return _names_below(self._root / "sql")

    def any(self, name: str) -> Asset:
        """Return an asset or a function by its name in `names`."""
        return self.function(name.removeprefix("udf/")) if name.startswith("udf/") else self.get(name)

    def families(self) -> list[str]:
        """Return the names of all metric families, the engine's and the project's."""
        folders = (root / "sql" / "metrics" for root in (self._engine, self._root))
        return sorted({path.stem.rpartition("_v")[0] for folder in folders for path in folder.glob("*_v*.sql")})

    def function_names(self) -> list[str]:
        """Return the names of the project's user-defined functions."""
        return _names_below(self._root / "udf")

    def all_function_names(self) -> list[str]:
        """Return the names of all user-defined functions, the engine's and the project's."""
        return sorted({*_names_below(self._engine / "udf"), *self.function_names()})

    def _path(self, kind: str, name: str) -> Path:
        """Return the file of an asset: the project's own, otherwise the engine's."""
        own, engine = (root / kind / f"{name}.sql" for root in (self._root, self._engine))
        is_engines = kind == "udf" or name.partition("/")[0] in ENGINE_FOLDERS
        return engine if is_engines and engine.is_file() and not own.exists() else own

    def _read(self, name: str, path: Path) -> Asset:
        try:
            text = read_text(path)
        except OSError as error:
            raise RequestError(f"{path}: SQL file cannot be read", hint="check the version in job.yaml") from error
        for number, line in enumerate(text.split("\n"), start=1):
            if not line.replace("\t", "").isprintable():  # a terminal would obey it
                raise RequestError(f"{path}:{number}: a control character", hint="remove it")
        header, body, first_line = split_header(text, origin=str(path))
        functions = tuple(self.function(key) for key, kind in header.identifiers.items() if kind == "function")
        if functions and name.startswith("udf/"):
            raise RequestError(f"{path}: a function that calls a function", hint="write the expression out")
        return Asset(name, path, header, body, text, first_line, functions)


def _names_below(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).with_suffix("").as_posix() for path in folder.rglob("*.sql"))
