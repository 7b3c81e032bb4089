"""Writes a bundle: the model, its configuration, the code and SQL behind its data, the digest of every file."""

from __future__ import annotations

import json
import pickle
import re
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.base.digests import digest_json, digest_text, sha256_file
from pipeline.errors import RequestError, quoted
from pipeline.models.bundle.info import MODEL_FILE, SCHEMA_VERSION, BundleInfo, sealed
from pipeline.models.bundle.training_data import FILE as TRAINING_FILE
from pipeline.models.bundle.training_data import TrainingData
from pipeline.models.interface import Model, name_of
from pipeline.project.code import distributions, library_versions
from pipeline.project.project import Variant
from pipeline.project.user_code import SEEDS, code_of, kind_of, place_of, repeatable
from pipeline.rows.schema import infer_schema

SCORES = "score_reference.jsonl"
"""File with the distribution of the scores of training rows."""


@dataclass(frozen=True)
class Origin:
    """The origin of a model.

    Parameters
    ----------
    run
        Coordinates of the run: job, run_id, run_date, as_of, snapshot_at, table; empty for a model made from files.
    files
        The files that reproduce it, by path: code, data files, configuration, SQL and functions. A bundle is a small
        project.
    sql_digests
        Digests of the SQL that made the examples, by name.
    modules
        Modules outside of the job that its models import.
    commit
        Git commit, and whether files differed from it.
    """

    run: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)
    sql_digests: Mapping[str, str] = field(default_factory=dict)
    code: str = ""
    modules: Iterable[str] = ()
    commit: tuple[str | None, bool | None] = (None, None)


PLAIN = "keep plain values and arrays in the model: no lambda, lock or open file; or leave it out in __getstate__"
"""Hint about a model that cannot be pickled."""

DEPTH = 3
"""Attributes of attributes that are looked at for the one that cannot be pickled."""

NO_JOB = Origin()
"""Origin of a model that `train_from_path` made without a job."""


