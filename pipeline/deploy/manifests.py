"""Cloud Run jobs: one for each phase, and one that makes tables.

Fields: https://cloud.google.com/run/docs/reference/yaml/v1 and .../run/docs/reference/rest/v1/namespaces.jobs. A job's
file system is its memory, so what a task writes for a while counts to its limit.
"""

from __future__ import annotations

from typing import Any

from pipeline.deploy import names
from pipeline.deploy.deployment import PROJECT_DIR, Deployment
from pipeline.job_resources import PhaseResources

RUN_DATE = {phase: "--as-of" if phase == "evaluate" else "--run-date" for phase in names.PHASES}
"""The option with which a phase is told a date."""

SETUP_RESOURCES = PhaseResources(timeout_minutes=30, retries=1)


def resources_of(deployment: Deployment, part: str) -> PhaseResources:
    """Return what a phase, or the setup, may use."""
    if part == names.SETUP:
        return SETUP_RESOURCES
    found: PhaseResources = getattr(deployment.job.spec.resources, part)
    return found


def arguments(deployment: Deployment, part: str, *more: str) -> list[str]:
    """Return the arguments of a command in the image.

    Parameters
    ----------
    more
        What stands between the job and its place, e.g. `--catch-up`.
    """
    place = ["--target", deployment.target_file, "--project-dir", PROJECT_DIR]
    return [part, deployment.job.name, *more, *place]


def scheduled_arguments(deployment: Deployment, part: str) -> list[str]:
    """Return the arguments with which a Cloud Run job is made; those of a phase hold no date."""
    return arguments(deployment, part, *([] if part == names.SETUP else ["--catch-up"]))


def run_jobs(deployment: Deployment) -> dict[str, dict[str, Any]]:
    """Return the Cloud Run jobs by part: setup, then the phases."""
    return {part: run_job(deployment, part) for part in (names.SETUP, *names.PHASES)}


def run_job(deployment: Deployment, part: str) -> dict[str, Any]:
    """Return the Cloud Run job of a phase or of the setup."""
    resources = resources_of(deployment, part)
    tasks = deployment.tasks if part == "predict" else 1
    labels = {**deployment.labels, "phase": part}
    container = {
        "image": deployment.image,
        "args": scheduled_arguments(deployment, part),
        "resources": {"limits": {"cpu": str(resources.cpu), "memory": resources.memory}},
    }
    task = {
        "serviceAccountName": deployment.emails[part],
        "maxRetries": resources.retries,
        "timeoutSeconds": resources.timeout_minutes * 60,
        "containers": [container],
    }
    execution = {"parallelism": tasks, "taskCount": tasks, "template": {"spec": task}}
    annotations = {"run.googleapis.com/execution-environment": "gen2"}
    return {
        "apiVersion": "run.googleapis.com/v1",
        "kind": "Job",
        "metadata": {"name": deployment.name(part), "labels": labels},
        "spec": {"template": {"metadata": {"labels": labels, "annotations": annotations}, "spec": execution}},
    }
