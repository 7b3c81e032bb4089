"""Cloud Storage: the only package that talks to it."""

from pipeline.store.store import Store, StoredObject

__all__ = ["Store", "StoredObject"]
