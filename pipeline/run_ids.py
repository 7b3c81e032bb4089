"""Ids of runs as people write them: `<job>-<run date>-<hash>`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from pipeline.dates import parse_date
from pipeline.errors import RequestError

WRITTEN = re.compile(r"([a-z][a-z0-9_]{0,39})-(\d{4}-\d{2}-\d{2})-([0-9a-f]{10})", re.ASCII)
"""Grammar of a run id; whether its date is one is another question."""


@dataclass(frozen=True)
class RunName:
    """The id of a run, and the job and run date that it names."""

    run_id: str
    job: str
    run_date: date


def parse_run_id(text: str) -> RunName:
    """Read the id of a run.

    Raises
    ------
    RequestError
        It is none.
    """
    found = WRITTEN.fullmatch(text)
    if found is None:
        what = f"{text!r} is no run id"
        raise RequestError(what, hint="write <job>-<run date>-<hash> as `pipeline status` shows it")
    return RunName(text, found[1], parse_date(found[2], option=f"run id {text}:"))
