"""Building the graph of a trace: runs with what they fed, and the other runs that their models lead to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property

from pipeline.claims import Claim, claimed_dates, claims_of
from pipeline.lineage import Graph
from pipeline.lineage.history import History, Row
from pipeline.lineage.judgement import add_comparisons, add_evaluation, add_labels, add_metrics, add_undecided
from pipeline.phases.trace_drift import add_drift
from pipeline.phases.trace_predictions import add_predictions, prediction_sets
from pipeline.phases.trace_run import GONE, TracedRun, add_run, add_source, claimed_run, run_without_claim
from pipeline.project import Job
from pipeline.session import Session
from pipeline.sql_assets import TableName
from pipeline.statements.evaluation import evaluation_metrics_statement


@dataclass(frozen=True)
class MetricAsked:
    """Metric rows besides the overall ones: of a slice, by name and value."""

    metric: str
    slice_name: str
    slice_value: str

    def covers(self, row: Row) -> bool:
        """Tell whether a metric row is meant."""
        return (row["metric"], row["slice_name"], row["slice_value"]) == (
            self.metric,
            self.slice_name,
            self.slice_value,
        )


@dataclass(frozen=True)
class JobTrace:
    """A job, its ledger and its claims."""

    session: Session
    job: Job
    history: History

    @cached_property
    def claimed_dates(self) -> list[date]:
        """Run dates of which attempts left something."""
        return claimed_dates(self.session, self.job)

    def claims(self, run_date: date) -> list[Claim]:
        """Return the claims of a run date."""
        return claims_of(self.session, self.job, run_date) if run_date in self.claimed_dates else []

    def runs(self, run_date: date, *, deep: bool = True) -> Iterator[TracedRun]:
        """Return the runs of a run date: those that were claimed, and those that the ledger alone still names."""
        claims = self.claims(run_date)
        for number, claim in enumerate(claims):
            run = claimed_run(self.session, self.job, run_date, claim)
            yield TracedRun(run, claim, claims[number + 1 :], self.history, deep)
        claimed = {claim.run_id for claim in claims}
        own = [row for row in self.history.events if row["run_date"] == run_date and row["phase"] != "evaluate"]
        for run_id in dict.fromkeys(row["run_id"] for row in own if row["run_id"] not in claimed):
            generations = (row["details"].get("generation", 0) for row in self.history.of_run(run_id, "published"))
            run = run_without_claim(self.session, self.job, run_date, run_id, next(generations, 0))
            yield TracedRun(run, None, claims, self.history, deep)

    def run(self, run_date: date, run_id: str) -> TracedRun | None:
        """Return one run, or None."""
        return next((traced for traced in self.runs(run_date) if traced.run.run_id == run_id), None)


@dataclass
class Tracer:
    """A graph that grows by runs; nothing is written anywhere.

    Parameters
    ----------
    asked
        Metric rows that are wanted besides the overall ones.
    """

    session: Session
    graph: Graph = field(default_factory=Graph)
    asked: MetricAsked | None = None
    _jobs: dict[str, JobTrace] = field(default_factory=dict)
    _models: dict[str, dict[str, str]] = field(default_factory=dict)

    def jobs(self) -> Iterator[JobTrace]:
        """Return all jobs of the project."""
        return (self.job(name) for name in self.session.project.job_names())

    def job(self, name: str) -> JobTrace:
        """Return a job of the project."""
        if name not in self._jobs:
            job = self.session.project.job(name)
            self._jobs[name] = JobTrace(self.session, job, History(self.session, job))
        return self._jobs[name]

    def add(self, traced: TracedRun) -> None:
        """Add a run, what its models were made from, and what it and its models fed."""
        self._add_alone(traced)
        if not traced.deep:
            return
        own = self._models[traced.run.run_id]
        used = [row for row in traced.history.events if (row["phase"], row["event"]) == ("predict", "done")]
        for row in used:
            if row["model_id"] in own and row["run_id"] != traced.run.run_id:
                self._add_other(traced, row)

    def _add_alone(self, traced: TracedRun) -> None:
        own = self._add_made(traced)
        models = {model_id: [node] for model_id, node in own.items()}
        for each in prediction_sets(traced):
            if each.model_id not in models:
                models[each.model_id] = list(self._made_elsewhere(traced, each.model_id))
        slices = add_predictions(self.graph, traced, models)
        if traced.deep:
            add_drift(self.graph, traced, slices)
        for row in traced.history.evaluations_of(traced.run.run_id):
            self._add_evaluation(traced, row, slices)

    def _add_made(self, traced: TracedRun) -> dict[str, str]:
        """Add a run up to its models, once."""
        run_id = traced.run.run_id
        if run_id not in self._models:
            self._models[run_id] = add_run(self.graph, traced)
        return self._models[run_id]

    def _add_other(self, traced: TracedRun, row: Row) -> None:
        """Add another run of the job that an event belongs to."""
        other = self.job(traced.run.job.name).run(row["run_date"], row["run_id"])
        if other:
            self._add_alone(other)

    def _made_elsewhere(self, traced: TracedRun, model_id: str) -> Iterator[str]:
        """Add the other runs that made a model, up to their models, and return the ids of its nodes."""
        for row in traced.history.models:
            if row["model_id"] == model_id:
                maker = self.job(traced.run.job.name).run(row["run_date"], row["run_id"])
                made = self._add_made(maker) if maker else {}
                yield from (node for known, node in made.items() if known == model_id)

    def _add_evaluation(self, traced: TracedRun, row: Row, slices: dict[str, str]) -> None:
        graph, evaluation_id = self.graph, row["evaluation_id"]
        labels = add_labels(graph, row, self._labels_state(traced, row))
        said = f"read by {row['recorded_at']}"
        for name in self._label_sources(traced, row):
            graph.connect(add_source(graph, self.session, name), labels, said)
        evaluation = add_evaluation(graph, row, labels)
        if traced.deep:
            which = {"job": traced.run.job.name, "run_date": row["run_date"], "evaluation_id": evaluation_id}
            rows = self.session.warehouse.rows(evaluation_metrics_statement(self.session, which))
            add_metrics(graph, [each for each in rows if self._is_wanted(each)], evaluation, slices)
        for node in () if traced.deep else slices.values():  # no metrics in between
            graph.connect(node, evaluation)
        add_comparisons(graph, traced.history, evaluation_id, slices)
        add_undecided(graph, traced.history, row)

    def _is_wanted(self, row: Row) -> bool:
        return not row["slice_name"] or bool(self.asked and self.asked.covers(row))

    def _labels_state(self, traced: TracedRun, row: Row) -> str:
        table = row["details"].get("labels_table")
        if not traced.deep or not table:
            return ""
        return "" if self.session.warehouse.tables.exists(TableName.parse(table)) else GONE

    def _label_sources(self, traced: TracedRun, row: Row) -> list[str]:
        """Return the sources that the labels SQL reads; all of the run's where that version is not here."""
        sql, catalogue = row["details"].get("labels_sql") or {}, self.session.catalogue
        if sql.get("name") not in catalogue.names():
            return list(traced.sources)
        asset = catalogue.get(sql["name"])
        named = [name for name in traced.sources if name in asset.header.identifiers]
        return named if asset.digest == sql["digest"] else list(traced.sources)
