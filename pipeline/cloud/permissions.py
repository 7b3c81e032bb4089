"""Explains refusals: the role that grants a missing permission, and an API that is not enabled."""

from __future__ import annotations

import re
from typing import Any

from google.api_core import exceptions

from pipeline.cloud.roles import ROLES
from pipeline.errors import ApiDisabled

PERMISSION = re.compile(r"\b(?:bigquery|storage)\.[a-z]+\.[a-zA-Z]+\b")


def hint_for(message: str) -> str:
    """Return the hint for a refusal: the role to grant for the missing permission."""
    match = PERMISSION.search(message)
    if match is None:
        return "grant the caller a role with the permission"
    permission = match.group()
    role = ROLES.get(permission, "the role that holds it")
    return f"grant {role} for {permission}"


REASONS = {"accessNotConfigured", "SERVICE_DISABLED"}

PAGE = re.compile(r"/apis/(?:api|library)/([a-z0-9-]+\.googleapis\.com)\S*?[?&]project=([\w:.-]*\w)")

OF_GCLOUD = "764086051850"
"""Project of gcloud itself, which user credentials without a quota project use."""


def api_disabled(doing: str, error: exceptions.GoogleAPICallError) -> ApiDisabled | None:
    """Return our error if this one says that an API is not enabled, otherwise None."""
    if not REASONS & {error.reason, *(str(item.get("reason")) for item in error.errors if isinstance(item, dict))}:
        return None
    service, project = _where(error)
    if project == OF_GCLOUD:
        what = f"{doing}: the credentials have no quota project"
        return ApiDisabled(what, hint="run gcloud auth application-default set-quota-project PROJECT")
    hint = f"run gcloud services enable {service} --project={project}, and wait a few minutes"
    return ApiDisabled(f"{doing}: API {service} is not enabled in project {project}", hint=hint)


def _where(error: exceptions.GoogleAPICallError) -> tuple[str, str]:
    """Return service and project of an error, with placeholders for unknown ones."""
    found = PAGE.search(str(error.message))
    metadata: Any = error.metadata or {}
    service, project = found.groups() if found else ("API.googleapis.com", "PROJECT")
    return metadata.get("service", service), metadata.get("consumer", project).removeprefix("projects/")
