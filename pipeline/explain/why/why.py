"""The comparison of two runs: all groups, rows and metrics, and a summary in one sentence."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import RequestError
from pipeline.explain.why.code import code_group, commit_group, libraries_group, sql_group
from pipeline.explain.why.config import (
    job_group,
    models_group,
    moments_group,
    parameters_group,
    sources_group,
    variants_group,
)
from pipeline.explain.why.data import MetricsCompared, RowsCompared, data_group, metrics_of, scored_rows, training_rows
from pipeline.explain.why.record import Group, Pair, RunRecord
from pipeline.project.project import Job
from pipeline.runs.identity import RunName
from pipeline.runs.session import Session

GROUPS = (
    *(sql_group, parameters_group, sources_group, variants_group, job_group, code_group, libraries_group),
    *(commit_group, moments_group, data_group, models_group),
)
"""Functions that compare one area each, in the order in which they are shown."""


@dataclass(frozen=True)
class Why:
    """What differs between two runs.

    Parameters
    ----------
    groups
        The areas in which runs can differ, such as SQL, parameters and variants, also those that are the same.
    rows
        Rows that models were trained on, and rows to score.
    """

    job: str
    a: RunName
    b: RunName
    groups: Sequence[Group]
    rows: Sequence[RowsCompared]
    metrics: MetricsCompared

    @property
    def summary(self) -> str:
        """The result in one sentence."""
        parts: list[Group | RowsCompared] = [*(group for group in self.groups if group.decides), *self.rows]
        differing = [part.name for part in parts if part.state == "differs"]
        not_compared = [part.name for part in parts if part.not_compared]
        others = [group.name for group in self.groups if not group.decides and group.state == "differs"]
        same = "no difference in what could be compared" if not_compared else "same definition and data"
        clauses = [f"{', '.join(differing)} differ{'s' if len(differing) == 1 else ''}" if differing else same]
        if not_compared:
            clauses.append(f"not fully compared: {', '.join(not_compared)}")
        if others:
            clauses.append(f"differs without effect on predictions: {', '.join(others)}")
        return "; ".join(clauses)


def refuse_pair(a: RunName, b: RunName) -> None:
    """Refuse runs that cannot be compared.

    Raises
    ------
    RequestError
        They belong to different jobs, or both names are the same run.
    """
    if a.job != b.job:
        raise RequestError(f"{a.run_id} and {b.run_id} are runs of different jobs", hint="name two runs of one job")
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
        first, second = (RunRecord.read(session, job, run, Path(name) / run.run_id) for run in (a, b))
        pair, key = Pair(first, second), job.spec.row_key
        groups = [compare(pair) for compare in GROUPS]
        rows = [training_rows(pair, key), scored_rows(pair, key)]
        return Why(job.name, a, b, groups, rows, metrics_of(pair, job.spec.headline))
