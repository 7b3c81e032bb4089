"""Building the graph of a trace: runs with what they fed, and the other runs that their models lead to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from pipeline.errors import RequestError
from pipeline.explain.trace.evaluations import MetricAsked, add_drift, add_judgement
from pipeline.explain.trace.graph import Graph
from pipeline.explain.trace.history import Row, Rows, runs_of_models
from pipeline.explain.trace.models import add_id_maps, add_models
from pipeline.explain.trace.predictions import add_predictions, prediction_sets
from pipeline.explain.trace.runs import JobTrace, TracedRun, add_run
from pipeline.runs.identity import parse_run_id
from pipeline.runs.session import Session


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
    _made_by: dict[tuple[str, str], Rows] = field(default_factory=dict)

    def jobs(self) -> Iterator[JobTrace]:
        """Return all jobs of the project."""
        return (self.job(name) for name in self.session.project.job_names())

    def job(self, name: str) -> JobTrace:
        """Return a job of the project."""
        if name not in self._jobs:
            self._jobs[name] = JobTrace(self.session, self.session.project.job(name))
        return self._jobs[name]

    def add(self, traced: TracedRun) -> None:
        """Add a run, what its models were made from, and what it and its models fed."""
        self._add_alone(traced)
        if not traced.deep:
            return
        job, own = traced.run.job.name, self._models[traced.run.run_id]
        rows = runs_of_models(self.session, [job], own)
        made = {(row["run_id"], row["model_id"]) for row in rows if row["made"]}
        used = [row for row in rows if not row["made"] and (row["run_id"], row["model_id"]) not in made]
        for other in self._runs(job, used):
            self._add_alone(other)

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
            add_id_maps(self.graph, traced, self._models[run_id])
        return self._models[run_id]

    def _made_elsewhere(self, traced: TracedRun, model_id: str) -> Iterator[str]:
        """Add the other runs that made a model, up to their models, and return the ids of its nodes."""
        job = traced.run.job.name
        rows = traced.history.makers_of(model_id) if not traced.deep else self._makers(job, model_id)
        for maker in self._runs(job, rows):
            yield from (node for known, node in self._add_made(maker).items() if known == model_id)

    def _makers(self, job: str, model_id: str) -> Rows:
        if (job, model_id) not in self._made_by:
            rows = runs_of_models(self.session, [job], [model_id])
            self._made_by[job, model_id] = [row for row in rows if row["made"]]
        return self._made_by[job, model_id]

    def _runs(self, job: str, rows: Sequence[Row]) -> Iterator[TracedRun]:
        """Return the runs of a job that rows name by run date and id, each once."""
        self.job(job).read([row["run_date"] for row in rows])
        for run_date, run_id in dict.fromkeys((row["run_date"], row["run_id"]) for row in rows):
            traced = self.job(job).run(run_date, run_id)
            if traced:
                yield traced
