"""The command that checks machine, project and target: doctor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli import ending, options

if TYPE_CHECKING:
    from pipeline.emulators.limits import Limit
    from pipeline.operate.doctor.result import CheckResult

SEVERITIES = {"ok": "INFO", "note": "NOTICE", "error": "ERROR"}


class AccountOf(StrEnum):
    """Step whose account is checked, in the order in which the accounts act."""

    setup = "setup"
    preprocess = "preprocess"
    train = "train"
    predict = "predict"
    load = "load"
    evaluate = "evaluate"


def doctor(
    job: Annotated[
        str | None, typer.Argument(metavar="JOB", help="Job to check, with its sources; without it all jobs.")
    ] = None,
    phase: Annotated[
        AccountOf | None,
        typer.Option(
            "--phase", help="Check what this phase's account needs; without it what running everything needs."
        ),
    ] = None,
    where: options.Where = options.DEFAULT,
    as_json: options.AsJson = False,
) -> None:
    """Check machine, project and target.

    It prints one line for each check; a failed one says what to do. Nothing is changed.

    It checks the account that runs it. Without --phase this account needs the permissions of all phases. With --phase
    it needs those of that phase; run it as the account of the phase, in its Cloud Run job:

    gcloud run jobs execute JOB-predict --region=REGION --tasks=1 --wait
    --args=doctor,JOB,--phase=predict,--target=targets/FILE.yaml,--project-dir=/app

    or, if you may impersonate it, after

    gcloud auth application-default login --impersonate-service-account=ACCOUNT

    Example: pipeline doctor flight_delay --phase predict --target targets/production.yaml
    """
    from pipeline.emulators.limits import LIMITS, MADE, UNKNOWN
    from pipeline.operate.doctor import CLOUD, diagnose
    from pipeline.operate.doctor.result import Surroundings, worst

    is_local = where.target == "local"
    surroundings = Surroundings("local.txt", UNKNOWN, MADE.here) if is_local else CLOUD
    account = phase.value if phase else ""
    with ending.reporter().working("doctor"):
        results = list(diagnose(where.project_dir, where.open_target, surroundings, job=job or "", phase=account))
    _print(results, LIMITS if is_local else (), as_json)
    raise typer.Exit(worst(results))


def _print(results: Sequence[CheckResult], limits: Sequence[Limit], as_json: bool) -> None:
    """Write the results, and what the local target cannot prove, to stdout; or the results to Cloud Logging."""
    from pipeline.emulators.limits import HEADING
    from pipeline.operate.doctor.result import verdict

    log = ending.cloud_log()
    if log is not None:
        for result in results:
            log.write(SEVERITIES[result.state], str(result))
        log.write("INFO", verdict(results))
        return
    lines = [*map(str, results), verdict(results), *([f"{HEADING}:"] if limits else []), *map(str, limits)]
    unproven = [{"cloud": limit.cloud, "here": limit.here} for limit in limits]
    options.print_content({"checks": [asdict(result) for result in results], "limits": unproven}, lines, as_json)
