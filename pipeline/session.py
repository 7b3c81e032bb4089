"""An open project at a target: what every phase works with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.progress import Reporter
from pipeline.project import Project
from pipeline.sql_assets import Catalogue, Identifier, Statement, render
from pipeline.store import Store
from pipeline.target import Target
from pipeline.warehouse import Warehouse


@dataclass(frozen=True)
class Session:
    """Connections and readers that belong together."""

    project: Project
    catalogue: Catalogue
    warehouse: Warehouse
    store: Store
    reporter: Reporter

    @classmethod
    def open(cls, project: Project, target: Target, reporter: Reporter | None = None) -> Session:
        """Connect to a target."""
        catalogue = Catalogue(project.root)
        return cls(project, catalogue, Warehouse(target), Store(target), reporter or Reporter())

    def statement(
        self,
        name: str,
        identifiers: Mapping[str, Identifier],
        values: Mapping[str, Any] | None = None,
        *,
        suffix: str = "",
    ) -> Statement:
        """Render an asset of the catalogue."""
        return render(self.catalogue.get(name), identifiers, values or {}, suffix=suffix)
