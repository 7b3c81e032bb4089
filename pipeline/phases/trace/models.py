"""Examples and models of a run as nodes of a trace."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

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
    bundle = traced.session.store.read_json(f"{row['uri']}/bundle.json") if traced.deep else None
    names = ("model_id", "variant", "training_rows", "data_checksum", "code_digest", "bundle_digest")
    facts = {name: row[name] for name in names} | _bundle_facts(bundle or {})
    state = GONE if traced.deep and bundle is None else ""
    return graph.add(Node(MODEL, row["uri"], facts, state), [traced.examples] if traced.examples in graph else [])


def _bundle_facts(bundle: Mapping[str, Any]) -> dict[str, Any]:
    commit = bundle.get("commit")
    dirty = "-dirty" if commit and bundle.get("dirty") else ""
    return {
        "class": bundle.get("model"),
        "commit": commit and f"{commit}{dirty}",
        "model_sha256": bundle.get("model_sha256"),
    }
