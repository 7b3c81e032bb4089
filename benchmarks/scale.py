"""Growth of each phase with the rows of a day: seconds, bytes and memory.

A synthetic job with ten numbers a row and linear regression learns from the day before and predicts the run date in
shards of at most 100,000 rows. The emulator's times do not apply to BigQuery, so docs/scale.md uses only the work of
Python (reading streams, scoring, JSON Lines, uploads) and the bytes of a row.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.goals import PHASES
from benchmarks.measuring import memory_settings
from benchmarks.sizes import Sizes
from pipeline.emulators import lifecycle
from pipeline.operate.sources import load_sources
from pipeline.project.project import Job, Project
from pipeline.project.target import Endpoints, local_target
from pipeline.runs.session import Session
from tests.support import orphans

ROWS_A_SHARD, FEATURES = 100_000, 10
DAY = date(2026, 2, 2)
PEAK = """
import sys
from benchmarks.measuring import high_water
from pipeline.cli.app import run
code = run(sys.argv[1:])
print("peak", high_water(), file=sys.stderr)
sys.exit(code)
"""

NAMES = [f"x{number}" for number in range(FEATURES)]
COLUMNS = ", ".join(f"{name}: FLOAT64" for name in NAMES)

JOB = """\
description: Synthetic rows.
time_zone: UTC
entity: [id]
prediction_key: [id, day]
family: regression
sources:
  big_rows:
    description: Rows of two days.
    known_at: known_at
    columns: {{id: INT64 NOT NULL, day: DATE NOT NULL, known_at: TIMESTAMP NOT NULL, label: FLOAT64, {columns}}}
examples: {{sql: big/preprocess/examples_v1, history_days: 1}}
labels: {{sql: big/evaluate/labels_v1, delay_days: 1}}
variants: [linear]
predictions: {{version: 1, shards: {shards}, columns: {{value: FLOAT64 NOT NULL}}}}
"""
MODEL = """\
from sklearn.linear_model import LinearRegression


class Linear:
    def __init__(self, *, columns, features):
        self.columns, self.features = columns, features
        self.regression = LinearRegression()

    def fit(self, df):
        self.regression.fit(df[self.features].to_numpy(dtype=float), df["label"].to_numpy(dtype=float))
        return self

    def predict(self, df):
        return df[self.columns.key].assign(value=self.regression.predict(df[self.features].to_numpy(dtype=float)))
