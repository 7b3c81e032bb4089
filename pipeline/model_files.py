"""Model bundles of a run: uploaded whole, committed by a marker that is made once, verified before they are loaded."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pipeline.bundle import SCORES, BundleInfo, load_verified, read_info, verify
from pipeline.digests import sha256_file, unique_name
from pipeline.errors import CheckError, RequestError
from pipeline.models import Model
from pipeline.project import Variant
from pipeline.records import record_of
from pipeline.runs import Run
from pipeline.store import Store

TRAIN_AGAIN = "train again: pipeline run --rerun"
"""What is to be done about a bundle that is not the one that a run committed."""


@dataclass(frozen=True)
class TrainedModel:
    """A committed model of a run.

    Parameters
    ----------
    variant
        Id of the variant, `<name>@<digest>`.
    model_id
        Digest of model, configuration, data and code.
    uri
        Address of the bundle's folder.
    bundle_digest
        Digest of `bundle.json`.
    training_rows, data_checksum, code_digest
        What it was fitted on and with.
    id_maps
        Rows of its id<->index tables, by name.
    """

    variant: str
    model_id: str
    uri: str
    bundle_digest: str
    training_rows: int
    data_checksum: str
    code_digest: str
    id_maps: dict[str, int] = field(default_factory=dict)

    @property
    def row(self) -> dict[str, Any]:
        """What `models_v1` keeps of it."""
        return {name: value for name, value in asdict(self).items() if name != "id_maps"}


@dataclass(frozen=True)
class LoadedModel:
    """A verified model, ready to predict."""

    model: Model
    model_id: str
    variant: str


def commit_model(run: Run, variant: Variant, write: Callable[[Path], BundleInfo]) -> TrainedModel:
    """Write a bundle, upload it under a name of this attempt, and commit it; the loser of a race uses the winner's.

    Parameters
    ----------
    write
        Writes the bundle into an empty folder.
    """
    folder = run.variant_folder("models", variant.id)
    uri = f"{folder}/{unique_name('bundle')}"
    with tempfile.TemporaryDirectory(prefix="bundle-") as name:
        info = write(Path(name))
        _upload(Path(name), uri, run.session.store)
    data = info.content["training_data"]
    made = TrainedModel(
        variant=variant.id,
        model_id=info.model_id,
        uri=uri,
        bundle_digest=info.digest,
        training_rows=data["rows"],
        data_checksum=data["checksum"],
        code_digest=info.content["code_digest"],
        id_maps=info.content["id_maps"],
    )
    marker = _marker(run, variant.id)
    return record_of(TrainedModel, run.session.store.put_json_once(asdict(made), marker), marker)


def committed_model(run: Run, variant_id: str) -> TrainedModel | None:
    """Return the committed model of a variant, or None."""
    uri = _marker(run, variant_id)
    marker = run.session.store.read_json(uri)
    return None if marker is None else record_of(TrainedModel, marker, uri)


def committed_models(run: Run) -> list[TrainedModel]:
    """Return the committed models of a run, in the order of the job's variants."""
    found = (committed_model(run, variant.id) for variant in run.job.variants)
    return [model for model in found if model]


def models_there(run: Run) -> list[TrainedModel]:
    """Return the committed models of a run by their markers, whatever variants the job has now."""
    folder = f"{run.folder('models')}/"
    markers = [item.uri for item in run.session.store.list(folder) if "/" not in item.uri.removeprefix(folder)]
    return [record_of(TrainedModel, run.session.store.read_json(uri), uri) for uri in markers]


def committed_info(model: TrainedModel, store: Store, folder: Path) -> BundleInfo:
    """Return what `bundle.json` of a committed model says, by way of a folder.

    Raises
    ------
    RequestError
        It is gone, or of a schema version that this engine does not know.
    CheckError
        It is not the one that was committed.
    """
    store.download(f"{model.uri}/bundle.json", folder / "bundle.json")
    info = read_info(folder)
    check_committed(model.uri, model.bundle_digest)(info)
    return info


