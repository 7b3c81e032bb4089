"""The project's folder: its jobs, and whether all of it parses."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pipeline.doctor.finding import NOTE, OK, Finding, failed, found
from pipeline.errors import RequestError
from pipeline.project import Job, Project
from pipeline.sql_assets import Catalogue
from pipeline.statements.job import check_assets


def look_at_project(root: Path, job: str, jobs: list[Job]) -> Iterator[Finding]:
    """Look at a project.

    Parameters
    ----------
    job
        The only job to look at; all when empty.
    jobs
        Gets those that parse.
    """
    try:
        project = Project.open(root)
    except RequestError as error:
        yield failed("project", error)
        return
    catalogue, names = Catalogue(project.root), project.job_names()
    yield Finding("project", OK if names else NOTE, f"{project.root}, jobs: {', '.join(names) or 'none'}")
    yield found("sql", _sql, catalogue)
    for name in [job] if job else names:
        yield found(f"job {name}", _job, project, catalogue, name, jobs)


def _sql(catalogue: Catalogue) -> str:
    return f"{len([catalogue.any(name) for name in catalogue.names()])} files, every header parses"


def _job(project: Project, catalogue: Catalogue, name: str, jobs: list[Job]) -> str:
    job = project.job(name)
    check_assets(catalogue, job)
    jobs.append(job)
    return f"{', '.join(variant.name for variant in job.variants)}"
