"""What a bundle says of itself, and whether its files are those that it lists; no code is loaded."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.bundle.content import SCHEMA_VERSION, damage
from pipeline.digests import full_digest_json, sha256_file
from pipeline.errors import CheckError, RequestError

NEEDED = ("model.joblib", "variant.yaml")
"""Files without which a model cannot be used."""


@dataclass(frozen=True)
class BundleInfo:
    """What `bundle.json` holds, and its digest."""

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
        """Coordinates of the run that made the model; empty for one made without a job."""
        run: Mapping[str, str] = self.content["run"]
        return run

    @property
    def digest(self) -> str:
        """SHA-256 of `bundle.json`, whatever the order of its keys; the ledger keeps it."""
        return full_digest_json(self.content)


def read_info(folder: Path) -> BundleInfo:
    """Read `bundle.json`.

    Raises
    ------
    RequestError
        The folder is no bundle, or of a schema version that this engine does not know.
    CheckError
        It is damaged.
    """
    try:
        content = json.loads((folder / "bundle.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise RequestError(f"{folder}: no model bundle here ({error})", hint="name the bundle's folder") from error
    if not isinstance(content, dict):
        raise RequestError(f"{folder}: no model bundle here (no object)", hint="name the bundle's folder")
    version = content.get("schema_version")
    if version != SCHEMA_VERSION:
        what = f"{folder}: bundle of schema version {version}, this engine reads {SCHEMA_VERSION}"
        raise RequestError(what, hint="train again, or use the engine that made it")
    wrong = damage(content)
    if wrong:
        raise CheckError(f"{folder}: bundle.json is damaged ({wrong})", hint="get the bundle again")
    return BundleInfo(content)


def verify(folder: Path, info: BundleInfo, place: str = "") -> None:
    """Compare every file with its entry; what is used has to have one.

    Parameters
    ----------
    place
        Where the bundle was fetched from, for errors.

    Raises
    ------
    CheckError
        A file is missing, differs from its entry, or has none.
    """
    for name in sorted({*NEEDED, *info.files}):
        path, file = folder / name, info.files.get(name, {})
        if not path.is_file() or file.get("size") != path.stat().st_size or file.get("sha256") != sha256_file(path):
            what = f"{(place or str(folder)).rstrip('/')}/{name}: missing or not the file that bundle.json lists"
            raise CheckError(what, hint="get the bundle again")
