"""The project that made a model, as its bundle holds it, and the project in which it is made again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.bundle import BundleInfo, using_code
from pipeline.imports import can_import_jobs
from pipeline.project import Job, Project, Variant, read_variant
from pipeline.session import Session
from pipeline.sql_assets import Catalogue


@dataclass(frozen=True)
class Side:
    """A project with the job and the variant of a model.

    Parameters
    ----------
    job
        None for a model that was made without one.
    is_bundle
        Whether the project is that of the bundle.
    """

    session: Session
    job: Job | None
    variant: Variant | None
    is_bundle: bool

    @contextmanager
    def code(self) -> Iterator[None]:
        """Make the job's code importable: that of the bundle only where there is no other."""
        root = self.session.project.root
        with using_code(root) if self.is_bundle else nullcontext():
            yield


def bundle_side(session: Session, folder: Path, info: BundleInfo) -> Side:
    """Return the project that a bundle holds; it is one, with what its job needs."""
    project = Project(folder)
    own = replace(session, project=project, catalogue=Catalogue(folder))
    job = project.job(info.run["job"]) if info.run else None
    return Side(own, job, replace(read_variant(folder / "variant.yaml"), name=_name(info)), is_bundle=True)


def side_here(session: Session, bundle: Side, place: str) -> Side:
    """Return the project of the session where it has the job, or the bundle's where there is no other.

    Parameters
    ----------
    place
        Where the bundle lies: its folder looks like a project, and nothing there was verified.
    """
    root = session.project.root
    if bundle.job is None:
        can_import_jobs(root, besides=place)
        return bundle
    if not (root / "jobs" / bundle.job.name / "job.yaml").is_file() or root == Path(place).resolve():
        return bundle
    job = Project.open(root).job(bundle.job.name)
    name = bundle.variant.name if bundle.variant else ""
    variant = next((variant for variant in job.variants if variant.name == name), None)
    return Side(session, job, variant, is_bundle=False)


def _name(info: BundleInfo) -> str:
    return str(info.content["variant"]).partition("@")[0]
