"""Permissions that the credentials hold on a place, as Google answers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from pipeline.errors import ApiDisabled, PermissionMissing
from pipeline.operate.deploy import access
from pipeline.operate.doctor.google import held_in_project
from pipeline.operate.doctor.needs import Account, Need
from pipeline.operate.doctor.statements import new_table_statement
from pipeline.runs.session import Session
from pipeline.runs.tables import functions
from pipeline.sql import TableName

ResultT = TypeVar("ResultT")

OF_A_TABLE = frozenset(f"bigquery.tables.{name}" for name in ("get", "getData", "update", "updateData", "delete"))
"""Permissions that BigQuery tells for a table."""


@dataclass(frozen=True)
class Held:
    """Permissions that are held on a place, and those that Google did not tell about, each with the reason.

    `first` is the command that makes the place; until then no right can be granted on it.
    """

    permissions: frozenset[str]
    unknown: Mapping[str, str] = field(default_factory=dict)
    first: str = ""


def held_on(account: Account, need: Need, permissions: Collection[str]) -> Held:
    """Return which of the permissions are held on a place."""
    session = account.session
    if need.kind == access.PROJECT:
        return _on_project(session, permissions)
    if need.kind == access.DATASET:
        own = {other.name.partition(".")[2] for other in account.needs if other.kind == access.TABLE}
        return _on_dataset(session, need.name, permissions, own)
    if need.kind == access.TABLE:
        return _on_table(session, need.name, permissions)
    on_bucket = session.store.rights.on_bucket
    if need.kind == access.FOLDER:
        held = session.store.rights.on_folder(need.name, permissions)
        if held is not None:
            return Held(held)
        # The managed folder does not exist, but rights on the whole bucket hold there, too
        make = f"gcloud storage managed-folders create gs://{session.target.bucket}/{need.name}"
        return Held(on_bucket(permissions), first=make)
    return Held(on_bucket(permissions))


def _on_project(session: Session, permissions: Iterable[str]) -> Held:
    try:
        return Held(held_in_project(session.warehouse.credentials, session.target.project, permissions))
    except ApiDisabled as error:  # no phase needs this API, so it is no error that it is not enabled
        return Held(frozenset(), dict.fromkeys(permissions, str(error)))


def _on_table(session: Session, name: str, permissions: Collection[str]) -> Held:
    dataset, _, table = name.partition(".")
    full = TableName(session.target.project, dataset, table)
    if _allowed(lambda: session.warehouse.tables.exists(full)) is False:
        return Held(frozenset(), dict.fromkeys(permissions, "the table does not exist yet; pipeline setup makes it"))
    return Held(session.warehouse.rights.on_table(dataset, table, permissions))


def _on_dataset(session: Session, dataset: str, permissions: Collection[str], own: Collection[str]) -> Held:
    """Ask about a dataset; tables in `own` have their own rights, so they tell nothing about the dataset."""
    rights = session.warehouse.rights
    location = _allowed(lambda: rights.location(dataset) or "")
    if location == "":
        return Held(frozenset(), dict.fromkeys(permissions, "the dataset does not exist"))
    table = _allowed(lambda: rights.a_table(dataset, but=own) or "")
    function = _allowed(lambda: rights.a_function(dataset) or "")
    tests: dict[str, Callable[[], bool]] = {
        "bigquery.datasets.get": lambda: location is not None,
        "bigquery.tables.list": lambda: table is not None,
        "bigquery.tables.create": lambda: rights.may_run(new_table_statement(session, dataset)),
        "bigquery.routines.list": lambda: function is not None,
        "bigquery.routines.get": lambda: bool(function) and rights.may_look_at_function(dataset, str(function)),
        "bigquery.routines.create": lambda: rights.may_run(next(functions(session)).statement),
    }
    held = {name for name, test in tests.items() if name in permissions and test()}
    unknown = {"bigquery.datasets.update": "only a change of the dataset would tell"}
    if table:
        held |= rights.on_table(dataset, table, OF_A_TABLE & set(permissions))
    elif table == "":
        unknown |= dict.fromkeys(OF_A_TABLE, "there is no table yet to ask about")
    if function == "":
        unknown["bigquery.routines.get"] = "there is no function yet to ask about"
    return Held(frozenset(held), {name: reason for name, reason in unknown.items() if name in permissions})


def _allowed(call: Callable[[], ResultT]) -> ResultT | None:
    """Return the result of a call; None if it is not allowed."""
    try:
        return call()
    except ApiDisabled:
        raise
    except PermissionMissing:
        return None
