"""A run as nodes of a trace: the sources that it read, its examples and its models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from functools import cached_property
from typing import Any

from pipeline.claims import Claim
from pipeline.lineage import Graph, Node
from pipeline.lineage.history import History, versions
from pipeline.model_files import committed_model
from pipeline.phases.preprocess import counted, examples_stand
from pipeline.project import Job
from pipeline.published import Slice, published_slices
from pipeline.runs import Run, run_of
from pipeline.session import Session
from pipeline.statements.job import as_of_date

SOURCE, RUN, EXAMPLES, MODEL = "source", "run", "examples", "model"
GONE = "gone"


@dataclass(frozen=True)
class TracedRun:
    """A run that is traced.

    Parameters
    ----------
    claim
        None where it is gone: the ledger still names what the run made.
    later
        Claims of later generations of its run date.
    deep
        Whether its artefacts are looked at, one by one; else all that is said of them is what the ledger says.
    """

    run: Run
    claim: Claim | None
    later: Sequence[Claim]
    history: History
    deep: bool

    @property
    def session(self) -> Session:
        """Connections."""
        return self.run.session

    @property
    def node(self) -> str:
        """Id of its node."""
        return f"{RUN}:{self.run.run_id}"

    @property
    def examples(self) -> str:
        """Id of the node of its examples."""
        return f"{EXAMPLES}:{self.run.table('examples')}"

    @property
    def sources(self) -> Sequence[str]:
        """Names of the tables that it read; where its claim is gone, those of the job as it is now."""
        return list(self.claim.defines["sources"] if self.claim else self.run.job.spec.sources)

    @cached_property
    def slices(self) -> dict[str, Slice]:
        """What is published of its run date, by variant."""
        table = self.session.target.table(self.run.job.predictions_table)
        return published_slices(self.run) if self.session.warehouse.tables.exists(table) else {}


def run_without_claim(session: Session, job: Job, run_date: date, run_id: str, generation: int) -> Run:
    """Return a run whose claim is gone: it only names things."""
    moment = as_of_date(job, run_date)
    return Run(session, job, run_date, moment, run_id, generation, moment, None)


def claimed_run(session: Session, job: Job, run_date: date, claim: Claim) -> Run:
    """Return the run of a claim."""
    return run_of(session, job, run_date, claim)


def add_run(graph: Graph, traced: TracedRun) -> dict[str, str]:
    """Add a run, its sources, examples and models, and return the ids of its models by model id."""
    run, claim = traced.run, traced.claim
    node = graph.add(Node(RUN, run.run_id, _run_facts(traced), _state(traced)))
    said = f"read at {_moment(claim.snapshot_at)}" if claim else "as job.yaml names it now"
    for name in traced.sources:
        graph.connect(add_source(graph, traced.session, name), node, said)
    done = next(traced.history.of_run(run.run_id, "done", "preprocess"), None)
    if done is not None or (traced.deep and counted(run)):
        _add_examples(graph, traced, done)
    return {row["model_id"]: _add_model(graph, traced, row) for row in _models(traced)}


def add_source(graph: Graph, session: Session, name: str) -> str:
    """Add a source table, and return its id."""
    table = session.target.table(name)
    node_id = f"{SOURCE}:{table}"
    if node_id in graph:
        return node_id
    rows = session.warehouse.tables.row_count(table)
    return graph.add(Node(SOURCE, str(table), {"rows_now": rows}, GONE if rows is None else ""))


def _run_facts(traced: TracedRun) -> dict[str, Any]:
    run, claim = traced.run, traced.claim
    facts: dict[str, Any] = {"job": run.job.name, "run_date": run.run_date, "generation": run.generation or None}
    if claim is None:
        return facts
    defines = claim.defines
    return {
        **facts,
        "as_of": run.as_of,
        "snapshot_at": _moment(claim.snapshot_at),
        "sql": versions(defines["sql"]),
        "parameters": {**defines["labels"]["parameters"], **defines["examples"]["parameters"]},
        "history_days": defines["examples"]["history_days"],
        "variants": defines["variants"],
        "shards": defines["shards"],
        "definition": claim.definition,
        "code_digest": defines["code"],
        "champion_at_start": claim.champion,
    }


def _state(traced: TracedRun) -> str:
    """Return what became of a run, as the ledger has it."""
    run, shown = traced.run, {row["run_id"] for row in traced.history.events if row["event"] == "published"}
    newer = [claim.run_id for claim in traced.later if claim.run_id in shown]
    if newer:
        return f"superseded by {newer[-1]}"
    if traced.claim is None:
        return "its claim is gone"
    if run.run_id in shown:
        return ""
    void = run.session.store.read_json(run.void_uri)
    return f"void: {void['reason']}" if void else "unfinished"


def _add_examples(graph: Graph, traced: TracedRun, done: Mapping[str, Any] | None) -> None:
    run, details = traced.run, done["details"] if done else {}
    counts = counted(run) if traced.deep else None
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
    gone = traced.deep and not (counts and examples_stand(run, counts))
    graph.add(Node(EXAMPLES, str(run.table("examples")), facts, GONE if gone else ""), [traced.node])


def _models(traced: TracedRun) -> list[dict[str, Any]]:
    """Return the models of a run: those of the ledger, and those that were committed and not recorded yet."""
    run = traced.run
    known = {row["variant"]: row for row in traced.history.models if row["run_id"] == run.run_id}
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
    if not bundle:
        return {}
    commit = f"{bundle['commit']}-dirty" if bundle["commit"] and bundle["dirty"] else bundle["commit"]
    return {"class": bundle["model"], "commit": commit, "model_sha256": bundle["model_sha256"]}


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
