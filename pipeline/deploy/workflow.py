"""The workflow that runs the phases in order: https://cloud.google.com/workflows/docs/reference/syntax.

It calls Cloud Run through its connector (.../workflows/docs/reference/googleapis/run/v1/namespaces.jobs/run), which
waits for the execution: for half an hour unless told otherwise, while the job would go on.

A night does seven run dates at most, and one that fails, mostly the newest whose sources are late, must keep nothing
from the others: the phases after one that failed go on with what it has finished, and the workflow ends with the first
error. For a run date that was asked for the first error is the end.
"""

from __future__ import annotations

from math import ceil
from typing import Any

from pipeline.deploy import names
from pipeline.deploy.deployment import Deployment
from pipeline.deploy.manifests import RUN_DATE, arguments, resources_of, run_job

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
