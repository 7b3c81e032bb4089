"""The bucket: what is deleted when, and the folders that rights hold for.

Lifecycle: https://cloud.google.com/storage/docs/lifecycle. Only what can be made again is deleted: claims, hundreds of
bytes each below `attempts/`, say which generation of a run date is the newest, and models reproduce what was predicted.
"""

from __future__ import annotations

from typing import Any

from pipeline.deploy.access import FOLDERS
from pipeline.deploy.deployment import Deployment

DAYS = {"attempts/staged": 30, "failures": 30, "sources": 30, "rejects": 90, "predictions": 365}
"""Days after which objects below a folder of the job are deleted; published predictions stay in their table."""

ENDINGS = {"predictions": [".jsonl"]}
"""Of these folders only what ends so: markers and manifests, some hundred bytes each, say that a run date is done. One
that is not is done again, and what had been published replaced by what the sources say by then.
"""

SOFT_DELETE = "7d"
"""For how long a deleted object can be restored."""


def lifecycle(deployment: Deployment) -> dict[str, Any]:
    """Return the rules of this job: `merge.py` puts them beside those of others."""
    rules = [{"action": {"type": "Delete"}, "condition": _condition(deployment, folder)} for folder in DAYS]
    return {"lifecycle": {"rule": rules}}


def _condition(deployment: Deployment, folder: str) -> dict[str, Any]:
    endings = {"matchesSuffix": ENDINGS[folder]} if folder in ENDINGS else {}
    return {"age": DAYS[folder], "matchesPrefix": [f"{deployment.folder}/{folder}/"], **endings}


def folders(deployment: Deployment) -> dict[str, str]:
    """Return the addresses of the managed folders by kind."""
    return {kind: f"gs://{deployment.target.bucket}/{deployment.folder}/{kind}/" for kind in FOLDERS}
