"""Cloud Run jobs: one for each phase, and one that makes tables.

Fields: https://cloud.google.com/run/docs/reference/yaml/v1 and .../run/docs/reference/rest/v1/namespaces.jobs. A job's
file system is its memory, so what a task writes for a while counts to its limit.
"""

from __future__ import annotations

import base64
from math import ceil
from typing import Any

from pipeline.operate.deploy import names
from pipeline.operate.deploy.deployment import PROJECT_DIR, Deployment
from pipeline.project.resources import PhaseResources

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


SLACK = 1800
"""Seconds beyond what a job may take at most: waiting for machines, pulling the image, polling."""


DATE = "${run_date}"


WRITTEN = "^{}{}{}{}-{}{}-{}{}$".format(*["[0-9]"] * 8)
"""A date, without braces: an expression ends with one."""


def connector_timeout(deployment: Deployment, phase: str) -> int:
    """Return for how many seconds the connector waits: longer than the job's own limits let it take."""
    resources = resources_of(deployment, phase)
    execution = run_job(deployment, phase)["spec"]["template"]["spec"]
    waves: int = ceil(execution["taskCount"] / execution["parallelism"])
    return waves * resources.timeout_minutes * 60 * (resources.retries + 1) + SLACK


def workflow(deployment: Deployment) -> dict[str, Any]:
    """Return the definition.

    Its argument is an object, empty or with `run_date`: every job then runs with arguments that name the date in place
    of its own.
    """
    steps = [step for phase in names.PHASES for step in _steps(deployment, phase)]
    return {
        "main": {"params": ["args"], "steps": [*_read_argument(), *steps, *_finish()]},
        "run_phase": _run_phase(deployment),
    }


def _read_argument() -> list[dict[str, Any]]:
    wrong = '${"run_date " + run_date + " is no date: write YYYY-MM-DD"}'
    fits = f'${{run_date == "" or text.match_regex(run_date, "{WRITTEN}")}}'
    return [
        {"start": {"assign": [{"run_date": ""}, {"failed": []}]}},
        {"look": {"switch": [{"condition": "${args == null}", "next": names.PHASES[0]}]}},
        {"read": {"switch": [{"condition": '${"run_date" in args}', "assign": [{"run_date": "${args.run_date}"}]}]}},
        {"check": {"switch": [{"condition": fits, "next": names.PHASES[0]}]}},
        {"refuse": {"raise": wrong}},
    ]


def _steps(deployment: Deployment, phase: str) -> list[dict[str, Any]]:
    given = {
        "job": deployment.name(phase),
        "timeout": connector_timeout(deployment, phase),
        "run_date": DATE,
        "dated": arguments(deployment, phase, RUN_DATE[phase], DATE),
    }
    keep = {f"{phase}_failed": {"assign": [{"failed": "${list.concat(failed, error)}"}]}}
    tried = {"try": {"call": "run_phase", "args": given}, "except": {"as": "error", "steps": [keep]}}
    asked = {"switch": [{"condition": '${run_date != "" and len(failed) > 0}', "next": "give_up"}]}
    return [{phase: tried}, {f"after_{phase}": asked}]


def _finish() -> list[dict[str, Any]]:
    return [
        {"finish": {"switch": [{"condition": "${len(failed) > 0}", "next": "give_up"}]}},
        {"end_well": {"return": "done"}},
        {"give_up": {"raise": "${failed[0]}"}},
    ]


def _run_phase(deployment: Deployment) -> dict[str, Any]:
    """Return the subworkflow that runs a job and waits: as it was made, or with arguments that name a date."""
    where = {
        "name": f'${{"namespaces/{deployment.target.project}/jobs/" + job}}',
        "location": deployment.target.region,
    }
    waits = {"connector_params": {"timeout": "${timeout}"}}
    body = {"overrides": {"containerOverrides": [{"args": "${dated}"}]}}
    call = "googleapis.run.v1.namespaces.jobs.run"
    return {
        "params": ["job", "timeout", "run_date", "dated"],
        "steps": [
            {"choose": {"switch": [{"condition": '${run_date != ""}', "next": "for_a_date"}]}},
            {"as_it_was_made": {"call": call, "args": {**where, **waits}, "next": "finish"}},
            {"for_a_date": {"call": call, "args": {**where, "body": body, **waits}}},
            {"finish": {"return": "${job}"}},
        ],
    }


BODY = '{"argument": "{}"}'
"""What is sent each time: a schedule knows no date, so the phases find out themselves which are due."""


def scheduler_job(deployment: Deployment) -> dict[str, Any]:
    """Return the Cloud Scheduler job that starts the workflow.

    Fields: https://cloud.google.com/scheduler/docs/reference/rest/v1/projects.locations.jobs. The workflow's execution
    is made with an OAuth token, as Google's APIs want it; an OIDC token is for services of one's own.
    """
    target = deployment.target
    parent = f"projects/{target.project}/locations/{target.region}"
    name = deployment.name(names.WORKFLOW)
    return {
        "name": f"{parent}/jobs/{deployment.name('nightly')}",
        "description": f"Starts the phases of {deployment.job.name}; they find the run dates that are due.",
        "schedule": deployment.cron,
        "timeZone": deployment.job.spec.time_zone,
        "attemptDeadline": "180s",
        "retryConfig": {"retryCount": 3, "minBackoffDuration": "60s", "maxBackoffDuration": "600s"},
        "httpTarget": {
            "uri": f"https://workflowexecutions.googleapis.com/v1/{parent}/workflows/{name}/executions",
            "httpMethod": "POST",
            "headers": {"Content-Type": "application/json"},
            "body": base64.b64encode(BODY.encode()).decode(),
            "oauthToken": {
                "serviceAccountEmail": deployment.emails[names.SCHEDULER],
                "scope": "https://www.googleapis.com/auth/cloud-platform",
            },
        },
    }
