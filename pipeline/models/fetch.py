"""Fetches the bundle of a model, verifies it and loads it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pipeline.cloud.storage.store import Store
from pipeline.errors import CheckError, RequestError
from pipeline.models.bundle import BundleInfo, load_verified, read_info, verify
from pipeline.models.contract import Model


@dataclass(frozen=True)
class LoadedModel:
    """A verified model, ready to predict."""

    model: Model
    model_id: str
    variant: str


TRAIN_AGAIN = "train again: pipeline run --rerun"
"""What is to be done about a bundle that is not the one that a run committed."""


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
