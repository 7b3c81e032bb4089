"""A run as a node of a trace, and the sources that it read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from pipeline.claims import Claim
from pipeline.lineage import Graph, Node
from pipeline.lineage.history import History, versions
from pipeline.published import Slice, published_slices
from pipeline.runs import Run
from pipeline.session import Session

SOURCE, RUN, EXAMPLES = "source", "run", "examples"
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


def add_run(graph: Graph, traced: TracedRun) -> None:
    """Add a run and its sources."""
    run, claim = traced.run, traced.claim
    node = graph.add(Node(RUN, run.run_id, _run_facts(traced), _state(traced)))
    said = f"read at {_moment(claim.snapshot_at)}" if claim else "as job.yaml names it now"
    for name in traced.sources:
        graph.connect(add_source(graph, traced.session, name), node, said)


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
    run = traced.run
    newer = [claim.run_id for claim in traced.later if _is_shown(traced, claim.run_id)]
    if newer:
        return f"superseded by {newer[-1]}"
    if traced.claim is None:
        return "its claim is gone"
    if _is_shown(traced, run.run_id):
        return ""
    void = run.session.store.read_json(run.void_uri)
    return f"void: {void['reason']}" if void else "unfinished"


def _is_shown(traced: TracedRun, run_id: str) -> bool:
    return any(True for _ in traced.history.of_run(run_id, "published"))


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
