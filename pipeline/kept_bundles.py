"""What committed bundles hold besides their models: fetched, compared with their markers; nothing is unpickled."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from pipeline.bundle import BundleInfo, read_info, stored_training_data, verify
from pipeline.model_files import TrainedModel, check_committed, fetch_bundle
from pipeline.provenance import commit_name
from pipeline.store import Store

PROJECT = ("jobs/", "sql/", "udf/")
"""Folders of a bundle with the files of the project that made it."""


@dataclass(frozen=True)
class KeptBundle:
    """A verified bundle in a local folder."""

    info: BundleInfo
    folder: Path

    def texts(self, ending: str) -> dict[str, str]:
        """Return the project's files with this ending: path in the bundle to text."""
        names = [name for name in self.info.files if name.startswith(PROJECT) and name.endswith(ending)]
        return {name: (self.folder / name).read_text(encoding="utf-8") for name in sorted(names)}

    def training_frame(self) -> pd.DataFrame | None:
        """Return the rows that the model was fitted on, or None where they were too large to be kept."""
        data = stored_training_data(self.folder)
        return data.frame if data else None


def fetch_info(model: TrainedModel, store: Store, folder: Path) -> BundleInfo:
    """Return what `bundle.json` of a committed model says.

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


def fetch_kept(model: TrainedModel, info: BundleInfo, store: Store, folder: Path) -> KeptBundle:
    """Fetch the whole bundle of a committed model and verify every file of it.

    Parameters
    ----------
    info
        What `fetch_info` returned: what the files are compared with.

    Raises
    ------
    RequestError
        A file of it is gone.
    CheckError
        A file is not the one that was committed.
    """
    fetch_bundle(model.uri, store, folder)
    verify(folder, info, model.uri)
    return KeptBundle(info, folder)


def commit_of(info: BundleInfo) -> str:
    """Return the git commit of a bundle, with `-dirty` where files differed from it; empty outside a checkout."""
    return commit_name(info.content.get("commit"), dirty=info.content.get("dirty")) or ""
