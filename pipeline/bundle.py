"""The model bundle: one folder that holds everything that reproduces a model."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import joblib
import pandas as pd

from pipeline.digests import canonical_json, digest_json, digest_text, sha256_file
from pipeline.errors import CheckError, RequestError
from pipeline.model_config import ModelConfig
from pipeline.models import Model
from pipeline.project import Variant
from pipeline.provenance import library_versions
from pipeline.yaml_file import read_yaml

SCHEMA_VERSION = 1
TRAINING_FRAME_LIMIT = 256 * 1024**2
"""Bytes of a training frame up to which the bundle holds it; beyond, it holds the snapshot's coordinates only."""

SCORES = "score_reference.jsonl"
"""File of a bundle: how the scores of training rows are distributed."""


@dataclass(frozen=True)
class BundleInfo:
    """What `bundle.json` holds, and its digest."""

    content: Mapping[str, Any]

    @property
    def model_id(self) -> str:
        """Digest of model, configuration, data and code; no times."""
        return str(self.content["model_id"])

    @property
    def digest(self) -> str:
        """Digest of `bundle.json`; the ledger keeps it."""
        return digest_json(self.content)


@dataclass(frozen=True)
class Origin:
    """Where a model comes from.

    Parameters
    ----------
    run
        Coordinates of the run: job, run_id, run_date, as_of, snapshot_at, table; empty for a model made from files.
    sql
        Assets that made the examples: name to file text.
    sql_digests
        Their digests.
    job_file
        The job's YAML file, if there is a job.
    code
        Digest of the job's code, if there is a job.
    commit
        Git commit and whether files differed from it.
    """

    run: Mapping[str, Any]
    sql: Mapping[str, str]
    sql_digests: Mapping[str, str]
    job_file: Path | None
    code: str
    commit: tuple[str | None, bool | None]


NO_JOB = Origin(run={}, sql={}, sql_digests={}, job_file=None, code="", commit=(None, None))
"""Origin of a model that `train_from_path` made without a job."""


@dataclass(frozen=True)
class TrainingData:
    """The training frame, shape (rows, columns), and its checksum; computed once for all variants."""

    frame: pd.DataFrame
    checksum: str

    @classmethod
    def of(cls, frame: pd.DataFrame) -> TrainingData:
        """Return a frame with its checksum."""
        return cls(frame, frame_checksum(frame))

    @cached_property
    def parquet(self) -> bytes:
        """The frame as a Parquet file."""
        content: bytes = self.frame.to_parquet(None, index=False, compression="zstd")
        return content


