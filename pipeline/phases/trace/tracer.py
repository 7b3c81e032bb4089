"""Building the graph of a trace: runs with what they fed, and the other runs that their models lead to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from pipeline.errors import RequestError
from pipeline.lineage import Graph
from pipeline.lineage.history import History, Row
from pipeline.phases.trace.drift import add_drift
from pipeline.phases.trace.evaluations import MetricAsked, add_judgement
from pipeline.phases.trace.jobs import JobTrace
from pipeline.phases.trace.models import add_models
from pipeline.phases.trace.predictions import add_predictions, prediction_sets
from pipeline.phases.trace.runs import TracedRun, add_run
from pipeline.run_ids import parse_run_id
from pipeline.session import Session


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
        made = {(row["run_id"], row["model_id"]) for row in traced.history.models}
        for row in traced.history.events:
            uses = (row["phase"], row["event"]) == ("predict", "done") and row["model_id"] in own
            if uses and (row["run_id"], row["model_id"]) not in made:
                self._add_other(traced, row)

    def add_named(self, run_id: str) -> bool:
        """Add the run of an id, and tell whether there is one."""
        try:
            name = parse_run_id(run_id)
        except RequestError:  # of a folder or table that is named like those of a run
            return False
        if name.job not in self.session.project.job_names():
            return False
        traced = self.job(name.job).run(name.run_date, run_id)
        if traced:
            self.add(traced)
        return traced is not None

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
            add_judgement(self.graph, traced, row, slices, self.asked)

    def _add_made(self, traced: TracedRun) -> dict[str, str]:
        """Add a run up to its models, once."""
        run_id = traced.run.run_id
        if run_id not in self._models:
            add_run(self.graph, traced)
            self._models[run_id] = add_models(self.graph, traced)
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
