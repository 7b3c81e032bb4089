"""All groups of two runs, and what they come to in one sentence."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import RequestError
from pipeline.explain.why import code, config, data, rows
from pipeline.explain.why import code as sql
from pipeline.explain.why import config as models
from pipeline.explain.why import config as moments
from pipeline.explain.why import data as data_
from pipeline.explain.why.record import Group, Pair, RunRecord
from pipeline.explain.why.rows import RowsCompared
from pipeline.project.project import Job
from pipeline.runs.identity import RunName
from pipeline.runs.session import Session


@dataclass(frozen=True)
class Why:
    """What differs between two runs.

    Parameters
    ----------
    groups
        What can differ: SQL, parameters, variants and so on; one that is the same says so.
    rows
        Rows that models were trained on, and rows that they had to score.
    """

    job: str
    a: RunName
    b: RunName
    groups: Sequence[Group]
    rows: Sequence[RowsCompared]
    metrics: data_.MetricsCompared

    @property
    def said(self) -> str:
        """What it comes to in one sentence."""
        parts: list[Group | RowsCompared] = [*(group for group in self.groups if group.decides), *self.rows]
        differs = [part.name for part in parts if part.state == "differs"]
        lost = [part.name for part in parts if part.lost]
        besides = [group.name for group in self.groups if not group.decides and group.state == "differs"]
        said = "nothing that was compared differs" if lost else "same definition and data"
        ends = {"could not be compared in full": lost, "besides, what decides no prediction differs": besides}
        beginning = f"{', '.join(differs)} differ{'s' if len(differs) == 1 else ''}" if differs else said
        return "; ".join([beginning, *(f"{words}: {', '.join(names)}" for words, names in ends.items() if names)])


def refuse_pair(a: RunName, b: RunName) -> None:
    """Refuse runs that cannot be compared.

    Raises
    ------
    RequestError
        They are of two jobs, or one run.
    """
    if a.job != b.job:
        raise RequestError(f"{a.run_id} and {b.run_id} are runs of two jobs", hint="name two runs of one job")
    if a.run_id == b.run_id:
        raise RequestError(f"{a.run_id} was named twice", hint="name two runs: pipeline status shows them")


def why_of(session: Session, job: Job, a: RunName, b: RunName) -> Why:
    """Return what differs between two runs of a job; nothing is written.

    Raises
    ------
    RequestError
        There is no such run, or they cannot be compared.
    """
    refuse_pair(a, b)
    with tempfile.TemporaryDirectory(prefix="why-") as name:
        first, second = (RunRecord.read(session, job, each, Path(name) / each.run_id) for each in (a, b))
        pair = Pair(first, second)
        groups = [
            sql.sql_group(pair),
            config.parameters_group(pair),
            config.sources_group(pair),
            config.variants_group(pair),
            config.job_group(pair),
            code.code_group(pair),
            code.libraries_group(pair),
            code.commit_group(pair),
            moments.moments_group(pair),
            data.data_group(pair),
            models.models_group(pair),
        ]
        key = job.spec.row_key
        compared = [rows.training_rows(pair, key), rows.scored_rows(pair, key)]
        return Why(job.name, a, b, groups, compared, data_.metrics_of(pair, job.spec.headline))
