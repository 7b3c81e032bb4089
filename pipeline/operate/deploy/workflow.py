"""Manifests of what runs a job every night: Cloud Run jobs, the workflow that calls them, and its schedule.

Fields: https://cloud.google.com/run/docs/reference/yaml/v1, .../run/docs/reference/rest/v1/namespaces.jobs and
.../scheduler/docs/reference/rest/v1/projects.locations.jobs. A Cloud Run job's file system is its memory, so temporary
files count towards its memory limit.
"""

from __future__ import annotations

import base64
from typing import Any

from pipeline.operate.deploy import names
from pipeline.operate.deploy.deployment import PROJECT_DIR, Deployment
from pipeline.project.resources import PHASES, PhaseResources

SETUP_RESOURCES = PhaseResources(timeout_minutes=30, retries=1)

SLACK = 1800
"""Seconds that the connector waits beyond a job's own limits: for machines, for pulling the image, for polling."""

DATE = "${run_date}"

WRITTEN = "^{}{}{}{}-{}{}-{}{}$".format(*["[0-9]"] * 8)
"""A date, without braces: an expression ends with one."""

BODY = '{"argument": "{}"}'
"""Body of each scheduled request. A schedule knows no date, so the phases find the dates that are due."""


FINISH = (
    {"finish": {"switch": [{"condition": "${len(failed) > 0}", "next": "give_up"}]}},
    {"end_well": {"return": "done"}},
    {"give_up": {"raise": "${failed[0]}"}},
)
"""Last steps of the workflow."""


def run_manifest(deployment: Deployment, part: str) -> dict[str, Any]:
    """Return the manifest of the Cloud Run job of a phase or of the setup; the arguments of a phase hold no date."""
    resources = _resources_of(deployment, part)
    tasks = deployment.tasks if part == "predict" else 1
    labels = {**deployment.labels, "phase": part}
    container = {
        "image": deployment.image,
        "args": _arguments(deployment, part, *([] if part == names.SETUP else ["--catch-up"])),
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


def _resources_of(deployment: Deployment, part: str) -> PhaseResources:
    resources: PhaseResources = getattr(deployment.job.spec.resources, part, SETUP_RESOURCES)
    return resources


def _arguments(deployment: Deployment, part: str, *options: str) -> list[str]:
    """Return the arguments of a command in the image, with options such as `--catch-up`."""
    return [part, deployment.job.name, *options, "--target", deployment.target_file, "--project-dir", PROJECT_DIR]


def workflow(deployment: Deployment) -> dict[str, Any]:
    """Return the definition of the workflow.

    Its argument is an object, empty or with `run_date`: with it, every job runs with arguments that name the date.
    """
    steps = [step for phase in PHASES for step in _steps(deployment, phase)]
    return {
        "main": {"params": ["args"], "steps": [*_read_argument(), *steps, *FINISH]},
        "run_phase": _run_phase(deployment),
    }


def _read_argument() -> list[dict[str, Any]]:
    wrong = '${"run_date " + run_date + " is no date: write YYYY-MM-DD"}'
    fits = f'${{run_date == "" or text.match_regex(run_date, "{WRITTEN}")}}'
    return [
        {"start": {"assign": [{"run_date": ""}, {"failed": []}]}},
        {"look": {"switch": [{"condition": "${args == null}", "next": PHASES[0]}]}},
        {"read": {"switch": [{"condition": '${"run_date" in args}', "assign": [{"run_date": "${args.run_date}"}]}]}},
        {"check": {"switch": [{"condition": fits, "next": PHASES[0]}]}},
        {"refuse": {"raise": wrong}},
    ]


def _steps(deployment: Deployment, phase: str) -> list[dict[str, Any]]:
    given = {
        "job": deployment.name(phase),
        "timeout": _connector_timeout(deployment, phase),
        "run_date": DATE,
        "dated": _arguments(deployment, phase, "--as-of" if phase == "evaluate" else "--run-date", DATE),
    }
    keep = {f"{phase}_failed": {"assign": [{"failed": "${list.concat(failed, error)}"}]}}
    tried = {"try": {"call": "run_phase", "args": given}, "except": {"as": "error", "steps": [keep]}}
    asked = {"switch": [{"condition": '${run_date != "" and len(failed) > 0}', "next": "give_up"}]}
    return [{phase: tried}, {f"after_{phase}": asked}]


def _connector_timeout(deployment: Deployment, phase: str) -> int:
    """Return how many seconds the connector waits: longer than the job's own limits allow."""
    resources = _resources_of(deployment, phase)  # all tasks run at the same time: see `parallelism`
    return resources.timeout_minutes * 60 * (resources.retries + 1) + SLACK


def _run_phase(deployment: Deployment) -> dict[str, Any]:
    """Return the subworkflow that runs a Cloud Run job and waits, with its own arguments or those for a date."""
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


def scheduler_job(deployment: Deployment) -> dict[str, Any]:
    """Return the Cloud Scheduler job that starts the workflow.

    Google's APIs want an OAuth token to start an execution; an OIDC token is for one's own services.
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