def score_reference(model: TrainedModel, store: Store) -> list[dict[str, Any]]:
    """Return how the scores of a committed model's training rows are distributed; nothing where its bundle lacks that.

    Raises
    ------
    CheckError
        The bundle, or the file, is not the one that was committed.
    """
    with tempfile.TemporaryDirectory(prefix="bundle-") as name:
        folder = Path(name)
        info = committed_info(model, store, folder)
        listed = info.files.get(SCORES)
        if listed is None:
            return []
        path = store.download(f"{model.uri}/{SCORES}", folder / SCORES)
        if listed["sha256"] != sha256_file(path):
            raise CheckError(f"{model.uri}/{SCORES}: not the file that was committed", hint=TRAIN_AGAIN)
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def any_bundle(_: BundleInfo) -> None:
    """Take any bundle: whether its files are what it says is looked at all the same."""


def load_model(place: str, store: Store, check: Callable[[BundleInfo], object] = any_bundle) -> LoadedModel:
    """Fetch, verify and load the bundle at a folder or `gs://` address.

    Parameters
    ----------
    check
        Looks at what the bundle says of itself, and raises where it is not the one that is meant.

    Raises
    ------
    CheckError
        The bundle's files are not what it says; nothing was unpickled.
    """
    with tempfile.TemporaryDirectory(prefix="bundle-") as name:
        info = fetch_verified(place, store, Path(name), check)
        model, _ = load_verified(Path(name), info)
    return LoadedModel(model, info.model_id, str(info.content["variant"]))


def check_committed(place: str, digest: str) -> Callable[[BundleInfo], None]:
    """Return a check that a bundle is the one that its run committed."""

    def check(info: BundleInfo) -> None:
        if info.digest != digest:
            raise CheckError(f"{place}: not the bundle that was committed", hint=TRAIN_AGAIN)

    return check


def fetch_verified(
    place: str, store: Store | None, folder: Path, check: Callable[[BundleInfo], object] = any_bundle
) -> BundleInfo:
    """Get the bundle at a folder or `gs://` address into an empty folder, and verify it there.

    What lies beside its files is left behind: it would be found when code is imported.

    Parameters
    ----------
    check
        Looks at what the bundle says of itself before its files come, and raises where it is not the one that is meant.

    Raises
    ------
    RequestError
        There is none, or an address comes without a store.
    CheckError
        Its files are not what it says.
    """
    if place.startswith("gs://"):
        fetch_bundle(place, store, folder, check)
    else:
        info = read_info(Path(place))
        check(info)
        for name in ("bundle.json", *info.files):
            _copy(Path(place) / name, folder / name)
    info = read_info(folder)
    verify(folder, info, place)
    return info


def _copy(source: Path, copy: Path) -> None:
    """Copy a file; one that is missing is for `verify` to tell."""
    if source.is_file():
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, copy)


def fetch_bundle(
    place: str, store: Store | None, folder: Path, check: Callable[[BundleInfo], object] = any_bundle
) -> Path:
    """Download the bundle at a `gs://` address into an empty folder, unverified, and return the folder.

    Raises
    ------
    RequestError
        There is none, or it comes without a store.
    """
    if store is None:
        raise RequestError(f"{place}: an object needs a target", hint="pass --target")
    uri = place.rstrip("/")
    store.download(f"{uri}/bundle.json", folder / "bundle.json")
    info = read_info(folder)
    check(info)
    for name in info.files:
        content = store.read_bytes(f"{uri}/{name}")
        if content is not None:  # one that is missing is for `verify` to tell
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
    return folder


def _upload(folder: Path, uri: str, store: Store) -> None:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            store.put_file(path, f"{uri}/{path.relative_to(folder)}")


def _marker(run: Run, variant_id: str) -> str:
    return f"{run.variant_folder('models', variant_id)}.json"
