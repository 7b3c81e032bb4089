"""What `bundle.json` holds, checked when it is read: no key is missing, unknown or of another kind, no bit turned."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Annotated, Any

from pydantic import AfterValidator, Field, ValidationError, model_validator

from pipeline.digests import full_digest_json
from pipeline.schemas import DeclaredColumns
from pipeline.yaml_file import Strict

SCHEMA_VERSION = 2
"""Of `bundle.json` and the files beside it; 2 brought the job's code, functions and seeds."""

SEAL = "sha256"
"""Key of the digest of all others."""

RUN = {"job", "run_id", "run_date", "generation", "as_of", "snapshot_at", "examples", "family"}
"""Coordinates of the run that made a model."""


def _inside(name: str) -> str:
    """Refuse a file outside the bundle."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or str(path) != name or "\0" in name:
        raise ValueError(f"{name!r:.60} lies outside the bundle")
    if max(len(part.encode()) for part in path.parts) > 255 or len(name.encode()) > 1000:
        raise ValueError(f"{name!r:.60} is too long for a file")
    return name


def _coordinates(run: dict[str, str]) -> dict[str, str]:
    if run and set(run) != RUN:
        raise ValueError(f"must be empty or have {', '.join(sorted(RUN))}")
    return run


class ListedFile(Strict):
    """Digest and size of a file."""

    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    size: int = Field(ge=0)


class TrainingRows(Strict):
    """What is known of the rows that a model was fitted on."""

    rows: int
    checksum: str
    columns: DeclaredColumns
    dtypes: dict[str, str]
    stored: bool

    @model_validator(mode="after")
    def _same_columns(self) -> TrainingRows:
        if list(self.columns) != list(self.dtypes):
            raise ValueError("columns and dtypes name other columns")
        return self


class Content(Strict):
    """Everything that `bundle.json` holds; see docs/models.md."""

    schema_version: int
    model_id: str
    variant: str
    model: str
    run: Annotated[dict[str, str], AfterValidator(_coordinates)]
    complete: bool
    model_sha256: str
    code_digest: str
    commit: str | None
    dirty: bool | None
    libraries: dict[str, str]
    imports: dict[str, list[str]]
    seeds: dict[str, int]
    training_data: TrainingRows
    id_maps: dict[str, int]
    sql_digests: dict[str, str]
    files: dict[Annotated[str, AfterValidator(_inside)], ListedFile]
    sha256: str


def sealed(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return a content with the digest of it, so that a turned bit is seen where no ledger knows better."""
    others = {name: value for name, value in content.items() if name != SEAL}
    return others | {SEAL: full_digest_json(others)}


def damage(content: Mapping[str, Any]) -> str:
    """Return what is wrong with a content in words, or nothing."""
    try:
        if sealed(content) != content:
            return "its digest is that of another content"
        Content.model_validate(content, strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    except (ValueError, RecursionError) as error:  # half characters, or a depth without end
        return f"no JSON that anybody writes: {type(error).__name__}"
    return ""
