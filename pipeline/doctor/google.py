"""Google as these credentials see it: who they are, and which APIs answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from pipeline.deploy.access import STREAMS
from pipeline.doctor.account import log_in
from pipeline.doctor.finding import NOTED, Finding, found
from pipeline.doctor.subject import Subject
from pipeline.errors import ApiDisabled, CloudError, PipelineError
from pipeline.session import Session
from pipeline.statements.doctor import account_statement

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
