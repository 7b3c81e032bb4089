"""Reads YAML files as pydantic models; every error names file, key and what was expected.

Plain values are read as YAML 1.2 reads them (`1e-3` is a number); dates and merge keys are those of YAML 1.1. Where the
two versions differ otherwise (`no`, `010`, `12:30`), the type of the key decides, or the value is refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args, get_origin

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError, ValidationInfo, field_validator
from yaml.composer import Composer
from yaml.constructor import SafeConstructor
from yaml.resolver import Resolver

from pipeline.base.files import read_text
from pipeline.errors import RequestError


class Unclear(str):
    """A plain value that is text in one version of YAML and a boolean or another number in the other."""

    __slots__ = ()

    @property
    def problem(self) -> str:
        """What is wrong with it, and what to do."""
        return (
            f"YAML 1.1 and YAML 1.2 read {self} differently: write true, false or a decimal number, or put it in quotes"
        )


UNCLEAR = "!unclear"

TAG = "tag:yaml.org,2002:"

PLAIN = (
    (UNCLEAR, r"[yY]es|YES|[nN]o|NO|[oO]n|ON|[oO]ff|OFF", "yYnNoO"),
    (UNCLEAR, r"[-+]?(?:0[0-9_]+|0b[01_]+|0o[0-7_]+|[1-9][0-9_]*(?::[0-5]?[0-9])+)", "-+0123456789"),
    (UNCLEAR, r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*", "-+0123456789"),
    (UNCLEAR, r"[-+]?(?=[^_]*_)(?:0x[0-9a-fA-F_]+|[0-9][0-9_]*(?:\.[0-9_]*)?(?:[eE][-+]?[0-9]+)?)", "-+0123456789"),
    ("bool", r"[tT]rue|TRUE|[fF]alse|FALSE", "tTfF"),
    ("int", r"[-+]?(?:0|[1-9][0-9]*|0x[0-9a-fA-F]+)", "-+0123456789"),
    ("float", r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", "-+.0123456789"),
    ("float", r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)", "-+."),
    ("null", r"~|null|Null|NULL|", ("~", "n", "N", "")),
)
"""Patterns of plain values, in order: tag, whole value, possible first characters."""

KEPT = ("timestamp", "merge")
"""What YAML 1.2 lacks, and is used: dates, and `<<` that merges a mapping."""


def _resolvers() -> dict[str, list[tuple[str, re.Pattern[str]]]]:
    """Return the patterns by the first character of a value, as PyYAML looks them up."""
    found: dict[str, list[tuple[str, re.Pattern[str]]]] = {}
    for tag, pattern, first in PLAIN:
        rule = (tag if tag == UNCLEAR else TAG + tag, re.compile(f"(?:{pattern})\\Z", re.ASCII))
        for character in first:
            found.setdefault(character, []).append(rule)
    for character, rules in Resolver.yaml_implicit_resolvers.items():
        kept = [rule for rule in rules if rule[0].removeprefix(TAG) in KEPT]
        found[character] = found.get(character, []) + kept
    return found


class _Reading(SafeConstructor):
    """Resolves plain values, and refuses a repeated key, of which YAML would silently keep the last."""

    yaml_implicit_resolvers = _resolvers()

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002
        """Return the mapping of a node."""
        seen: set[Any] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(None, None, "a key must be text", key.start_mark)
            if key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"key {key.value} comes twice", key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


_Reading.add_constructor(UNCLEAR, lambda _, node: Unclear(node.value))


class _Loader(_Reading, yaml.SafeLoader):
    """The loader in Python, with the better messages."""


try:

    class _FastLoader(_Reading, Composer, yaml.CSafeLoader):
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
    try:
        json.dumps(content, allow_nan=False, default=str, ensure_ascii=False).encode()
    except ValueError as error:
        what = "NaN and infinity are no values here; put them in quotes if they are text"
        raise ValueError(what if "float" in str(error) else str(error)) from error
    return content


class Strict(BaseModel):
    """Base class of models that are read from YAML: unknown keys are refused, instances are immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _refuse_unclear(cls, value: Any, info: ValidationInfo) -> Any:
        """Refuse what may be text or not, unless the key is text or a boolean: that decides."""
        kinds = set(_leaves(cls.model_fields[info.field_name or ""].annotation))
        if kinds & {Any, int, float}:
            for place, unclear in _unclear_in(value):
                if Any in kinds or not NUMBER.fullmatch(unclear):
                    raise ValueError(f"{place}{unclear.problem}")
        return value


NUMBER = re.compile(r"[1-9][0-9]*(?:_[0-9]+)*", re.ASCII)
"""`1_000`: a key that is a number reads it as 1000."""


def _leaves(annotation: Any) -> Iterator[Any]:
    """Yield the types that a type consists of."""
    inner = get_args(annotation)
    if get_origin(annotation) is Annotated:
        inner = inner[:1]
    if not inner:
        yield annotation
    for item in inner:
        yield from _leaves(item)


def _unclear_in(value: Any, place: str = "") -> Iterator[tuple[str, Unclear]]:
    """Yield unclear values with the keys that lead to them, as `key: `; keys themselves are text."""
    if isinstance(value, Unclear):
        yield place, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _unclear_in(item, f"{place.removesuffix(': ')}{'.' if place else ''}{key}: ")
    elif isinstance(value, list):
        for item in value:
            yield from _unclear_in(item, place)


ModelT = TypeVar("ModelT", bound=BaseModel)


def read_yaml(path: Path, model: type[ModelT]) -> ModelT:
    """Return the content of a YAML file as `model`.

    Raises
    ------
    RequestError
        The file is missing, is not YAML, or does not fit the model.
    """
    try:
        text = read_text(path)
    except OSError as error:
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
        what, hint = f"{origin}:{line}: not valid YAML ({error.problem})", "fix the line, or put the text in quotes"
        raise RequestError(what, hint=hint) from error
    except yaml.YAMLError as error:
        raise RequestError(f"{origin}:{first_line}: not valid YAML ({error})", hint="fix it") from error
    except ValidationError as error:
        raise RequestError(f"{origin}: {explain(error)}", hint="fix the key") from error
    except ValueError as error:  # such as the date 2013-13-01
        raise RequestError(f"{origin}: a value is malformed ({error})", hint="fix the value") from error


def explain(error: ValidationError) -> str:
    """Return in one line which keys are wrong, and what was expected."""
    return "; ".join(f"key {'.'.join(map(str, item['loc'])) or '(root)'}: {_words(item)}" for item in error.errors())


def _words(item: Any) -> str:
    if item["type"] == "string_type":
        return f"{item['msg']}, not {item['input']!s:.60}: put it in quotes"
    rule = RULES.get(str(item.get("ctx", {}).get("pattern")))
    if rule:
        return f"{item['input']!r:.60} is not {rule}"
    return WORDS.get(item["type"], str(item["msg"]).removeprefix("Value error, "))


RULES: dict[str, str] = {}
"""What patterns of pydantic's ask for, in words."""


def in_words(pattern: str, rule: str) -> str:
    """Return a pattern for a key; errors tell its rule in words, `is not <rule>`."""
    RULES[pattern] = rule
    return pattern


WORDS = {"extra_forbidden": "not a known key", "missing": "required, but missing"}
"""Plainer messages than pydantic's, by error type."""
