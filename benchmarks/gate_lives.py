"""Simulates challengers over all their windows, judged by the gate's SQL: how often are they promoted?

A life is all windows of a challenger. Each day has a shock that champion and challenger share, and independent noise
of each. The unit of the true gain is the standard error of a window's mean.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import polars as pl

from pipeline.base.digests import unique_name
from pipeline.emulators import lifecycle
from pipeline.evaluation.gate_statements import judge_statement
from pipeline.project.gate_rule import GateRule
from pipeline.project.job_yaml import Gate
from pipeline.project.project import Project
from pipeline.project.target import Endpoints, local_target
from pipeline.rows.schema import Schema
from pipeline.runs.session import Session
from pipeline.sql import Statement, TableName

FIRST = date(2020, 1, 1)
LIFE = "life_"
CHAMPION, CHALLENGER, METRIC = "champion@1", "challenger@1", "log_loss"
SEED = 20130701
SHOCK, NOISE = 0.08, 0.01
"""Standard deviation of a day's shared shock, and of the independent noise of each variant."""

TYPES = {
    "run_date": "DATE",
    "from_run_date": "DATE",
    "holds_from": "DATE",
    "holds_until": "DATE",
    "difference": "FLOAT64",
}
COLUMNS = {
    "comparisons": "job run_date champion challenger metric difference",
    "champions": "job variant from_run_date holds_from holds_until",
    "verdicts": "job run_date champion challenger verdict difference",
}
"""Columns that the gate reads; those without a type are STRING."""

Draw = Callable[[np.random.Generator, tuple[int, int]], np.ndarray]
"""Draws noise with variance 1, shape (lives, days)."""

NOISES: dict[str, Draw] = {
    "normal": lambda rng, shape: rng.standard_normal(shape),
    "heavy tails (t, 3 degrees of freedom)": lambda rng, shape: rng.standard_t(3, shape) / np.sqrt(3),
    "skewed (exponential)": lambda rng, shape: rng.standard_exponential(shape) - 1,
}


class Lives(NamedTuple):
    """Result of simulated lives: number of promotions, and mean number of windows before a promotion."""

    lives: int
    promoted: int
    windows: float

    @property
    def share(self) -> float:
        """Share of the lives that were promoted."""
        return self.promoted / self.lives

    @property
    def margin(self) -> float:
        """Half of the 95 % interval of the share."""
        return 1.96 * float(np.sqrt(self.share * (1 - self.share) / self.lives))


class Scenario(NamedTuple):
    """A simulated kind of challenger: true gain in standard errors, noise, and number of lives."""

    gain: float
    noise: str
    lives: int


SCENARIOS = (
    *(Scenario(0.0, noise, 4000) for noise in NOISES),
    *(Scenario(-1.0, noise, 1000) for noise in NOISES),
    *(Scenario(-2.0, noise, 1000) for noise in NOISES),
    Scenario(1.0, "normal", 1000),
    *(Scenario(2.0, noise, 1000) for noise in NOISES),
    Scenario(3.0, "normal", 1000),
)
AT_ONCE = 1000
"""Lives in one query."""


def main() -> None:
    """Start emulators, simulate and print the table."""
    with tempfile.TemporaryDirectory(prefix="lives-") as folder:
        local_dir = Path(folder) / "local"
        try:
            report(_session(local_dir))
        finally:
            lifecycle.down(local_dir)


def report(session: Session) -> None:
    """Print the table of docs/gate.md."""
    rule = rule_of()
    gate = rule.gate
    print(f"{gate.max_windows} windows of {gate.min_days} days, error {gate.error}, seed {SEED}\n")
    print("| true gain (standard errors of a window's mean) | noise of a day | lives | promoted | share | windows |")
    print("|---|---|---|---|---|---|")
    for number, scenario in enumerate(SCENARIOS):
        lives = lives_of(session, rule, scenario, np.random.default_rng([SEED, number]))
        windows = f"{lives.windows:.1f}" if lives.promoted else "-"
        share = f"{lives.share:.1%} ± {lives.margin:.1%}"
        print(
            f"| {scenario.gain:+.0f} | {scenario.noise} | {lives.lives:,} | {lives.promoted:,} | {share} | {windows} |",
            flush=True,
        )


def lives_of(session: Session, rule: GateRule, scenario: Scenario, rng: np.random.Generator) -> Lives:
    """Simulate a scenario."""
    windows: list[int] = []
    for first in range(0, scenario.lives, AT_ONCE):
        lives = min(AT_ONCE, scenario.lives - first)
        days = differences(rng, NOISES[scenario.noise], rule, lives, scenario.gain)
        windows += promotions(session, rule, days).values()
    return Lives(scenario.lives, len(windows), float(np.mean(windows)) if windows else float("nan"))


