"""The project's folder: its jobs, and whether all of it parses."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pipeline.errors import RequestError
from pipeline.operate.doctor.finding import NOTE, NOTED, OK, Finding, failed, found
from pipeline.project.code import commit_name, git_commit, why_no_commit
from pipeline.project.project import Job, Project
from pipeline.runs.job_statements import check_assets
from pipeline.sql import Catalogue


def look_at_project(root: Path, job: str, jobs: list[Job], *, runs_code: bool = True) -> Iterator[Finding]:
    """Look at a project.

    Parameters
    ----------
    job
        The only job to look at; all when empty.
    jobs
        Gets those that parse.
    runs_code
        Whether models are made, too: not under an account that runs no code of a job.
    """
    try:
        project = Project.open(root)
    except RequestError as error:
        yield failed("project", error)
        return
    catalogue, names = Catalogue(project.root), project.job_names()
    yield Finding("project", OK if names else NOTE, f"{project.root}, jobs: {', '.join(names) or 'none'}")
    yield found("commit", _commit, project.root)
    yield found("sql", _sql, catalogue)
    for name in [job] if job else names:
        yield found(f"job {name}", _job, project, catalogue, name, jobs)
    for each in jobs if runs_code else ():
        yield found(f"models of {each.name}", _models, each)


def _commit(root: Path) -> str:
    commit, dirty = git_commit(root)
    name = commit_name(commit, dirty=dirty)
    return name or f"{NOTED}none is known: {why_no_commit(root)} - bundles and the ledger name none"


def _sql(catalogue: Catalogue) -> str:
    return f"{len([catalogue.any(name) for name in catalogue.names()])} files, every header parses"


def _job(project: Project, catalogue: Catalogue, name: str, jobs: list[Job]) -> str:
    job = project.job(name)
    check_assets(catalogue, job)
    jobs.append(job)
    return f"{', '.join(variant.name for variant in job.variants)}"


def _models(job: Job) -> str:
    try:
        from pipeline.models.contract import make_model
    except ImportError as error:  # the check of the packages says the rest
        return f"{NOTED}not tested: {error.name} is not installed"
    for variant in job.variants:
        make_model(variant.config)
    return f"{len(job.variants)}, each can be made"
