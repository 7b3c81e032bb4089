"""What committed bundles hold besides their models: fetched, compared with their markers; nothing is unpickled."""

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

    def texts(self, ending: str) -> dict[str, str]:
        """Return the project's files with this ending: path in the bundle to text."""
        names = [name for name in self.info.files if name.startswith(PROJECT) and name.endswith(ending)]
        return {name: (self.folder / name).read_text(encoding="utf-8") for name in sorted(names)}

    def training_frame(self) -> pd.DataFrame | None:
        """Return the rows that the model was fitted on, or None where they were too large to be kept."""
        data = stored_training_data(self.folder)
        return data.frame if data else None


def fetch_kept(model: TrainedModel, info: BundleInfo, store: Store, folder: Path) -> KeptBundle:
    """Fetch the whole bundle of a committed model and verify every file of it.

    Parameters
    ----------
    info
        What `committed_info` returned: what the files are compared with.

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
