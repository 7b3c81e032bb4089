"""Commands that prepare and clean up: deploy, setup, gc."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli import ending, options

TargetFile = Annotated[
    str, typer.Option("--target", metavar="TARGET", help="A YAML file in the project, such as targets/production.yaml.")
]
Image = Annotated[
    str, typer.Option("--image", metavar="IMAGE", help="Container image with its digest: HOST/NAME@sha256:...")
]
OutDir = Annotated[
    Path, typer.Option("--out", metavar="DIR", help="Folder to write; the files of an earlier deployment are replaced.")
]
OlderThan = Annotated[
    int,
    typer.Option(
        "--older-than",
        metavar="DAYS",
        min=1,
        max=36_500,
        help="Remove only what is older than this many days; give more than the longest run takes.",
    ),
]


def deploy(
    job: options.JobName,
    target: TargetFile,
    image: Image,
    out: OutDir,
    project_dir: options.ProjectDir = options.HERE,
    as_json: options.AsJson = False,
) -> None:
    """Write the files that run a job every night on Google Cloud.

    They are manifests of Cloud Run jobs, a workflow, a schedule, permissions, and deploy.sh, which creates or updates
    everything. Review them and run deploy.sh. This command itself sends nothing.

    Example: pipeline deploy flight_delay --target targets/example.yaml --image HOST/NAME@sha256:... --out deployment
    """
    from pipeline.errors import RequestError
    from pipeline.operate.deploy.deployment import Deployment
    from pipeline.operate.deploy.folder import write_deployment
    from pipeline.project.code import commit_name, digest_of_code, git_commit, why_git_refuses, why_no_commit
    from pipeline.project.project import Project

    if target == "local":
        raise RequestError("--target local is this machine", hint="name a target file in the project's folder")
    project = Project.open(project_dir)
    opened = project.job(job)
    reason = why_git_refuses(project.root)
    if reason:
        message = f"{project.root}: the commit and what it holds are unknown: {reason}"
        raise RequestError(message, hint="run git status there and do what it says, then deploy")
    with ending.reporter().working(f"{job} deploy"):
        commit, dirty = git_commit(project.root)
        name, code = commit_name(commit, dirty=dirty) or "", digest_of_code(opened)
        deployment = Deployment.of(opened, Path(target), image, commit=name, code_digest=code)
        files = write_deployment(deployment, out)
    if commit is None:
        effect = f"the files name no commit, and {deployment.target_file} is not compared with the image"
        ending.reporter().warn(f"the git commit is unknown: {why_no_commit(project.root)} - {effect}")
    lines = [f"{job}: {len(files)} files in {out}, nothing was sent; read {out / 'README.md'}, run {out / 'deploy.sh'}"]
    options.print_content({"job": job, "out": str(out), "files": files, **deployment.origin}, lines, as_json)


def setup(
    job: options.JobName,
    where: options.Where = options.DEFAULT,
    as_json: options.AsJson = False,
) -> None:
    """Create the missing tables, functions and views of a job.

    After it no phase needs the permission to create them.

    Example: pipeline setup flight_delay --target targets/example.yaml
    """
    from pipeline.runs.tables import ensure_dashboard, ensure_tables

    session, opened = where.open_job(job)
    with session.reporter.working(f"{job} setup"):
        ensure_tables(session, opened)
        ensure_dashboard(session, opened)
    options.print_content(
        {"job": job, "target": where.target, "status": "done"}, [f"{job}: tables, functions and views exist"], as_json
    )


def gc(
    job: options.JobName,
    older_than: OlderThan = 30,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would be removed, and remove nothing.")
    ] = False,
    where: options.Where = options.DEFAULT,
    as_json: options.AsJson = False,
) -> None:
    """Remove old run tables and files that nothing refers to.

    Files are uploads of attempts that were not committed. Predictions, models and the ledger stay.

    Example: pipeline gc flight_delay --older-than 30 --dry-run
    """
    from datetime import timedelta

    from pipeline.operate.garbage import as_lines, collect_garbage

    session, opened = where.open_job(job)
    with session.reporter.working(f"{job} gc"):
        removed = collect_garbage(session, opened, timedelta(days=older_than), dry_run=dry_run)
    content = {"job": job, "dry_run": dry_run, "removed": [asdict(item) for item in removed]}
    options.print_content(content, as_lines(job, removed, dry_run=dry_run), as_json)
