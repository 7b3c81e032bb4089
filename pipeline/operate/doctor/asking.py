"""Asking Google which permissions are held on a place."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from pipeline.errors import ApiDisabled, PermissionMissing
from pipeline.operate.deploy import access
from pipeline.operate.doctor.google import allowed_in_project
from pipeline.operate.doctor.statements import new_table_statement
from pipeline.operate.doctor.subject import Need, Subject
from pipeline.runs.session import Session
from pipeline.runs.tables import functions
from pipeline.sql import TableName

ResultT = TypeVar("ResultT")


OF_A_TABLE = frozenset(f"bigquery.tables.{name}" for name in ("get", "getData", "update", "updateData", "delete"))
"""Permissions that one can ask a table about."""


@dataclass(frozen=True)
class Answer:
    """Which permissions are held.

    Parameters
    ----------
    unknown
        Permissions about which nothing could be learned, and why.
    first
        Command that makes the place, without which nothing can be granted on it.
    """

    held: frozenset[str]
    unknown: Mapping[str, str] = field(default_factory=dict)
    first: str = ""


def ask(subject: Subject, need: Need, permissions: Collection[str]) -> Answer:
    """Ask about permissions on a place."""
    session = subject.session
    if need.kind == access.PROJECT:
        return _project(session, permissions)
    if need.kind == access.DATASET:
        own = {other.name.partition(".")[2] for other in subject.needs if other.kind == access.TABLE}
        return _dataset(session, need.name, permissions, own)
    if need.kind == access.TABLE:
        return _table(session, need.name, permissions)
    if need.kind == access.FOLDER:
        return _folder(session, need.name, permissions)
    return Answer(session.store.rights.on_bucket(permissions))


def _folder(session: Session, name: str, permissions: Collection[str]) -> Answer:
    rights = session.store.rights
    held = rights.on_folder(name, permissions)
    if held is None:  # rights on the whole bucket hold all the same
        make = f"gcloud storage managed-folders create gs://{session.target.bucket}/{name}"
        return Answer(rights.on_bucket(permissions), first=make)
    return Answer(held)


def _project(session: Session, permissions: Iterable[str]) -> Answer:
    try:
        return Answer(allowed_in_project(session.warehouse.credentials, session.target.project, permissions))
    except ApiDisabled as error:  # no phase needs it, so it is no error that nobody enabled it
        return Answer(frozenset(), dict.fromkeys(permissions, str(error)))


def _table(session: Session, name: str, permissions: Collection[str]) -> Answer:
    dataset, _, table = name.partition(".")
    full = TableName(session.target.project, dataset, table)
    if _allowed(lambda: session.warehouse.tables.exists(full)) is False:
        return Answer(frozenset(), dict.fromkeys(permissions, "the table is not there yet; pipeline setup makes it"))
    return Answer(session.warehouse.rights.on_table(dataset, table, permissions))


def _dataset(session: Session, dataset: str, permissions: Collection[str], own: Collection[str]) -> Answer:
    """Ask about a dataset; tables with rights of their own say nothing of it."""
    rights = session.warehouse.rights
    unknown: dict[str, str] = {}
    if _allowed(lambda: rights.location(dataset) is not None) is False:
        return Answer(frozenset(), dict.fromkeys(permissions, "the dataset is not there"))
    held = {name for name, test in _tests(session, dataset).items() if name in permissions and test()}
    table = _allowed(lambda: rights.a_table(dataset, but=own) or "")
    if table:
        held |= rights.on_table(dataset, table, OF_A_TABLE & set(permissions))
    elif table == "":
        unknown |= dict.fromkeys(OF_A_TABLE, "there is no table yet that could be asked")
    if _allowed(lambda: rights.a_function(dataset) or "") == "":
        unknown["bigquery.routines.get"] = "there is no function yet that could be asked"
    unknown["bigquery.datasets.update"] = "nothing tells without changing the dataset"
    return Answer(frozenset(held), {name: why for name, why in unknown.items() if name in permissions})


def _tests(session: Session, dataset: str) -> dict[str, Callable[[], bool]]:
    """Return how each permission on a dataset shows."""
    rights = session.warehouse.rights

    def sees_function() -> bool:
        name = _allowed(lambda: rights.a_function(dataset))
        return name is not None and rights.may_look_at_function(dataset, name)

    return {
        "bigquery.datasets.get": lambda: _allowed(lambda: rights.location(dataset)) is not None,
        "bigquery.tables.list": lambda: _allowed(lambda: rights.a_table(dataset) or "") is not None,
        "bigquery.tables.create": lambda: rights.may_run(new_table_statement(session, dataset)),
        "bigquery.routines.list": lambda: _allowed(lambda: rights.a_function(dataset) or "") is not None,
        "bigquery.routines.get": sees_function,
        "bigquery.routines.create": lambda: rights.may_run(next(functions(session)).statement),
    }


def _allowed(look: Callable[[], ResultT]) -> ResultT | None:
    """Return what a look finds, or None where it is not allowed."""
    try:
        return look()
    except ApiDisabled:
        raise
    except PermissionMissing:
        return None
