"""Commands of deployment: write what deploys a job, and make its tables."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli import ending
from pipeline.cli.options import (
    DEFAULT_LOCAL_DIR,
    HERE,
    AsJson,
    JobName,
    LocalDir,
    ProjectDir,
    TargetName,
    open_job,
    print_content,
)

TargetFile = Annotated[str, typer.Option("--target", metavar="TARGET", help="A YAML file in the project's folder.")]


Image = Annotated[str, typer.Option("--image", metavar="IMAGE", help="Address of the image with its sha256 digest.")]


OutDir = Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder to write; an earlier one is replaced.")]


def deploy(
    job: JobName,
    target: TargetFile,
    image: Image,
    out: OutDir,
    project_dir: ProjectDir = HERE,
    as_json: AsJson = False,
) -> None:
    """Write everything that runs a job every night on Google Cloud, for review; nothing is sent.

    The folder holds manifests of Cloud Run jobs, a workflow, a schedule, rights, and deploy.sh, which makes or updates
    them.

    Example: pipeline deploy flight_delay --target targets/example.yaml --image HOST/NAME@sha256:... --out deployment
    """
    from pipeline.errors import RequestError
    from pipeline.operate.deploy import Deployment, write_deployment
    from pipeline.project.code import commit_name, digest_of_code, git_commit, why_no_commit
    from pipeline.project.project import Project

    if target == "local":
        raise RequestError("--target local is this machine", hint="name a target file in the project's folder")
    project = Project.open(project_dir)
    found = project.job(job)
    commit, dirty = git_commit(project.root)
    named, code = commit_name(commit, dirty=dirty) or "", digest_of_code(found)
    deployment = Deployment.of(found, Path(target), image, commit=named, code_digest=code)
    files = write_deployment(deployment, out)
    if commit is None:
        lost = f"the files name none, and whether the image holds {deployment.target_file} is not checked"
        ending.reporter().warn(f"no commit is known: {why_no_commit(project.root)} - {lost}")
    lines = [f"{job}: {len(files)} files in {out}, nothing was sent; read {out / 'README.md'}, run {out / 'deploy.sh'}"]
    print_content({"job": job, "out": str(out), "files": files, **deployment.origin}, lines, as_json)


def setup(
    job: JobName,
    target: TargetName = "local",
    local_dir: LocalDir = DEFAULT_LOCAL_DIR,
    project_dir: ProjectDir = HERE,
    as_json: AsJson = False,
) -> None:
    """Make the tables, functions and views of a job where they are missing, so that no phase needs the right to.

    Example: pipeline setup flight_delay --target targets/example.yaml
    """
    from pipeline.runs.tables import ensure_dashboard, ensure_tables

    session, found = open_job(project_dir, job, target, local_dir)
    ensure_tables(session, found)
    ensure_dashboard(session, found)
    lines = [f"{job}: tables, functions and views are there"]
    print_content({"job": job, "target": target, "status": "done"}, lines, as_json)


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(deploy)
    app.command()(setup)
