"""A committed bundle in a local folder, verified; its files are read, and its model is never unpickled."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from pipeline.cloud.storage.store import Store
from pipeline.models.bundle import BundleInfo, stored_training_data, verify
from pipeline.models.fetch import fetch_bundle
from pipeline.project.code import commit_name
from pipeline.runs.artefacts.models import TrainedModel

PROJECT = ("jobs/", "sql/", "udf/")
"""Folders of a bundle with the files of the project that made it."""


@dataclass(frozen=True)
class KeptBundle:
    """A verified bundle in a local folder."""

    info: BundleInfo
    folder: Path

    def texts(self, suffix: str) -> dict[str, str]:
        """Return the texts of the project files with a suffix, by their paths in the bundle."""
        names = [name for name in self.info.files if name.startswith(PROJECT) and name.endswith(suffix)]
        return {name: (self.folder / name).read_text(encoding="utf-8") for name in sorted(names)}

    def training_frame(self) -> pd.DataFrame | None:
        """Return the rows that the model was fitted on, shape (rows, columns); None if the bundle lacks them."""
        data = stored_training_data(self.folder)
        return data.frame if data else None


def fetch_kept(model: TrainedModel, info: BundleInfo, store: Store, folder: Path) -> KeptBundle:
    """Fetch the whole bundle of a committed model and verify each of its files.

    Parameters
    ----------
    info
        The result of `committed_info`: the files are compared with it.

    Raises
    ------
    RequestError
        A file of the bundle is gone.
    CheckError
        A file is not the committed one.
    """
    fetch_bundle(model.uri, store, folder)
    verify(folder, info, model.uri)
    return KeptBundle(info, folder)


def commit_of(info: BundleInfo) -> str:
    """Return the git commit of a bundle, with `-dirty` if files differed from it; empty outside a checkout."""
    return commit_name(info.content.get("commit"), dirty=info.content.get("dirty")) or ""
