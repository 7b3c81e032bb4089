"""Checks of Google's side: whether the credentials can log in, whose they are, and which APIs are enabled."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from google.api_core import exceptions
from google.auth.transport.requests import AuthorizedSession, Request

from pipeline.cloud.retries import CALL_TIMEOUT, cloud_errors, with_retries
from pipeline.cloud.roles import READ_SESSION_USER
from pipeline.errors import ApiDisabled, CloudError, PipelineError
from pipeline.operate.doctor.needs import Account
from pipeline.operate.doctor.result import NOTE, OK, CheckResult, failed, result_of
from pipeline.operate.doctor.statements import account_statement
from pipeline.runs.session import Session

RESOURCE_MANAGER = "https://cloudresourcemanager.googleapis.com"
UNNAMED = "an account that neither the credentials nor BigQuery name"


def check_account(account: Account) -> tuple[CheckResult, str]:
    """Log in; return the result, and the address of the account that the credentials belong to."""
    try:
        address = name_of_account(account.session)
    except PipelineError as error:
        return failed("credentials", error), ""
    summary = address or UNNAMED
    if account.phase and address not in account.expected:
        runs = ", ".join(sorted(set(account.expected))) or "another account"
        note = f"{summary}; {account.phase} runs as {runs}, which is not checked here"
        return CheckResult("credentials", NOTE, note), address
    return CheckResult("credentials", OK, summary), address


def name_of_account(session: Session) -> str:
    """Log in, and return the account's address: from the credentials, else from BigQuery if it may be asked."""
    name = log_in(session.warehouse.credentials)
    if name:
        return name
    try:
        return str(session.warehouse.rows(account_statement(session))[0]["account"] or "")
    except PipelineError:
        return ""  # other checks tell what a query lacks


def log_in(credentials: Any) -> str:
    """Ask for a token, which stale or revoked credentials do not get, and return the account's address.

    Returns
    -------
    str
        Empty if the credentials hold none, as those of `gcloud auth application-default login`.
    """
    with cloud_errors("logging in to Google"):
        with_retries(lambda: credentials.refresh(partial(Request(), timeout=CALL_TIMEOUT)))
    return str(getattr(credentials, "service_account_email", "") or getattr(credentials, "account", "") or "")


def member_of(address: str) -> str:
    """Return an account as IAM writes it; `ACCOUNT` in place of an address that is not known."""
    if not address:
        return "ACCOUNT"
    return f"{'serviceAccount' if address.endswith('.gserviceaccount.com') else 'user'}:{address}"


def held_in_project(credentials: Any, project: str, permissions: Iterable[str]) -> frozenset[str]:
    """Return those of the permissions that are held in a project."""
    url, body = f"{RESOURCE_MANAGER}/v3/projects/{project}:testIamPermissions", {"permissions": sorted(permissions)}
    with cloud_errors(f"asking what is allowed in project {project}"), AuthorizedSession(credentials) as http:
        return frozenset(with_retries(lambda: _post(http, url, body)).get("permissions", []))


def _post(http: AuthorizedSession, url: str, body: Any) -> dict[str, Any]:
    response = http.post(url, json=body, timeout=CALL_TIMEOUT)
    if not response.ok:
        raise exceptions.from_http_response(response)
    content: dict[str, Any] = response.json()
    return content


def check_apis(account: Account) -> list[CheckResult]:
    """Check which of Google's APIs are enabled."""
    session, target = account.session, account.session.target
    results = [
        result_of("api bigquery", _enabled, lambda: session.warehouse.rights.location(target.dataset)),
        result_of("api storage", _enabled, lambda: session.store.rights.on_bucket(["storage.objects.get"])),
    ]
    if any(grant.role == READ_SESSION_USER for grant in account.grants):
        table = target.ledger_table("events_v1")
        results.append(result_of("api bigquerystorage", _enabled, lambda: session.warehouse.rights.open_stream(table)))
    return results


def _enabled(call: Callable[[], object]) -> str:
    """Return that an API is enabled: a refusal is an answer, too, which the checks of rights explain."""
    try:
        call()
    except (ApiDisabled, CloudError):
        raise
    except PipelineError:
        pass
    return "enabled"
