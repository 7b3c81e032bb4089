"""Checks of the project's folder: whether its jobs and all its SQL files parse."""

from __future__ import annotations

from pathlib import Path

from pipeline.errors import PipelineError, RequestError
from pipeline.operate.doctor.result import NOTE, NOTED, OK, CheckResult, failed, result_of
from pipeline.project.code import commit_name, git_commit, why_no_commit
from pipeline.project.job_checks import check_assets
from pipeline.project.project import Job, Project
from pipeline.project.user_code import of_variant
from pipeline.sql import Catalogue


def check_project(root: Path, job: str, *, runs_code: bool = True) -> tuple[list[CheckResult], list[Job]]:
    """Check a project; return the results, and the jobs that parse.

    Parameters
    ----------
    job
        The only job to check; all when empty.
    runs_code
        Whether models are made, too: not for an account that runs no code of a job.
    """
    try:
        project = Project.open(root)
    except RequestError as error:
        return [failed("project", error)], []
    catalogue, names = Catalogue(project.root), project.job_names()
    results = [
        CheckResult("project", OK if names else NOTE, f"{project.root}, jobs: {', '.join(names) or 'none'}"),
        result_of("commit", _check_commit, project.root),
        result_of("sql", lambda: f"{len(list(map(catalogue.any, catalogue.names())))} files, every header parses"),
    ]
    wrong = [CheckResult("project", NOTE, f"{path}: {why}") for path, why in project.misnamed().items()]
    results += [] if job else wrong
    jobs: list[Job] = []
    for name in [job] if job else names:
        try:
            parsed = project.job(name)
            check_assets(catalogue, parsed)
        except PipelineError as error:
            results.append(failed(f"job {name}", error))
        else:
            results.append(CheckResult(f"job {name}", OK, ", ".join(variant.name for variant in parsed.variants)))
            jobs.append(parsed)
    models = [result_of(f"models of {parsed.name}", _check_models, parsed) for parsed in jobs if runs_code]
    return results + models, jobs


def _check_commit(root: Path) -> str:
    commit, dirty = git_commit(root)
    name = commit_name(commit, dirty=dirty)
    return name or f"{NOTED}none is known: {why_no_commit(root)} - bundles and the ledger name none"


def _check_models(job: Job) -> str:
    try:
        from pipeline.models.interface import make_model
    except ImportError as error:  # the check of the packages tells the rest
        return f"{NOTED}not tested: {error.name} is not installed"
    for variant in job.variants:
        with of_variant(variant.name):
            make_model(variant.config)
    return f"{len(job.variants)}, each can be made"