def write_bundle(
    folder: Path,
    model: Model,
    variant: Variant,
    data: TrainingData,
    origin: Origin,
    *,
    scores: Callable[[], Sequence[Mapping[str, Any]]] = tuple,
    model_file: Path | None = None,
) -> BundleInfo:
    """Write a model bundle into an empty folder; the model is loaded once, so that a bundle can be used.

    Parameters
    ----------
    model_file
        The file of this model in an earlier bundle, which is copied; None for a new model.
    scores
        Returns the distribution of the scores of training rows. It is called after the model is written, because
        predicting could change the model.

    Raises
    ------
    RequestError
        The model cannot be pickled or loaded again, or its `save_id_maps` fails.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if model_file:
        shutil.copyfile(model_file, folder / MODEL_FILE)
    else:
        write_model(model, folder / MODEL_FILE)
        check_loads(model, folder / MODEL_FILE)
    shutil.copyfile(variant.path, folder / "variant.yaml")
    _write_files(folder, origin)
    data.write(folder)
    rows = scores()
    if rows:
        text = "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows)
        (folder / SCORES).write_text(text, encoding="utf-8")
    if hasattr(model, "save_id_maps"):
        with code_of(name_of(model), "save_id_maps", model.save_id_maps), repeatable():
            model.save_id_maps(folder / "id_maps")
        _check_id_maps(name_of(model), model.save_id_maps, folder / "id_maps")
    info = BundleInfo(sealed(_content(folder, variant, data, origin)))
    (folder / "bundle.json").write_text(json.dumps(info.content, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return info


def write_model(model: Model, path: Path) -> None:
    """Write a model; equal models give equal bytes.

    Raises
    ------
    RequestError
        It cannot be pickled; the message names the attribute.
    """
    import joblib

    name = name_of(model)
    with code_of(name, "pickling"), repeatable():  # scikit-learn's models hold the global generator by default
        try:
            joblib.dump(model, path, compress=3)
        except OSError:
            raise
        except Exception as error:
            where = f"{_unpicklable(model)}: {type(error).__name__}: {quoted(error)}{_place(error, model)}"
            raise RequestError(f"{name}: the model cannot be pickled: {where}", hint=PLAIN) from error


def check_loads(model: Model, path: Path) -> None:
    """Load a model that was just written.

    Raises
    ------
    RequestError
        It cannot be loaded, or something else is loaded.
    """
    import joblib

    name = name_of(model)
    with code_of(name, "unpickling"), repeatable():
        try:
            loaded = joblib.load(path)
        except Exception as error:
            words = f"{type(error).__name__}: {quoted(error)}{_place(error, model)}"
            raise RequestError(f"{name}: the pickled model cannot be loaded: {words}", hint=PLAIN) from error
    if not isinstance(loaded, type(model)):
        what = f"{name}: the pickled model is loaded as {kind_of(loaded)}{_place(None, model)}"
        raise RequestError(what, hint="fix its __reduce__")


def _place(error: Exception | None, model: Model) -> str:
    return place_of(error, getattr(type(model), "__init__", None))


def _unpicklable(thing: object, depth: int = DEPTH) -> str:
    """Return the path of the first attribute that cannot be pickled, such as `attribute steps.clip (function)`."""
    attributes = thing if isinstance(thing, dict) else getattr(thing, "__dict__", {})
    for name, value in attributes.items():
        try:
            pickle.dumps(value)
        except Exception:  # noqa: BLE001 - any error of any library
            inner = _unpicklable(value, depth - 1) if depth else ""
            return f"attribute {name}" + (inner.replace("attribute ", ".", 1) if inner else f" ({kind_of(value)})")
    return "" if depth < DEPTH else "the object itself"


def _check_id_maps(name: str, method: object, folder: Path) -> None:
    """Refuse files that are no id<->index tables, before they become names of tables.

    Raises
    ------
    RequestError
        A file is not `<name>.jsonl`.
    """
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or path.parent != folder or not re.fullmatch(r"[A-Za-z]\w*\.jsonl", path.name):
            what = f"{name}: save_id_maps wrote {path.relative_to(folder)}{place_of(None, method)}"
            raise RequestError(what, hint="write_id_map(ids, folder / 'users.jsonl') names a file <name>.jsonl")


def _write_files(folder: Path, origin: Origin) -> None:
    """Write the project's files; job.yaml is copied to the top, where people look first."""
    files = dict(origin.files)
    job = f"jobs/{origin.run.get('job')}/job.yaml"
    if job in files:
        files["job.yaml"] = files[job]
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def _content(folder: Path, variant: Variant, data: TrainingData, origin: Origin) -> dict[str, Any]:
    model_digest = sha256_file(folder / MODEL_FILE)
    config = (folder / "variant.yaml").read_text(encoding="utf-8")
    commit, dirty = origin.commit
    modules = {variant.config.model.partition(":")[0], *origin.modules}
    return {
        "schema_version": SCHEMA_VERSION,
        "model_id": digest_json([variant.id, model_digest, digest_text(config), data.checksum, origin.code]),
        "variant": variant.id,
        "model": variant.config.model,
        "run": {name: str(value) for name, value in origin.run.items()},
        "complete": bool(origin.run),
        "model_sha256": model_digest,
        "code_digest": origin.code,
        "commit": commit,
        "dirty": dirty,
        "libraries": library_versions(modules),
        "imports": {module: list(found) for module in sorted(modules) if (found := distributions(module))},
        "seeds": SEEDS,
        "training_data": {
            "rows": len(data.frame),
            "checksum": data.checksum,
            "columns": {column.name: column.type for column in infer_schema(data.frame).columns},
            "dtypes": {str(name): str(dtype) for name, dtype in data.frame.dtypes.items()},
            "stored": (folder / TRAINING_FILE).exists(),
        },
        "id_maps": {path.stem: path.read_bytes().count(b"\n") for path in sorted((folder / "id_maps").glob("*.jsonl"))},
        "sql_digests": dict(origin.sql_digests),
        "files": {
            path.relative_to(folder).as_posix(): {"sha256": sha256_file(path), "size": path.stat().st_size}
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        },
    }
