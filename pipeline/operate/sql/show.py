"""A statement as a command of `bq`, with its text, types and values."""

from __future__ import annotations

import json
import shlex
from datetime import UTC, date, datetime
from itertools import chain
from typing import Any

from pipeline.errors import RequestError
from pipeline.operate.sql.rehearsal import Rehearsal
from pipeline.project.project import Project
from pipeline.project.target import Target
from pipeline.runs.session import Session
from pipeline.sql import Statement
from pipeline.sql.header import DeclaredType


def show_statement(project: Project, target: Target, name: str, run_date: date) -> str:
    """Return a version of a SQL file as a `bq` command with the values of a run date; for a part, the whole statement.

    Raises
    ------
    RequestError
        The version does not exist, or no job uses it.
    """
    session = Session.open(project, target)
    session.catalogue.any(name)
    rehearsals = [Rehearsal.of(session, project.job(job), run_date) for job in project.job_names()]
    statements = [sent for rehearsal in rehearsals for sent in (*rehearsal.parts(), *rehearsal.sent())]
    own = (candidate for candidate in statements if candidate.asset.name == name)
    around = (candidate for candidate in statements if name in [asset.name for asset in candidate.assets])
    statement = next(chain(own, around), None)
    if statement is None:
        raise RequestError(f"{name}: no job uses it", hint="see pipeline sql list")
    return as_command(statement, target)


def as_command(statement: Statement, target: Target) -> str:
    """Return a statement as a command of `bq`."""
    parameters = [
        f"{name}:{type_text(kind)}:{_value(statement.values[name])}" for name, kind in statement.types.items()
    ]
    options = [f"--parameter={shlex.quote(parameter)}" for parameter in parameters]
    place = f"--project_id={target.project} --location={shlex.quote(target.location)}"
    lines, end = [f"bq query --nouse_legacy_sql {place}", *options], "SQL"
    while end in statement.sql.splitlines():
        end += "_"
    return " \\\n  ".join([*lines, f"<<'{end}'"]) + f"\n{statement.sql.rstrip()}\n{end}"


def type_text(kind: DeclaredType) -> str:
    """Return a declared type in GoogleSQL."""
    if isinstance(kind, str):
        return kind
    element = kind[0]
    if isinstance(element, str):
        return f"ARRAY<{element}>"
    return f"ARRAY<STRUCT<{', '.join(f'{name} {field}' for name, field in element.items())}>>"


def _value(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}+00"
    return json.dumps(value, default=str) if isinstance(value, list | tuple) else str(value)
