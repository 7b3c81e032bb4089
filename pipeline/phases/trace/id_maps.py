"""Id<->index tables of a run's models as nodes of a trace: as they were loaded, and in the table of all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.lineage import Graph, Node
from pipeline.model_files import models_there
from pipeline.phases.trace.runs import GONE, TracedRun
from pipeline.sql_assets import TableName
from pipeline.statements.id_maps import id_map_rows_statement

LOADED_IDS, IDS = "loaded ids", "ids"
ID_MAPS = "id_maps_v1"
"""Table that holds the id<->index tables of all models."""


@dataclass(frozen=True)
class _IdMap:
    """An id<->index table of a model: rows that its marker names, None where that is gone, and rows that stand."""

    name: str
    model_id: str
    written: int | None
    standing: int

    @property
    def state(self) -> str:
        """What became of it."""
        if self.written is None or self.written == self.standing:
            return ""
        return "other rows are in its place" if self.standing else GONE


def add_id_maps(graph: Graph, traced: TracedRun, models: Mapping[str, str]) -> None:
    """Add the id<->index tables of a run's models, whose nodes come by model id; the ledger alone names none."""
    written = {model.model_id: model.id_maps for model in models_there(traced.run)} if traced.deep else {}
    if not traced.deep or all(written.get(model_id) == {} for model_id in models):
        return
    standing = _standing(traced)
    for model_id, node in models.items():
        here = standing.get(model_id, {})
        for name, rows in written.get(model_id, dict.fromkeys(here)).items():
            _add(graph, traced, node, _IdMap(name, model_id, rows, here.get(name, 0)))


def id_map_prefix(table: TableName, run_date: object) -> str:
    """Return how the names of the nodes of a run date begin."""
    return f"{table}@{run_date}/"


def _standing(traced: TracedRun) -> dict[str, dict[str, int]]:
    """Return the rows that stand of each model of the run date, by the names of its id<->index tables."""
    run, found = traced.run, dict[str, dict[str, int]]()
    if traced.session.warehouse.tables.exists(traced.session.target.table(ID_MAPS)):
        for row in traced.session.warehouse.rows(id_map_rows_statement(run.session, run.job.name, run.run_date)):
            found.setdefault(row["model_id"], {})[row["map_name"]] = row["row_count"]
    return found


def _add(graph: Graph, traced: TracedRun, model: str, ids: _IdMap) -> None:
    """Add one; of a model that is not in the ledger yet, what is not there was not loaded yet."""
    run = traced.run
    table = run.id_map_table(graph[model].facts["variant"], ids.name)
    rows = traced.session.warehouse.tables.row_count(table)
    recorded = any(row["model_id"] == ids.model_id for row in traced.history.models_of(run.run_id))
    if rows is None and not recorded:
        return
    loaded = graph.add(Node(LOADED_IDS, str(table), {"rows": rows}, GONE if rows is None else ""), [model])
    if ids.standing or recorded:
        name = f"{id_map_prefix(traced.session.target.table(ID_MAPS), run.run_date)}{ids.model_id}/{ids.name}"
        graph.add(Node(IDS, name, {"rows": ids.standing}, ids.state), [loaded])
