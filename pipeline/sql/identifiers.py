"""Identifiers of BigQuery, each part checked against an allow-list and back-quoted."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.errors import RequestError

PROJECT_PART = re.compile(r"[a-z][a-z0-9-]{4,28}[a-z0-9]", re.ASCII)

DATASET_PART = re.compile(r"[A-Za-z0-9_]{1,1024}", re.ASCII)

TABLE_PART = re.compile(r"[A-Za-z0-9_-]{1,1024}", re.ASCII)

COLUMN = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,299}", re.ASCII)


@dataclass(frozen=True)
class TableName:
    """A table, view or function: project, dataset and name, all checked."""

    project: str
    dataset: str
    name: str

    def __post_init__(self) -> None:
        _check(PROJECT_PART, self.project, "project")
        _check(DATASET_PART, self.dataset, "dataset")
        _check(TABLE_PART, self.name, "table")

    @classmethod
    def parse(cls, text: str) -> TableName:
        """Return the table of `project.dataset.table`.

        Raises
        ------
        RequestError
            The text does not have three valid parts.
        """
        parts = text.split(".")
        if len(parts) != 3:
            raise RequestError(f"{text!r} is not project.dataset.table", hint="name all three parts")
        return cls(*parts)

    def __str__(self) -> str:
        return f"{self.project}.{self.dataset}.{self.name}"

    @property
    def quoted(self) -> str:
        """The name in back quotes, as SQL takes it."""
        return f"`{self}`"


def quote_columns(names: Sequence[str]) -> str:
    """Return column names in back quotes, separated by commas.

    Raises
    ------
    RequestError
        There is no column, or a name is not valid.
    """
    if not names:
        raise RequestError("a list of columns is empty", hint="name at least one column")
    return ", ".join(f"`{_check(COLUMN, name, 'column')}`" for name in names)


def quote_name(name: str) -> str:
    """Return a name of letters, digits and _ as a string literal."""
    return f"'{_check(COLUMN, name, 'job')}'"


def _check(pattern: re.Pattern[str], text: str, kind: str) -> str:
    if not pattern.fullmatch(text):
        raise RequestError(f"{text[:60]!r} is not a valid {kind} name", hint="use letters, digits and _")
    return text
