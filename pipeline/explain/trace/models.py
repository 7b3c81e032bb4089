"""Examples and models of a run as nodes of a trace."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from pipeline.explain.kept_bundle import commit_of
from pipeline.explain.trace.graph import Graph, Node
from pipeline.explain.trace.runs import EXAMPLES, GONE, TracedRun
from pipeline.models.bundle import BundleInfo
from pipeline.runs.artefacts.examples import Counts, counted, examples_stand
from pipeline.runs.artefacts.models import committed_model, models_there
from pipeline.runs.publication_statements import id_map_rows_statement
from pipeline.sql import TableName

MODEL = "model"


def add_models(graph: Graph, traced: TracedRun) -> dict[str, str]:
    """Add examples and models of a run, and return the ids of its models by model id."""
    _add_examples(graph, traced)
    return {row["model_id"]: _add_model(graph, traced, row) for row in _models(traced)}


def _add_examples(graph: Graph, traced: TracedRun) -> None:
    run, counts = traced.run, counted(traced.run) if traced.deep else None
    done = next(traced.history.of_run(run.run_id, "done", "preprocess"), None)
    if done is None and counts is None:
        return
    details = done["details"] if done else {}
    known = asdict(counts) if counts else details
    checks = [check for row in traced.history.of_run(run.run_id, "checked") for check in row["details"]["checks"]]
    facts = {
        "rows": known.get("row_count"),
        "training_rows": known.get("training_rows"),
        "scoring_rows": known.get("scoring_rows"),
        "checks_failed": [check["check"] for check in checks if check["failed"]],
        "bigquery_jobs": details.get("jobs"),
        "commit": details.get("commit"),
    }
    state = "" if not traced.deep or _stand(traced, counts) else GONE
    graph.add(Node(EXAMPLES, str(run.table("examples")), facts, state), [traced.node])


def _stand(traced: TracedRun, counts: Counts | None) -> bool:
    """Tell whether the table of examples is there, and where it was counted, as it was then."""
    if counts:
        return examples_stand(traced.run, counts)
    return traced.session.warehouse.tables.exists(traced.run.table("examples"))


def _models(traced: TracedRun) -> list[dict[str, Any]]:
    """Return the models of a run: those of the ledger, and those that were committed and not recorded yet."""
    run = traced.run
    known = {row["variant"]: dict(row) for row in traced.history.models_of(run.run_id)}
    variants = traced.claim.defines["variants"] if traced.claim and traced.deep else []
    for variant in variants:
        model = None if variant in known else committed_model(run, variant)
        if model:
            known[variant] = asdict(model)
    return list(known.values())


def _add_model(graph: Graph, traced: TracedRun, row: Mapping[str, Any]) -> str:
    names = ("model_id", "variant", "training_rows", "data_checksum", "code_digest", "bundle_digest")
    facts, state = {name: row[name] for name in names}, ""
    if traced.deep:
        content = traced.session.store.read_json(f"{row['uri']}/bundle.json")
        state = _bundle_state(content, row["bundle_digest"])
        facts |= {} if state else _bundle_facts(BundleInfo(content))
    return graph.add(Node(MODEL, row["uri"], facts, state), [traced.examples] if traced.examples in graph else [])


def _bundle_state(content: Any, committed: str) -> str:
    """Return what became of a bundle: what another one says of itself is nothing that this model was made with."""
    if content is None:
        return GONE
    return "" if BundleInfo(content).digest == committed else "another bundle is in its place"


def _bundle_facts(info: BundleInfo) -> dict[str, Any]:
    return {
        "class": info.content.get("model"),
        "commit": commit_of(info),
        "model_sha256": info.content.get("model_sha256"),
    }


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
