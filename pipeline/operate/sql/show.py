"""A statement as a command of `bq`: text, types and values."""

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
    """Return a version as a command of `bq`, with the values of a run date; for a part, the statement around it.

    Raises
    ------
    RequestError
        There is no such version, or no job uses it.
    """
    session = Session.open(project, target)
    session.catalogue.any(name)
    rehearsals = [Rehearsal.of(session, project.job(job), run_date) for job in project.job_names()]
    statements = [each for rehearsal in rehearsals for each in (*rehearsal.parts(), *rehearsal.sent())]
    own = (each for each in statements if each.asset.name == name)
    around = (each for each in statements if name in [asset.name for asset in each.assets])
    found = next(chain(own, around), None)
    if found is None:
        raise RequestError(f"{name}: no job uses it", hint="see pipeline sql list")
    return as_command(found, target)


def as_command(statement: Statement, target: Target) -> str:
    """Return a statement as a command of `bq`."""
    options = [
        f"--parameter={shlex.quote(_parameter(name, kind, statement))}" for name, kind in statement.types.items()
    ]
    place = f"--project_id={target.project} --location={shlex.quote(target.location)}"
    lines, end = [f"bq query --nouse_legacy_sql {place}", *options], "SQL"
    while end in statement.sql.splitlines():
        end += "_"
    return " \\\n  ".join([*lines, f"<<'{end}'"]) + f"\n{statement.sql.rstrip()}\n{end}"


def _parameter(name: str, kind: DeclaredType, statement: Statement) -> str:
    return f"{name}:{type_text(kind)}:{_value(statement.values[name])}"


def type_text(kind: DeclaredType) -> str:
    """Return a declared type as GoogleSQL writes it."""
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