def write_bundle(
    folder: Path,
    model: Model,
    variant: Variant,
    data: TrainingData,
    origin: Origin,
    *,
    scores: Callable[[], Sequence[Mapping[str, Any]]] = tuple,
) -> BundleInfo:
    """Write a model bundle into an empty folder.

    Parameters
    ----------
    scores
        Returns how scores of training rows are distributed; called when the model is written, which predicting could
        change.
    """
    folder.mkdir(parents=True, exist_ok=True)
    joblib.dump(model, folder / "model.joblib", compress=3)
    shutil.copyfile(variant.path, folder / "variant.yaml")
    if origin.job_file:
        shutil.copyfile(origin.job_file, folder / "job.yaml")
    _write_sql(folder, origin.sql)
    _write_training_frame(folder, data)
    _write_scores(folder, scores())
    if hasattr(model, "save_id_maps"):
        model.save_id_maps(folder / "id_maps")
    info = BundleInfo(_content(folder, variant, data, origin))
    (folder / "bundle.json").write_text(json.dumps(info.content, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return info


def read_bundle(folder: Path) -> tuple[Model, BundleInfo, ModelConfig]:
    """Verify a bundle, then load its model.

    Raises
    ------
    RequestError
        The folder is no bundle, or of a schema version that this engine does not know.
    CheckError
        A file is missing or differs from what `bundle.json` says; nothing was unpickled.
    """
    info = read_info(folder)
    _verify(folder, info.content.get("files", {}))
    model = _unpickled(folder / "model.joblib")
    return model, info, read_yaml(folder / "variant.yaml", ModelConfig)


def _unpickled(path: Path) -> Model:
    try:
        model: Model = joblib.load(path)
    except ImportError as error:
        what = f"{path}: the model's class cannot be imported ({error})"
        raise RequestError(what, hint="run in the project's folder or install the package that has it") from error
    return model


def read_info(folder: Path) -> BundleInfo:
    """Read `bundle.json` without loading any code."""
    try:
        content = json.loads((folder / "bundle.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RequestError(f"{folder}: no model bundle here ({error})", hint="name the bundle's folder") from error
    if not isinstance(content, dict):
        raise RequestError(f"{folder}: no model bundle here (no object)", hint="name the bundle's folder")
    if content.get("schema_version") != SCHEMA_VERSION:
        what = f"{folder}: bundle of schema version {content.get('schema_version')}, this engine reads {SCHEMA_VERSION}"
        raise RequestError(what, hint="train again")
    return BundleInfo(content)


def _verify(folder: Path, listed: Mapping[str, Mapping[str, Any]]) -> None:
    """Compare every file with its entry; what is loaded has to have one."""
    for name in sorted({"model.joblib", "variant.yaml", *listed}):
        path, file = folder / name, listed.get(name, {})
        if not path.is_file() or file.get("size") != path.stat().st_size or file.get("sha256") != sha256_file(path):
            raise CheckError(f"{path}: missing or not the file that bundle.json lists", hint="get the bundle again")


def frame_checksum(frame: pd.DataFrame) -> str:
    """Return a checksum of a frame's rows that does not depend on their order (hex of a sum of 64-bit row hashes)."""
    plain = frame.astype({name: "string" for name in frame.columns if frame[name].dtype == "date32[day][pyarrow]"})
    hashes = pd.util.hash_pandas_object(plain, index=False)  # (rows,)
    columns = digest_text(canonical_json([(name, str(dtype)) for name, dtype in frame.dtypes.items()]))
    return hashlib.sha256(f"{columns}{len(frame)}{int(hashes.sum())}".encode()).hexdigest()[:16]


def _write_sql(folder: Path, sql: Mapping[str, str]) -> None:
    for name, text in sql.items():
        path = folder / "sql" / f"{name}.sql"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def _write_training_frame(folder: Path, data: TrainingData) -> None:
    if data.frame.memory_usage(deep=False).sum() <= TRAINING_FRAME_LIMIT:
        (folder / "training.parquet").write_bytes(data.parquet)


def _write_scores(folder: Path, scores: Sequence[Mapping[str, Any]]) -> None:
    if scores:
        text = "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in scores)
        (folder / SCORES).write_text(text, encoding="utf-8")


def _content(folder: Path, variant: Variant, data: TrainingData, origin: Origin) -> dict[str, Any]:
    model_digest = sha256_file(folder / "model.joblib")
    config = (folder / "variant.yaml").read_text(encoding="utf-8")
    commit, dirty = origin.commit
    return {
        "schema_version": SCHEMA_VERSION,
        "model_id": digest_json([variant.id, model_digest, digest_text(config), data.checksum, origin.code]),
        "variant": variant.id,
        "run": {name: str(value) for name, value in origin.run.items()},
        "complete": bool(origin.run),
        "model_sha256": model_digest,
        "code_digest": origin.code,
        "commit": commit,
        "dirty": dirty,
        "libraries": library_versions(),
        "training_data": {
            "rows": len(data.frame),
            "checksum": data.checksum,
            "stored": (folder / "training.parquet").exists(),
        },
        "sql_digests": dict(origin.sql_digests),
        "files": {
            str(path.relative_to(folder)): {"sha256": sha256_file(path), "size": path.stat().st_size}
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        },
    }
