"""The growing graph of a trace: runs, what they fed, and the other runs that made or used their models."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from pipeline.errors import RequestError
from pipeline.explain.trace.evaluation_nodes import MetricSlice, add_drift, add_evaluation
from pipeline.explain.trace.graph import Graph
from pipeline.explain.trace.history import Row, Rows, runs_of_models
from pipeline.explain.trace.model_nodes import add_id_maps, add_models
from pipeline.explain.trace.prediction_nodes import add_predictions, prediction_sets
from pipeline.explain.trace.run_nodes import JobTrace, TracedRun, add_run
from pipeline.runs.identity import parse_run_id
from pipeline.runs.session import Session


@dataclass
class Tracer:
    """A graph that grows by runs; nothing is written to the target.

    Parameters
    ----------
    extra
        A metric of a slice to add to the overall metrics.
    """

    session: Session
    graph: Graph = field(default_factory=Graph)
    extra: MetricSlice | None = None
    _jobs: dict[str, JobTrace] = field(default_factory=dict)
    _models: dict[str, dict[str, str]] = field(default_factory=dict)  # by run id: node ids by model id
    _makers: dict[tuple[str, str], Rows] = field(default_factory=dict)  # by job and model id

    def jobs(self) -> Iterator[JobTrace]:
        """Return all jobs of the project."""
        return (self.job(name) for name in self.session.project.job_names())

    def job(self, name: str) -> JobTrace:
        """Return a job of the project."""
        if name not in self._jobs:
            self._jobs[name] = JobTrace(self.session, self.session.project.job(name))
        return self._jobs[name]

    def add(self, traced: TracedRun) -> None:
        """Add a run, the sources of its models, and everything that the run and its models fed."""
        self._add_run(traced)
        if not traced.deep:
            return
        job = traced.run.job.name
        rows = runs_of_models(self.session, [job], self._models[traced.run.run_id])
        made = {(row["run_id"], row["model_id"]) for row in rows if row["made"]}
        used = [row for row in rows if not row["made"] and (row["run_id"], row["model_id"]) not in made]
        for other in self._runs(job, used):
            self._add_run(other)

    def add_named(self, run_id: str) -> bool:
        """Add the run of an id, and tell whether there is one."""
        try:
            name = parse_run_id(run_id)
        except RequestError:  # part of a folder or table that is named like those of a run
            return False
        if name.job not in self.session.project.job_names():
            return False
        traced = self.job(name.job).run(name.run_date, run_id)
        if traced:
            self.add(traced)
        return traced is not None

    def _add_run(self, traced: TracedRun) -> None:
        models = {model_id: [node] for model_id, node in self._add_models(traced).items()}
        for predictions in prediction_sets(traced):
            if predictions.model_id not in models:
                models[predictions.model_id] = list(self._add_makers(traced, predictions.model_id))
        slices = add_predictions(self.graph, traced, models)
        if traced.deep:
            add_drift(self.graph, traced, slices)
        for row in traced.history.evaluations_by_run.get(traced.run.run_id, []):
            add_evaluation(self.graph, traced, row, slices, self.extra)

    def _add_models(self, traced: TracedRun) -> dict[str, str]:
        """Add a run up to its models, once, and return the node ids of these by model id."""
        run_id = traced.run.run_id
        if run_id not in self._models:
            add_run(self.graph, traced)
            self._models[run_id] = add_models(self.graph, traced)
            add_id_maps(self.graph, traced, self._models[run_id])
        return self._models[run_id]

    def _add_makers(self, traced: TracedRun, model_id: str) -> Iterator[str]:
        """Add the other runs that made a model, up to their models, and return the ids of the model's nodes."""
        job = traced.run.job.name
        if traced.deep and (job, model_id) not in self._makers:
            rows = runs_of_models(self.session, [job], [model_id])
            self._makers[job, model_id] = [row for row in rows if row["made"]]
        makers = self._makers[job, model_id] if traced.deep else traced.history.makers_by_model.get(model_id, [])
        for maker in self._runs(job, makers):
            yield from (node for known, node in self._add_models(maker).items() if known == model_id)

    def _runs(self, job: str, rows: Sequence[Row]) -> Iterator[TracedRun]:
        """Return the runs of a job that rows name by run date and id, each once."""
        self.job(job).read([row["run_date"] for row in rows])
        for run_date, run_id in dict.fromkeys((row["run_date"], row["run_id"]) for row in rows):
            traced = self.job(job).run(run_date, run_id)
            if traced:
                yield traced
