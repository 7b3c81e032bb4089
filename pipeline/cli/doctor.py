"""The command that looks whether everything is fit for a pipeline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli import ending
from pipeline.cli.options import DEFAULT_LOCAL_DIR, HERE, AsJson, LocalDir, ProjectDir, TargetName, open_target

if TYPE_CHECKING:
    from pipeline.operate.doctor import Finding


SEVERITIES = {"ok": "INFO", "note": "NOTICE", "error": "ERROR"}


class AccountOf(StrEnum):
    """Whose account is looked at: in the order in which they act."""

    setup = "setup"
    preprocess = "preprocess"
    train = "train"
    predict = "predict"
    load = "load"
    evaluate = "evaluate"


def doctor(
    job: Annotated[str | None, typer.Argument(metavar="JOB", help="Only this job; all when not given.")] = None,
    phase: Annotated[
        AccountOf | None,
        typer.Option("--phase", help="What this phase's account needs; when not given: who runs everything."),
    ] = None,
    target: TargetName = "local",
    local_dir: LocalDir = DEFAULT_LOCAL_DIR,
    project_dir: ProjectDir = HERE,
    as_json: AsJson = False,
) -> None:
    """Say whether machine, project and target are fit: a line for each check, with what to do. Nothing is changed.

    It speaks for the account that runs it, and asks for what somebody needs who runs everything by hand; with --phase,
    for what the account of that phase needs. Run that as this account: in its Cloud Run job,

    gcloud run jobs execute JOB-predict --region=REGION --tasks=1 --wait
    --args=doctor,JOB,--phase=predict,--target=targets/FILE.yaml,--project-dir=/app

    or, where you may act as it, after

    gcloud auth application-default login --impersonate-service-account=ACCOUNT

    Example: pipeline doctor flight_delay --phase predict --target targets/production.yaml
    """
    from pipeline.emulators.limits import LIMITS, MADE, UNKNOWN
    from pipeline.operate.doctor import CLOUD, Patient, Surroundings, diagnose, worst

    is_local = target == "local"
    surroundings = Surroundings("local.txt", UNKNOWN, MADE.here) if is_local else CLOUD
    patient = Patient(project_dir, lambda: open_target(target, local_dir), job or "", phase.value if phase else "")
    findings = list(diagnose(patient, surroundings))
    _print(findings, LIMITS if is_local else (), as_json)
    raise typer.Exit(worst(findings))


def _print(findings: Sequence[Finding], limits: Sequence[tuple[str, str]], as_json: bool) -> None:
    """Write the findings to stdout, or to the log of the cloud, and what the local target cannot prove."""
    from pipeline.cli.options import print_content
    from pipeline.emulators.limits import HEADING
    from pipeline.operate.doctor import verdict

    log = ending.cloud_log()
    if log is not None:
        for finding in findings:
            log.write(SEVERITIES[finding.state], str(finding))
        log.write("INFO", verdict(findings))
        return
    named = [{"cloud": cloud, "here": here} for cloud, here in limits]
    lines = [*map(str, findings), verdict(findings), *([f"{HEADING}:"] if limits else []), *map(str, limits)]
    print_content({"checks": [asdict(item) for item in findings], "limits": named}, lines, as_json)


def add_to(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(doctor)
