"""The account behind Google's credentials: whether it can log in, and its name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

from google.api_core import exceptions
from google.auth.transport.requests import AuthorizedSession, Request

from pipeline.cloud.retries import CALL_TIMEOUT, cloud_errors, with_retries
from pipeline.errors import ApiDisabled, CloudError, PipelineError
from pipeline.operate.deploy.access import STREAMS
from pipeline.operate.doctor.finding import NOTED, Finding, found
from pipeline.operate.doctor.statements import account_statement
from pipeline.operate.doctor.subject import Subject
from pipeline.runs.session import Session


def log_in(credentials: Any) -> str:
    """Ask for a token, which no stale or revoked credentials get, and return the account's name.

    Returns
    -------
    str
        Its address; empty where the credentials do not say, as those of `gcloud auth application-default login`.
    """
    with cloud_errors("logging in to Google"):
        with_retries(lambda: credentials.refresh(partial(Request(), timeout=CALL_TIMEOUT)))
    return str(getattr(credentials, "service_account_email", "") or getattr(credentials, "account", "") or "")


def member_of(account: str) -> str:
    """Return an account as IAM writes it."""
    return f"{'serviceAccount' if account.endswith('.gserviceaccount.com') else 'user'}:{account}"


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


UNNAMED = "an account that neither the credentials nor BigQuery name"


def name_of_account(session: Session) -> str:
    """Log in, and return the account's name: as the credentials say, else as BigQuery does, where it may be asked."""
    name = log_in(session.warehouse.credentials)
    if name:
        return name
    try:
        return str(session.warehouse.rows(account_statement(session))[0]["account"] or "")
    except PipelineError:
        return ""  # what is missing for a query is said by the checks that are about it


def look_at_account(subject: Subject, names: list[str]) -> Iterator[Finding]:
    """Say who this is; `names` gets the account's name."""
    yield found("credentials", _credentials, subject, names)


def _credentials(subject: Subject, names: list[str]) -> str:
    names.append(name_of_account(subject.session))
    said = names[0] or UNNAMED
    if subject.phase and names[0] not in subject.expected_accounts:
        runs = ", ".join(sorted(set(subject.expected_accounts))) or "another account"
        return f"{NOTED}{said}; {subject.phase} runs as {runs}, of which nothing is said here"
    return said


def look_at_apis(subject: Subject) -> Iterator[Finding]:
    """Say which APIs are enabled."""
    session, target = subject.session, subject.session.target
    yield found("api bigquery", _answers, lambda: session.warehouse.rights.location(target.dataset))
    yield found("api storage", _answers, lambda: session.store.rights.on_bucket(["storage.objects.get"]))
    if any(grant.role == STREAMS for grant in subject.grants):
        table = target.ledger_table("events_v1")
        yield found("api bigquerystorage", _answers, lambda: session.warehouse.rights.open_stream(table))


def _answers(ask: Callable[[], object]) -> str:
    """Say that an API answers: a refusal is an answer, too; what is refused is for other checks to say."""
    try:
        ask()
    except (ApiDisabled, CloudError):
        raise
    except PipelineError:
        pass
    return "enabled"
