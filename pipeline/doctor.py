"""Whether a machine and a target are fit for a pipeline: a line for each check, with what to do about it."""

from __future__ import annotations

import platform
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from pipeline.clock import read_clock
from pipeline.errors import PipelineError, RequestError
from pipeline.locked import other_versions
from pipeline.project import Project
from pipeline.session import Session
from pipeline.sql_assets import Catalogue
from pipeline.statements.job import check_assets
from pipeline.target import Target

DISTRIBUTION = "bigquery-batch-ml"
MOST_SECONDS = 60.0
"""Seconds by which the clocks may differ: Google refuses credentials that were signed minutes away from its time."""

SHOWN_PACKAGES = 5

OK, NOTE, ERROR = "ok", "note", "error"

NOTED = "note: "
"""Begins what is worth knowing and no error."""


@dataclass(frozen=True)
class Finding:
    """What one check found.

    Parameters
    ----------
    state
        `ok`, `note` or `error`.
    exit_code
        That of the error, else 0.
    """

    check: str
    state: str
    said: str
    exit_code: int = 0

    def __str__(self) -> str:
        return f"{self.state:<6}{self.check}: {self.said}"


def diagnose(root: Path, open_target: Callable[[], Target], *, version: str = "") -> Iterator[Finding]:
    """Look at Python, packages, project and target, one after the other; nothing is made or changed.

    Parameters
    ----------
    root
        Folder of the project.
    open_target
        Returns the target; it may fail.
    version
        Python's version; this one's when not given.
    """
    yield _found("python", _python, version or platform.python_version())
    yield from _project(root)
    targets: list[Target] = []
    yield _found("target", _open, open_target, targets)
    for target in targets:
        installed = _found("packages", _packages, root, target)
        yield installed
        if installed.state != ERROR:  # without its packages nothing can look at BigQuery
            yield from _places(Session.open(Project(root), target))


def worst(findings: Iterable[Finding]) -> int:
    """Return the exit code of the worst finding: 0 when there are only notes."""
    return max((finding.exit_code for finding in findings), default=0)


def _found(check: str, look: Callable[..., str], *arguments: Any) -> Finding:
    """Make a finding of what a check says, or of the error that it raises."""
    try:
        said = look(*arguments)
    except PipelineError as error:
        return Finding(check, ERROR, str(error), error.exit_code)
    return Finding(check, NOTE if said.startswith(NOTED) else OK, said.removeprefix(NOTED))


def _python(version: str) -> str:
    needed = metadata.metadata(DISTRIBUTION)["Requires-Python"]
    have, least = (tuple(int(part) for part in re.findall(r"\d+", text)[:2]) for text in (version, needed))
    if have < least:
        raise RequestError(f"Python {version}, needed is {needed}", hint="install a newer one and run make local")
    return version


def _packages(root: Path, target: Target) -> str:
    """Compare the installed packages with the locked ones; other versions work, but may predict other numbers."""
    path = root / "requirements" / ("local.txt" if target.endpoints else "runtime.txt")
    if not path.is_file():
        return f"{NOTED}{path} is not there: versions are not compared"
    missing, differing = other_versions(path)
    if missing:
        raise RequestError(f"not installed: {_some(missing)}", hint="run make local")
    return f"{NOTED}{_some(differing)} - run make local" if differing else f"as in {path.relative_to(root)}"


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN_PACKAGES} more" if len(names) > SHOWN_PACKAGES else ""
    return ", ".join(names[:SHOWN_PACKAGES]) + more


def _project(root: Path) -> Iterator[Finding]:
    try:
        project = Project.open(root)
    except RequestError as error:
        yield Finding("project", ERROR, str(error), error.exit_code)
        return
    catalogue, names = Catalogue(project.root), project.job_names()
    yield Finding("project", OK if names else NOTE, f"{project.root}, jobs: {', '.join(names) or 'none'}")
    yield _found("sql", _sql, catalogue)
    for name in names:
        yield _found(f"job {name}", _job, project, catalogue, name)


def _sql(catalogue: Catalogue) -> str:
    return f"{len([catalogue.any(name) for name in catalogue.names()])} files, every header parses"


def _job(project: Project, catalogue: Catalogue, name: str) -> str:
    job = project.job(name)
    check_assets(catalogue, job)
    return f"{', '.join(variant.name for variant in job.variants)}"


def _open(open_target: Callable[[], Target], targets: list[Target]) -> str:
    targets.append(open_target())
    return f"project {targets[0].project}, location {targets[0].location}"


def _places(session: Session) -> Iterator[Finding]:
    target = session.target
    yield _found("clock", _clock, session)
    for name in target.datasets:
        yield _found(f"dataset {name}", _dataset, session, name)
    yield _found(f"bucket {target.bucket}", _bucket, session)
    if not target.endpoints:
        yield Finding("permissions", NOTE, "not tested here; where one is missing, the command names it with its role")


def _clock(session: Session) -> str:
    ahead = read_clock(session).ahead
    said = f"{abs(ahead):.1f} s {'ahead of' if ahead > 0 else 'behind'} BigQuery's"
    if abs(ahead) > MOST_SECONDS:
        raise RequestError(f"this machine's clock is {said}", hint="set it, e.g. by NTP, or credentials are refused")
    return said if ahead else "no difference to BigQuery's"


def _dataset(session: Session, name: str) -> str:
    target = session.target
    make = f"bq --location={target.location} mk --dataset {target.project}:{name}"
    return _exists(session.warehouse.tables.has_dataset(name), target, make)


def _bucket(session: Session) -> str:
    target = session.target
    make = f"gcloud storage buckets create gs://{target.bucket} --location={target.location}"
    return _exists(session.store.has_bucket(), target, make)


def _exists(there: bool, target: Target, make: str) -> str:  # noqa: FBT001
    if there:
        return "exists"
    if target.endpoints:
        return f"{NOTED}does not exist yet; the first command makes it"
    raise RequestError("does not exist", hint=make)
