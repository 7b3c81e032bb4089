"""Examples and models of a run as nodes of a trace."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from pipeline.bundle import BundleInfo
from pipeline.kept_bundles import commit_of
from pipeline.lineage import Graph, Node
from pipeline.model_files import committed_model
from pipeline.phases.preprocess import Counts, counted, examples_stand
from pipeline.phases.trace.runs import EXAMPLES, GONE, TracedRun

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
