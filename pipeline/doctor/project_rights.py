"""What the credentials may do in a project as a whole, asked of Resource Manager.

https://cloud.google.com/resource-manager/reference/rest/v3/projects/testIamPermissions: anybody may ask.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from google.api_core import exceptions
from google.auth.transport.requests import AuthorizedSession

from pipeline.retries import CALL_TIMEOUT, cloud_errors, with_retries

ADDRESS = "https://cloudresourcemanager.googleapis.com"


def allowed_in_project(credentials: Any, project: str, permissions: Iterable[str]) -> frozenset[str]:
    """Return those of the permissions that are held."""
    url, asked = f"{ADDRESS}/v3/projects/{project}:testIamPermissions", {"permissions": sorted(permissions)}
    with cloud_errors(f"asking what is allowed in project {project}"), AuthorizedSession(credentials) as http:
        return frozenset(with_retries(lambda: _post(http, url, asked)).get("permissions", []))


def _post(http: AuthorizedSession, url: str, body: Any) -> dict[str, Any]:
    answer = http.post(url, json=body, timeout=CALL_TIMEOUT)
    if not answer.ok:
        raise exceptions.from_http_response(answer)
    found: dict[str, Any] = answer.json()
    return found
