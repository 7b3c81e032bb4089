"""Nodes of runs and of the sources that they read."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from typing import Any

from pipeline.base.dates import EARLIEST, LATEST
from pipeline.base.digests import digest_json
from pipeline.explain.trace.graph import Graph, Node
from pipeline.explain.trace.history import History, versions
from pipeline.project.project import Job
from pipeline.runs.claims import Claim, claim_addresses, claims_at, claims_of
from pipeline.runs.layout import Folder
from pipeline.runs.opening import run_of, run_without_claim
from pipeline.runs.publications import Slice, published_slices
from pipeline.runs.run import Run
from pipeline.runs.session import Session

SOURCE, RUN, EXAMPLES = "source", "run", "examples"
GONE = "gone"

FEW = 3
"""Up to this many run dates are read one by one; of more, all between the first and the last are read at once."""


@dataclass(frozen=True)
class TracedRun:
    """A run in a trace.

    Parameters
    ----------
    claim
        None if it is gone: the ledger still names what the run made.
    later
        Claims of later generations of its run date.
    deep
        Whether its artefacts are looked at one by one; otherwise everything comes from the ledger.
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
        """Names of the tables that it read; without a claim, the tables that the job reads now."""
        return list(self.claim.defines["sources"] if self.claim else self.run.job.spec.sources)

    @cached_property
    def slices(self) -> dict[str, Slice]:
        """Published slices of its run date, by variant."""
        table = self.session.target.table(self.run.job.predictions_table)
        return published_slices(self.run) if self.session.warehouse.tables.exists(table) else {}


def add_run(graph: Graph, traced: TracedRun) -> None:
    """Add a run and its sources."""
    claim = traced.claim
    node = graph.add(Node(RUN, traced.run.run_id, _run_facts(traced), _run_state(traced)))
    summary = f"read at {datetime.fromisoformat(claim.snapshot_at)}" if claim else "as job.yaml names it now"
    for name in traced.sources:
        graph.connect(add_source(graph, traced.session, name), node, summary)


def add_source(graph: Graph, session: Session, name: str) -> str:
    """Add a source table, and return the id of its node."""
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
        "snapshot_at": datetime.fromisoformat(claim.snapshot_at),
        "sql": versions(defines["sql"]),
        "parameters": {**defines["labels"]["parameters"], **defines["examples"]["parameters"]},
        "history_days": defines["examples"]["history_days"],
        "variants": defines["variants"],
        "shards": defines["shards"],
        "definition": claim.definition,
        "code_digest": digest_json(defines["code"]),  # of all variants, as `pipeline deploy` names it
        "champion_at_start": claim.champion,
    }


def _run_state(traced: TracedRun) -> str:
    """Return what happened to a run, by the ledger and its markers."""
    run = traced.run
    newer = [claim.run_id for claim in traced.later if _is_published(traced, claim.run_id)]
    if newer:
        return f"superseded by {newer[-1]}"
    if traced.claim is None:
        return "its claim is gone"
    if _is_published(traced, run.run_id):
        return ""
    void = run.session.store.read_json(run.layout.void)
    return f"void: {void['reason']}" if void else "unfinished"


def _is_published(traced: TracedRun, run_id: str) -> bool:
    return next(traced.history.of_run(run_id, "published"), None) is not None


@dataclass(frozen=True)
class JobTrace:
    """The runs of a job; ledger and claims are read for the run dates that are asked for."""

    session: Session
    job: Job
    _histories: list[History] = field(default_factory=list)
    _claims: dict[date, list[Claim]] = field(default_factory=dict)

    def history(self, first: date, last: date) -> History:
        """Return the ledger of run dates: one that was read before if it covers them all."""
        for known in self._histories:
            if known.first <= first and last <= known.last:
                return known
        self._histories.append(History(self.session, self.job, first, last))
        return self._histories[-1]

    def read(self, run_dates: Collection[date]) -> None:
        """Prepare for run dates that will be asked for: many of them are read at once."""
        if len(set(run_dates)) > FEW:
            self.history(min(run_dates), max(run_dates))

    @property
    def run_dates(self) -> list[date]:
        """All run dates that have a claim or an event."""
        return sorted({*self._addresses, *self.history(EARLIEST, LATEST).run_ids})

    def runs(self, run_date: date, *, deep: bool = True) -> Iterator[TracedRun]:
        """Return the runs of a run date: first the claimed ones, then those that only the ledger still names."""
        claims, history = self._claims_of(run_date, deep=deep), self.history(run_date, run_date)
        for number, claim in enumerate(claims):
            run = run_of(self.session, self.job, run_date, claim)
            yield TracedRun(run, claim, claims[number + 1 :], history, deep)
        claimed = {claim.run_id for claim in claims}
        for run_id in history.run_ids.get(run_date, ()):
            if run_id not in claimed:
                generations = (row["details"]["generation"] for row in history.of_run(run_id, "published"))
                run = run_without_claim(self.session, self.job, run_date, run_id, next(generations, 0))
                yield TracedRun(run, None, claims, history, deep)

    def run(self, run_date: date, run_id: str) -> TracedRun | None:
        """Return one run, or None."""
        return next((traced for traced in self.runs(run_date) if traced.run.run_id == run_id), None)

    @cached_property
    def _addresses(self) -> dict[date, list[str]]:
        """Addresses of the claims of all run dates, from one listing."""
        return claim_addresses(self.session, self.job)

    def _claims_of(self, run_date: date, *, deep: bool) -> list[Claim]:
        if run_date not in self._claims:
            self._claims[run_date] = (
                self._listed_claims(run_date) if deep else claims_at(self.session, self._addresses.get(run_date, []))
            )
        return self._claims[run_date]

    def _listed_claims(self, run_date: date) -> list[Claim]:
        left = self.session.store.folders(self.session.layout(self.job.name).folder(Folder.ATTEMPTS, run_date))
        return claims_of(self.session, self.job, run_date) if left else []
