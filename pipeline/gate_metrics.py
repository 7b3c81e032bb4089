"""The metrics that a job's gate names, and the directions that the metric family knows."""

from __future__ import annotations

from pipeline.errors import RequestError
from pipeline.gate_rules import Gate, GateRule
from pipeline.metrics import MetricSpec
from pipeline.project import Job
from pipeline.sql_assets import Catalogue


def gate_rule(catalogue: Catalogue, job: Job, gate: Gate) -> GateRule:
    """Return the gate of a job with its directions.

    Raises
    ------
    RequestError
        It names a metric that the family does not compute, or that is not better in any direction, or the other
        direction.
    """
    spec, where = MetricSpec.of(job), f"{job.folder / 'job.yaml'}: key gate"
    better = spec.metrics(catalogue.get(spec.asset))
    known = [name for name, direction in better.items() if direction != "neither"]
    for key, metric in [("metric", gate.metric), *(("guard_rails", name) for name in gate.guard_rails)]:
        if metric not in known:
            has = (
                f"the family {spec.family} has no metric" if metric not in better else "neither direction is better of"
            )
            raise RequestError(f"{where}.{key}: {has} {metric!r}", hint=f"name one of: {', '.join(known)}")
    if gate.direction not in (None, better[gate.metric]):
        what = f"{where}.direction: {gate.direction}, but {better[gate.metric]} values of {gate.metric} are better"
        raise RequestError(what, hint="leave the key out: the family knows it")
    return GateRule.of(gate, better)
