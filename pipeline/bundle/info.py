"""What a bundle says of itself, and whether its files are those that it lists; no code is loaded."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from pipeline.digests import full_digest_json, sha256_file
from pipeline.errors import CheckError, RequestError

SCHEMA_VERSION = 2
"""Of `bundle.json` and the files beside it; 2 brought the job's code, functions and seeds."""

NEEDED = ("model.joblib", "variant.yaml")
"""Files without which a model cannot be used."""


PARTS = {
    **dict.fromkeys(("model_id", "variant", "model", "model_sha256", "code_digest"), str),
    **dict.fromkeys(("run", "libraries", "imports", "seeds", "training_data", "sql_digests", "files"), dict),
}
"""What `bundle.json` holds besides its version, and of which kind it is."""


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
    """
    try:
        content = json.loads((folder / "bundle.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RequestError(f"{folder}: no model bundle here ({error})", hint="name the bundle's folder") from error
    if not isinstance(content, dict):
        raise RequestError(f"{folder}: no model bundle here (no object)", hint="name the bundle's folder")
    version = content.get("schema_version")
    if version != SCHEMA_VERSION:
        what = f"{folder}: bundle of schema version {version}, this engine reads {SCHEMA_VERSION}"
        raise RequestError(what, hint="train again, or use the engine that made it")
    if not _is_whole(content):
        raise CheckError(f"{folder}: bundle.json is damaged", hint="get the bundle again")
    return BundleInfo(content)


def verify(folder: Path, info: BundleInfo) -> None:
    """Compare every file with its entry; what is used has to have one, and nothing else may lie beside them.

    Raises
    ------
    CheckError
        A file is missing, differs from its entry, or has none.
    """
    for name in sorted({*NEEDED, *info.files}):
        path, file = folder / name, info.files.get(name, {})
        if not path.is_file() or file.get("size") != path.stat().st_size or file.get("sha256") != sha256_file(path):
            raise CheckError(f"{path}: missing or not the file that bundle.json lists", hint="get the bundle again")
    listed = {folder / name for name in (*info.files, "bundle.json")}
    strange = [path for path in sorted(folder.rglob("*.py")) if path not in listed]
    if strange:
        raise CheckError(f"{strange[0]}: code that bundle.json does not list", hint="get the bundle again")


def _is_whole(content: Mapping[str, Any]) -> bool:
    """Tell whether the parts that are used are there, and files lie inside the bundle."""
    files = content.get("files")
    if not all(isinstance(content.get(name), kind) for name, kind in PARTS.items()):
        return False
    if not isinstance(files, dict) or not all(isinstance(file, dict) for file in files.values()):
        return False
    return not any(PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts for name in files)
