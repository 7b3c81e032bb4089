"""Reads JSON objects of the bucket (markers, manifests, claims) as the dataclasses that wrote them."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from pipeline.errors import CheckError

RecordT = TypeVar("RecordT")

_adapter: Callable[[Any], TypeAdapter[Any]] = cache(TypeAdapter)

DAMAGED = "restore it, or remove it and run the same command again"


def record_of(kind: type[RecordT], value: Any, uri: str) -> RecordT:
    """Return a JSON object as a dataclass, without converting or ignoring a value.

    Parameters
    ----------
    value
        The parsed JSON object.
    uri
        Address of the object, for errors.

    Raises
    ------
    CheckError
        The object does not have the fields that this version of the pipeline writes.
    """
    try:
        # As JSON, where lists may become tuples: nothing else is converted.
        found: RecordT = _adapter(kind).validate_json(json.dumps(value), strict=True, extra="forbid")
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        said = f"{where}: {first['msg']}" if where else first["msg"]
        raise CheckError(f"{uri}: not what was committed there ({said})", hint=DAMAGED) from error
    return found
