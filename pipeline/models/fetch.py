"""Fetches the bundle of a model, verifies it and loads it."""

from __future__ import annotations

import shutil
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pipeline.cloud.storage.store import Store
from pipeline.errors import CheckError, RequestError
from pipeline.models.bundle import BundleInfo, load_verified, read_info, verify
from pipeline.models.interface import Model
from pipeline.project.project import variant_name
from pipeline.project.user_code import of_variant


@dataclass(frozen=True)
class LoadedModel:
    """A verified model, ready to predict."""

    model: Model
    model_id: str
    variant: str


TRAIN_AGAIN = "train again: pipeline run --rerun"
"""Hint about a bundle that is not the one that its run committed."""


def any_bundle(_: BundleInfo) -> None:
    """Accept any bundle; its checksums are verified anyway."""


def load_model(
    place: str,
    store: Store | None,
    check: Callable[[BundleInfo], object] = any_bundle,
    warn: Callable[[str], object] = warnings.warn,
) -> LoadedModel:
    """Fetch, verify and load the bundle at a folder or `gs://` address.

    Parameters
    ----------
    check
        Gets the content of `bundle.json`, and raises if it is not the expected bundle.
    warn
        Gets a line if versions differ from those in training.

    Raises
    ------
    CheckError
        A file differs from `bundle.json`; nothing was unpickled.
    """
    with tempfile.TemporaryDirectory(prefix="bundle-") as name:
        info = fetch_verified(place, store, Path(name), check)
        variant = str(info.content["variant"])
        with of_variant(variant_name(variant)):
            model, _ = load_verified(Path(name), info, warn)
    return LoadedModel(model, info.model_id, variant)


def check_committed(place: str, digest: str) -> Callable[[BundleInfo], None]:
    """Return a check that raises `CheckError` unless a bundle is the one that its run committed."""

    def check(info: BundleInfo) -> None:
        if info.digest != digest:
            raise CheckError(f"{place}: not the bundle that was committed", hint=TRAIN_AGAIN)

    return check


def fetch_verified(
    place: str, store: Store | None, folder: Path, check: Callable[[BundleInfo], object] = any_bundle
) -> BundleInfo:
    """Copy the bundle at a folder or `gs://` address into an empty folder, and verify it there.

    Files that the bundle does not list are not copied: an import could find them.

    Parameters
    ----------
    check
        Gets the content of `bundle.json` before other files are copied, and raises if it is not the expected one.

    Raises
    ------
    RequestError
        The bundle is missing, or an address is given without a store.
    CheckError
        A file differs from `bundle.json`.
    """
    if place.startswith("gs://"):
        fetch_bundle(place, store, folder, check)
    else:
        info = read_info(Path(place))
        check(info)
        for name in ("bundle.json", *info.files):
            if (Path(place) / name).is_file():  # `verify` reports a missing one
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(Path(place) / name, folder / name)
    info = read_info(folder)
    verify(folder, info, place)
    return info


def fetch_bundle(
    place: str, store: Store | None, folder: Path, check: Callable[[BundleInfo], object] = any_bundle
) -> Path:
    """Download the bundle at a `gs://` address into an empty folder, unverified, and return the folder.

    Raises
    ------
    RequestError
        The bundle is missing, or there is no store.
    """
    if store is None:
        raise RequestError(f"{place}: an object needs a target", hint="pass --target")
    uri = place.rstrip("/")
    store.download(f"{uri}/bundle.json", folder / "bundle.json")
    info = read_info(folder)
    check(info)
    for name in info.files:
        content = store.read_bytes(f"{uri}/{name}")
        if content is not None:  # `verify` reports a missing one
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
    return folder
