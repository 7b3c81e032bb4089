"""The content of `bundle.json`, checked when it is read, and compared with the files of the bundle."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Annotated, Any

from pydantic import AfterValidator, Field, ValidationError, model_validator

from pipeline.base.digests import full_digest_json, sha256_file
from pipeline.base.strict_yaml import Strict
from pipeline.errors import CheckError, RequestError
from pipeline.project.code import commit_name
from pipeline.rows.schema import DeclaredColumns

SCHEMA_VERSION = 2
"""Version of the format of a bundle."""

SEAL = "sha256"
"""Key of the digest of all other keys."""

RUN = {"job", "run_id", "run_date", "generation", "as_of", "snapshot_at", "examples", "family"}
"""Coordinates of the run that made a model."""


def _inside(name: str) -> str:
    """Refuse a file outside the bundle."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or str(path) != name or "\0" in name:
        raise ValueError(f"{name!r:.60} is outside of the bundle")
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
    """The rows that a model was fitted on."""

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
    """The content of `bundle.json`; see docs/models.md."""

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
    """Return a content with its digest added, so that a flipped bit is noticed without the ledger, too."""
    others = {name: value for name, value in content.items() if name != SEAL}
    return others | {SEAL: full_digest_json(others)}


def damage(content: Mapping[str, Any]) -> str:
    """Return what is wrong with a content; empty if nothing is."""
    try:
        if sealed(content) != content:
            return "its digest does not match"
        Content.model_validate(content, strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    except (ValueError, RecursionError) as error:  # lone surrogates, or unlimited depth
        return f"not JSON that this engine writes: {type(error).__name__}"
    return ""


MODEL_FILE = "model.joblib"

NEEDED = (MODEL_FILE, "variant.yaml")
"""Files that a usable bundle must have."""


@dataclass(frozen=True)
class BundleInfo:
    """The content of `bundle.json`, and its digest."""

    content: Mapping[str, Any]

    @property
    def model_id(self) -> str:
        """Digest of model, configuration, data and code; no times."""
        return str(self.content["model_id"])

    @property
    def files(self) -> Mapping[str, Mapping[str, Any]]:
        """Size and SHA-256 of every file, by its path in the bundle."""
        files: Mapping[str, Mapping[str, Any]] = self.content["files"]
        return files

    @property
    def run(self) -> Mapping[str, str]:
        """Coordinates of the run that made the model; empty without a job."""
        run: Mapping[str, str] = self.content["run"]
        return run

    @property
    def commit(self) -> str:
        """Git commit of the code, with `-dirty` if files differed from it; empty outside a checkout."""
        return commit_name(self.content.get("commit"), dirty=self.content.get("dirty")) or ""

    @property
    def digest(self) -> str:
        """SHA-256 of `bundle.json`, independent of the order of its keys; the ledger records it."""
        return full_digest_json(self.content)


def read_info(folder: Path) -> BundleInfo:
    """Return the content of `bundle.json`.

    Raises
    ------
    RequestError
        The folder is not a bundle, or has another schema version than this engine reads.
    CheckError
        The content is damaged.
    """
    try:
        content = json.loads((folder / "bundle.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise RequestError(f"{folder}: no model bundle here ({error})", hint="name the bundle's folder") from error
    if not isinstance(content, dict):
        raise RequestError(f"{folder}: no model bundle here (not a JSON object)", hint="name the bundle's folder")
    version = content.get("schema_version")
    if version != SCHEMA_VERSION:
        what = f"{folder}: bundle of schema version {version}, this engine reads {SCHEMA_VERSION}"
        raise RequestError(what, hint="train again, or use the engine that made it")
    wrong = damage(content)
    if wrong:
        raise CheckError(f"{folder}: bundle.json is damaged ({wrong})", hint="get the bundle again")
    return BundleInfo(content)


def verify(folder: Path, info: BundleInfo, place: str = "") -> None:
    """Compare every file of a bundle with its entry in `bundle.json`.

    Parameters
    ----------
    place
        Origin of the bundle, for errors.

    Raises
    ------
    CheckError
        A file is missing, differs from its entry, or a needed file has no entry.
    """
    for name in sorted({*NEEDED, *info.files}):
        path, file = folder / name, info.files.get(name, {})
        if not path.is_file() or file.get("size") != path.stat().st_size or file.get("sha256") != sha256_file(path):
            what = f"{(place or str(folder)).rstrip('/')}/{name}: missing or not the file that bundle.json lists"
            raise CheckError(what, hint="get the bundle again")
