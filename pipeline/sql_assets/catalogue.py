"""The SQL files of a project, by name: `<job>/<phase>/<name>_v<N>` below `sql/`, or a function below `udf/`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from pipeline.digests import digest_text
from pipeline.errors import RequestError
from pipeline.schemas import Schema
from pipeline.sql_assets.header import Header, split_header


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
        What the file says of itself.
    body
        The statement, with places for identifiers.
    text
        The whole file, verbatim.
    functions
        User-defined functions that the body names: every identifier of kind `function`, by its name below `udf/`.
    """

    name: str
    path: Path
    header: Header
    body: str
    text: str
    functions: tuple[Asset, ...] = ()

    @cached_property
    def digest(self) -> str:
        """16 hex digits of the body and the functions it names; the comment header is not part of it."""
        return digest_text("".join([self.body, *(function.body for function in self.functions)]))

    @property
    def function_names(self) -> list[str]:
        """Names of the functions that the body names."""
        return [function.name.removeprefix("udf/") for function in self.functions]

    @property
    def columns(self) -> Schema:
        """Columns of the result."""
        return Schema.parse(self.header.columns)


class Catalogue:
    """Reads SQL assets of a project folder, each once.

    Parameters
    ----------
    root
        Folder that holds `sql/` and `udf/`.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._assets: dict[str, Asset] = {}

    def get(self, name: str) -> Asset:
        """Return the asset `name`.

        Raises
        ------
        RequestError
            The file is missing or its header is wrong.
        """
        if name not in self._assets:
            self._assets[name] = self._read(name, self._root / "sql" / f"{name}.sql")
        return self._assets[name]

    def function(self, name: str) -> Asset:
        """Return the user-defined function `udf/<name>.sql`."""
        key = f"udf/{name}"
        if key not in self._assets:
            self._assets[key] = self._read(key, self._root / "udf" / f"{name}.sql")
        return self._assets[key]

    def function_names(self) -> list[str]:
        """Names of all user-defined functions."""
        return sorted(path.stem for path in (self._root / "udf").glob("*.sql"))

    def _read(self, name: str, path: Path) -> Asset:
        try:
            text = path.read_text(encoding="utf-8").replace("\r\n", "\n")
        except (OSError, UnicodeDecodeError) as error:
            raise RequestError(f"{path}: SQL file cannot be read", hint="check the version in job.yaml") from error
        header, body = split_header(text, origin=str(path))
        functions = tuple(self.function(key) for key, kind in header.identifiers.items() if kind == "function")
        return Asset(name, path, header, body, text, functions)
