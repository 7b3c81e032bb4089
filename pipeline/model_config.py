"""The configuration of a variant: model class, parameters and columns."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from pipeline.base.strict_yaml import Strict, in_words


class Columns(Strict):
    """Names of the columns with a role; every other column of the examples can be a feature."""

    key: list[str] = Field(min_length=1)
    label: str | None = None
    weight: str | None = None

    def __getstate__(self) -> dict[Any, Any]:
        """Return the state without pydantic's set of given fields, whose order varies: models pickle to equal bytes."""
        return super().__getstate__() | {"__pydantic_fields_set__": set()}


class ModelConfig(Strict):
    """The content of a variant's YAML file.

    Parameters
    ----------
    model
        Import path of the model class, `package.module:Class`.
    params
        Keyword arguments of the class.
    columns
        Names of key, label and weight columns.
    """

    model: str = Field(pattern=in_words(r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$", "<module>:<Class>"))
    params: dict[str, Any] = {}
    columns: Columns
