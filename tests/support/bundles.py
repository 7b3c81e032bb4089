"""Loads model bundles in tests."""

from __future__ import annotations

from pathlib import Path

from pipeline.models.fetch import load_model
from pipeline.models.interface import Model


def read_bundle(folder: Path) -> Model:
    """Return the model of a bundle in a local folder, verified and loaded as predict does it."""
    return load_model(str(folder), None).model
