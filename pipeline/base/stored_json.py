"""Records: what markers, manifests and claims hold, read as the class that wrote them; a damaged one is named."""

from __future__ import annotations

import json
from functools import cache
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from pipeline.errors import CheckError

RecordT = TypeVar("RecordT")

DAMAGED = "restore it, or remove it and run the same command again"


def record_of(kind: type[RecordT], value: Any, uri: str) -> RecordT:
    """Return what a JSON object of the bucket holds, as a dataclass; nothing is converted or left out.

    Parameters
    ----------
    value
        As JSON holds it.
    uri
        Where it was read.

    Raises
    ------
    CheckError
        It is not what this version of the pipeline writes there.
    """
    try:
        # As JSON, where lists may become tuples: nothing else is converted.
        found: RecordT = _adapter(kind).validate_json(  # type: ignore[arg-type] # a class is hashable
            json.dumps(value), strict=True, extra="forbid"
        )
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        said = f"{where}: {first['msg']}" if where else first["msg"]
        raise CheckError(f"{uri}: not what was committed there ({said})", hint=DAMAGED) from error
    return found


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)
