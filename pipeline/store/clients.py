"""The Cloud Storage client, made in one place; the local target differs in endpoint and credentials only."""

from __future__ import annotations

from google.auth.credentials import AnonymousCredentials
from google.cloud import storage  # type: ignore[attr-defined] # no annotations in this package

from pipeline.target import Target


def storage_client(target: Target) -> storage.Client:
    """Return the client for buckets and objects."""
    if not target.endpoints:
        return storage.Client(project=target.project)
    return storage.Client(
        project=target.project,
        credentials=AnonymousCredentials(),
        client_options={"api_endpoint": target.endpoints.storage},
    )
