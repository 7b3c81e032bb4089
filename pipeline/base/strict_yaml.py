"""Reads YAML files as pydantic models; every error names file, key and what was expected."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError
from yaml.composer import Composer
from yaml.constructor import SafeConstructor

from pipeline.errors import RequestError


class _UniqueKeys(SafeConstructor):
    """Refuses a repeated key, of which YAML would silently keep the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002
        """Return the mapping of a node."""
        seen: set[Any] = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"key {key.value} comes twice", key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


class _Loader(_UniqueKeys, yaml.SafeLoader):
    """The loader in Python, with the better messages."""


try:

    class _FastLoader(_UniqueKeys, Composer, yaml.CSafeLoader):
        """The parser in C, seven times faster; the composer in Python, because that in C does not limit recursion."""

        def __init__(self, text: str) -> None:
            yaml.CSafeLoader.__init__(self, text)
            Composer.__init__(self)

except AttributeError:  # PyYAML was built without libyaml
    _FastLoader = _Loader  # type: ignore[assignment, misc]


def _load(text: str) -> Any:
    """Return the content of YAML text that JSON can hold, too: no NaN, no cycles, no lone surrogates."""
    try:
        content = yaml.load(text, Loader=_FastLoader) or {}  # noqa: S506 - a SafeLoader
    except yaml.YAMLError:
        content = yaml.load(text, Loader=_Loader) or {}  # noqa: S506 - a SafeLoader
    json.dumps(content, allow_nan=False, default=str, ensure_ascii=False).encode()
    return content


class Strict(BaseModel):
    """Base class of models that are read from YAML: unknown keys are refused, instances are immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True)


ModelT = TypeVar("ModelT", bound=BaseModel)


def read_yaml(path: Path, model: type[ModelT]) -> ModelT:
    """Return the content of a YAML file as `model`.

    Raises
    ------
    RequestError
        The file is missing, is not YAML, or does not fit the model.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RequestError(f"{path}: cannot be read ({error})", hint="check the path") from error
    return parse_yaml(text, model, origin=str(path))


def parse_yaml(text: str, model: type[ModelT], *, origin: str, first_line: int = 1) -> ModelT:
    """Return YAML text as `model`.

    Parameters
    ----------
    origin
        File of the text, for errors.
    first_line
        Number of the text's first line in that file.

    Raises
    ------
    RequestError
        The text is not YAML, or does not fit the model.
    """
    try:
        return model.model_validate(_load(text))
    except RecursionError as error:
        raise RequestError(f"{origin}: nested too deeply", hint="fix the file") from error
    except yaml.MarkedYAMLError as error:
        line = first_line + (error.problem_mark.line if error.problem_mark else 0)
        raise RequestError(f"{origin}:{line}: not valid YAML ({error.problem})", hint="fix the line") from error
    except yaml.YAMLError as error:
        raise RequestError(f"{origin}:{first_line}: not valid YAML ({error})", hint="fix it") from error
    except ValidationError as error:
        raise RequestError(f"{origin}: {explain(error)}", hint="fix the key") from error
    except ValueError as error:  # such as the date 2013-13-01
        raise RequestError(f"{origin}: a value is malformed ({error})", hint="fix the value") from error


def explain(error: ValidationError) -> str:
    """Return in one line which keys are wrong, and what was expected."""
    return "; ".join(
        f"key {'.'.join(map(str, item['loc'])) or '(root)'}: "
        f"{WORDS.get(item['type'], item['msg'].removeprefix('Value error, '))}"
        for item in error.errors()
    )


WORDS = {"extra_forbidden": "not a known key", "missing": "required, but missing"}
"""Plainer messages than pydantic's, by error type."""