def _session(local_dir: Path) -> Session:
    local = lifecycle.up(local_dir)
    endpoints = Endpoints(bigquery=local.bigquery, bigquery_storage=local.bigquery_storage, storage=local.storage)
    session = Session.open(Project.open(Path(__file__).parents[1]), local_target(endpoints))
    session.warehouse.tables.create_datasets()
    session.store.create_bucket()
    return session


def rule_of(**keys: float) -> GateRule:
    """Return the gate of a job.yaml that names only the metric and these keys."""
    return GateRule.of(Gate(metric=METRIC, **keys), {METRIC: "lower"})


def differences(rng: np.random.Generator, draw: Draw, rule: GateRule, lives: int, gain: float) -> np.ndarray:
    """Return challenger minus champion, shape (lives, days); lower is better.

    Parameters
    ----------
    gain
        True gain of the challenger, in standard errors of the mean of a window.
    """
    shape = (lives, rule.gate.min_days * rule.gate.max_windows)
    shock = 0.5 + SHOCK * rng.standard_normal(shape)
    error = NOISE * np.sqrt(2 / rule.gate.min_days)
    champion = shock + NOISE * draw(rng, shape)
    challenger = shock + NOISE * draw(rng, shape) - gain * error
    return challenger - champion


def promotions(session: Session, rule: GateRule, days: np.ndarray) -> dict[int, int]:
    """Judge lives with one query of the gate, and return the promoted lives with their window.

    Parameters
    ----------
    days
        Challenger minus champion, shape (lives, days).
    """
    names = [f"{LIFE}{number:05d}" for number in range(len(days))]
    last = FIRST + timedelta(days=days.shape[1] - 1)
    judged = judge_statement(session, rule, names, [CHALLENGER], last, _tables(session, names, days))
    promoted = _promoted(session, judged)
    return dict(zip(promoted["job"].str.removeprefix(LIFE).astype(int), promoted["window_number"], strict=True))


def _promoted(session: Session, judged: Statement) -> pd.DataFrame:
    """Return the promotions among verdicts, shape (promotions, 3); the verdicts of all days stay in a table."""
    stem = unique_name("lives-judged")
    table = session.target.run_table(stem.replace("-", "_"))
    schema = Schema.parse({"job": "STRING", "window_number": "INT64", "verdict": "STRING"})
    copied = session.statement("leaks/copy_v1", {"table": table, "query": judged, "columns": schema.names})
    session.warehouse.execute(copied, step=stem)
    return session.warehouse.read_frame(table, schema, where="verdict = 'promote'", order_by=["job"])


def _tables(session: Session, names: list[str], days: np.ndarray) -> dict[str, TableName]:
    lives, count = days.shape
    dates = [str(FIRST + timedelta(days=day)) for day in range(count)]
    both = {"champion": pl.lit(CHAMPION), "challenger": pl.lit(CHALLENGER), "metric": pl.lit(METRIC)}
    compared = pl.DataFrame(
        {"job": np.repeat(names, count), "run_date": dates * lives, "difference": days.ravel()}
    ).with_columns(**both)
    champions = pl.DataFrame({"job": names}).with_columns(
        variant=pl.lit(CHAMPION),
        from_run_date=pl.lit(str(FIRST)),
        holds_from=pl.lit("0001-01-01"),
        holds_until=pl.lit("9999-12-31"),
    )
    frames = {"comparisons": compared, "champions": champions, "verdicts": pl.DataFrame()}
    return {name: _loaded(session, name, frame) for name, frame in frames.items()}


def _loaded(session: Session, name: str, frame: pl.DataFrame) -> TableName:
    stem = unique_name(f"lives-{name}")
    schema = Schema.parse({column: TYPES.get(column, "STRING") for column in COLUMNS[name].split()})
    table = session.target.run_table(stem.replace("-", "_"))
    if frame.is_empty():
        session.warehouse.tables.create(table, schema)
        return table
    with tempfile.TemporaryDirectory(prefix="lives-") as folder:
        path = Path(folder) / "rows.jsonl"
        frame.select(schema.names).write_ndjson(path)
        uri = session.store.uri("simulation", f"{stem}.jsonl")
        session.store.put_file(path, uri)
    session.warehouse.load_jsonl([uri], table, schema, step=stem)
    return table


if __name__ == "__main__":
    main()
