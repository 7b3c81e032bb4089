"""An open project at a target: the connections and readers that every phase works with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pipeline.base.progress import Reporter
from pipeline.project.code import commit_name, git_commit, why_git_refuses
from pipeline.project.project import Project
from pipeline.project.target import Target
from pipeline.runs.layout import JobLayout
from pipeline.sql import Catalogue, Identifier, Statement, render

if TYPE_CHECKING:
    from pipeline.cloud.bigquery.warehouse import Warehouse
    from pipeline.cloud.storage.store import Store


@dataclass(frozen=True)
class Session:
    """Connections and readers that belong together; Google's clients are imported at their first use."""

    project: Project
    catalogue: Catalogue
    target: Target
    reporter: Reporter

    @classmethod
    def open(cls, project: Project, target: Target, reporter: Reporter | None = None) -> Session:
        """Return a session with the SQL catalogue of a project, at a target."""
        return cls(project, Catalogue(project.root), target, reporter or Reporter())

    @cached_property
    def warehouse(self) -> Warehouse:
        """BigQuery at the target."""
        from pipeline.cloud.bigquery.warehouse import Warehouse

        return Warehouse(self.target)

    @cached_property
    def store(self) -> Store:
        """The bucket of the target."""
        from pipeline.cloud.storage.store import Store

        return Store(self.target)

    def layout(self, job: str) -> JobLayout:
        """Return the addresses of the objects of a job."""
        return JobLayout(self.store.uri(), job)

    @cached_property
    def commit(self) -> str | None:
        """Git commit of the project's folder, with `-dirty` where files differ from it; None outside a checkout.

        A warning says so if there is a checkout and git refuses to tell.
        """
        reason = why_git_refuses(self.project.root)
        if reason:
            self.reporter.warn(f"the git commit is unknown: {reason} - models and the ledger name none")
        commit, dirty = git_commit(self.project.root)
        return commit_name(commit, dirty=dirty)

    def statement(
        self,
        name: str,
        identifiers: Mapping[str, Identifier],
        values: Mapping[str, Any] | None = None,
        *,
        suffix: str = "",
    ) -> Statement:
        """Return an asset of the catalogue, rendered into a statement."""
        return render(self.catalogue.get(name), identifiers, values or {}, suffix=suffix)