"""
EXAMPLES = """\
/*
description: Rows.
parameters: {{as_of: TIMESTAMP, run_date: DATE, history_days: INT64}}
identifiers: {{big_rows: table}}
columns: {{id: INT64, day: DATE, example_as_of: TIMESTAMP, {columns}}}
changes: {{v1: first version}}
*/
SELECT id, day, known_at AS example_as_of, {names}
FROM `{{big_rows}}`
WHERE known_at <= @as_of AND day >= DATE_SUB(@run_date, INTERVAL @history_days DAY)
"""
LABELS = """\
/*
description: Labels.
parameters: {as_of: TIMESTAMP, first_date: DATE, last_date: DATE}
identifiers: {big_rows: table}
columns: {id: INT64, day: DATE, label: FLOAT64}
changes: {v1: first version}
*/
SELECT id, day, label
FROM `{big_rows}`
WHERE day BETWEEN @first_date AND @last_date AND known_at < @as_of
"""


def measure(sizes: Sizes) -> dict[str, float]:
    """Measure each number of rows, print their seconds, and return exponents and the growth of memory."""
    measured = [_measure(rows) for rows in sizes.growth]
    for rows, (seconds, bytes_a_row, peaks) in zip(sizes.growth, measured, strict=True):
        shown = ", ".join(f"{phase} {seconds[phase]:.2f} s" for phase in PHASES)
        memory = f"train {peaks['train']:.0f} MiB, predict {peaks['predict']:.0f} MiB"
        print(f"{rows:,} rows a day: {shown}; {bytes_a_row:.1f} bytes of a row in a file; {memory}", file=sys.stderr)
    steps = np.diff(np.log(sizes.growth))  # the steepest step, because a constant part flattens all others
    exponents = {
        f"growth_{phase}": float((np.diff(np.log([seconds[phase] for seconds, _, _ in measured])) / steps).max())
        for phase in PHASES
    }
    return {**exponents, "predict_memory": measured[-1][2]["predict"] / measured[-2][2]["predict"]}


def _measure(rows: int) -> tuple[dict[str, float], float, dict[str, float]]:
    """Return seconds of each phase, bytes of a row in a predictions file, and peak memory of each phase in MiB."""
    with tempfile.TemporaryDirectory(prefix="scale-") as name:
        root = Path(name)
        with opened_job(root, rows, [DAY]):
            place = ["--project-dir", str(root), "--local-dir", str(root / "local"), "--json"]
            when = {phase: ["--run-date", str(DAY)] for phase in PHASES}
            when["evaluate"] = ["--as-of", str(DAY + timedelta(days=1))]
            processes = {phase: _call([phase, "big", *when[phase], *place]) for phase in PHASES}
        seconds = {phase: json.loads(done.stdout)["seconds"][phase] for phase, done in processes.items()}
        lines = sum(path.stat().st_size for path in (root / "local").rglob("shard-*.jsonl")) / rows
        return seconds, lines, {phase: float(done.stderr.rpartition("peak ")[2]) for phase, done in processes.items()}


def _call(arguments: list[str]) -> subprocess.CompletedProcess[str]:
    """Run a command with the memory settings of the image."""
    command, environment = [sys.executable, "-c", PEAK, *arguments], os.environ | memory_settings()
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)
    if done.returncode:
        raise SystemExit(done.stderr)
    return done


@contextmanager
def opened_job(root: Path, rows: int, days: Sequence[date]) -> Iterator[tuple[Session, Job]]:
    """Write the job into a folder, fill its source for some run dates, and yield it on emulators that then stop."""
    orphans.end_with_this_process(root)
    _write(root, rows, days)
    local = lifecycle.up(root / "local")
    try:
        endpoints = Endpoints(bigquery=local.bigquery, bigquery_storage=local.bigquery_storage, storage=local.storage)
        session = Session.open(Project.open(root), local_target(endpoints))
        session.warehouse.tables.create_datasets()
        session.store.create_bucket()
        job = session.project.job("big")
        load_sources(session, job, root / "data")
        _multiply(session, rows)
        yield session, job
    finally:
        lifecycle.down(root / "local")


def _multiply(session: Session, rows: int) -> None:
    """Fill the source from its first rows: loading files of all rows would take longer than all phases."""
    table = session.target.table("big_rows").quoted
    numbers = ", ".join(
        f"SIN(id * {number + 1}.37) + {name} AS {name}" for number, name in enumerate([*NAMES, "label"])
    )
    sql = f"""INSERT INTO {table} (id, day, known_at, label, {", ".join(NAMES)})
        SELECT id, day, known_at, label, {", ".join(NAMES)}
        FROM (SELECT day, known_at, new_id AS id, {numbers.replace("SIN(id", "SIN(new_id")}
        FROM {table}, UNNEST(GENERATE_ARRAY(1, {rows - 1})) AS new_id WHERE id = 0)"""
    session.warehouse._client.query(sql, timeout=60).result(timeout=900)


def _write(root: Path, rows: int, days: Sequence[date]) -> None:
    """Write the project, and a source with one row a day."""
    files = {
        "jobs/big/job.yaml": JOB.format(columns=COLUMNS, shards=math.ceil(rows / ROWS_A_SHARD)),
        "jobs/big/model.py": MODEL,
        "jobs/big/linear.yaml": f"model: jobs.big.model:Linear\nparams: {{features: [{', '.join(NAMES)}]}}\n"
        "columns: {key: [id, day], label: label}\n",
        "sql/big/preprocess/examples_v1.sql": EXAMPLES.format(columns=COLUMNS, names=", ".join(NAMES)),
        "sql/big/evaluate/labels_v1.sql": LABELS,
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    known = [str(day) for day in [min(days) - timedelta(days=1), *days]]
    frame = pl.DataFrame({"id": [0] * len(known), "day": known}).with_columns(known_at=pl.col("day") + "T00:00:00Z")
    (root / "data").mkdir()
    frame.with_columns(**{name: pl.lit(0.5) for name in [*NAMES, "label"]}).write_ndjson(root / "data/big_rows.jsonl")
