"""Growth of each phase with the rows of a day: seconds, bytes and memory of 10,000, 100,000 and 1,000,000 predictions.

A synthetic job with ten numbers a row and linear regression learns from the day before and predicts the run date in
shards of at most 100,000 rows. The emulator's times do not apply to BigQuery, so docs/scale.md uses only the work of
Python (reading streams, scoring, JSON Lines, uploads) and the bytes of a row.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
import tempfile
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl

SIZES = (10_000, 100_000, 1_000_000)
ROWS_A_SHARD, FEATURES = 100_000, 10
DAY = date(2026, 2, 2)
PHASES = ("preprocess", "train", "predict", "load")
PIPELINE = [sys.executable, "-c", "from pipeline.cli import main; main()"]
PEAK = """
import resource, sys
from pipeline.cli.app import run
code = run(sys.argv[1:])
unit = 1024**2 if sys.platform == "darwin" else 1024  # bytes on macOS, KiB on Linux
print("peak", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // unit, file=sys.stderr)
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


def report() -> None:
    """Measure each size and print a table."""
    print(
        f"{'rows a day':>11} "
        + " ".join(f"{phase:>11}" for phase in PHASES)
        + "  bytes of a row in a file  MiB of train, predict"
    )
    measured = [_measure(rows) for rows in SIZES]
    for size, (seconds, bytes_a_row, peaks) in zip(SIZES, measured, strict=True):
        shown = " ".join(f"{seconds[phase]:9.2f} s" for phase in PHASES)
        print(f"{size:>11,} {shown} {bytes_a_row:>25.1f} {peaks['train']:>14,} {peaks['predict']:>8,}")
    first, last = measured[1][0], measured[2][0]
    print("ten times the rows, times the seconds: " + ", ".join(f"{p} {last[p] / first[p]:.1f}" for p in PHASES))
    print(f"predict at {SIZES[-1]:,}: {SIZES[-1] / last['predict']:,.0f} rows a second on one core")


def _measure(rows: int) -> tuple[dict[str, float], float, dict[str, int]]:
    """Return seconds of each phase, bytes of a row in a predictions file, and peak memory of each phase in MiB."""
    with tempfile.TemporaryDirectory(prefix="scale-") as name:
        root = _write(Path(name), rows)
        place = ["--project-dir", str(root), "--local-dir", str(root / "local")]
        try:
            _call(["sources", "load", "big", "--from", str(root / "data"), *place])
            processes = {phase: _call([phase, "big", "--run-date", str(DAY), "--json", *place]) for phase in PHASES}
        finally:
            subprocess.run([*PIPELINE, "local", "down", "--local-dir", str(root / "local")], check=True)
        seconds = {phase: json.loads(done.stdout)["seconds"][phase] for phase, done in processes.items()}
        files = [path for path in (root / "local").rglob("shard-*.jsonl") if path.stat().st_size]
        lines = sum(path.stat().st_size for path in files) / rows
        peaks = {phase: int(done.stderr.rpartition("peak ")[2]) for phase, done in processes.items()}
        return seconds, lines, peaks


def _call(arguments: list[str]) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([sys.executable, "-c", PEAK, *arguments], check=False, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    return done


def _write(root: Path, rows: int) -> Path:
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
    rng = np.random.default_rng(7)
    days = [DAY - timedelta(days=1), DAY]
    numbers = {name: rng.normal(size=rows * len(days)).round(6) for name in [*NAMES, "label"]}
    frame = pl.DataFrame(
        {"id": np.tile(np.arange(rows), len(days)), "day": np.repeat([str(day) for day in days], rows)}
    )
    frame = frame.with_columns(known_at=pl.col("day") + "T00:00:00Z", **{n: pl.Series(v) for n, v in numbers.items()})
    (root / "data").mkdir()
    frame.write_ndjson(root / "data" / "big_rows.jsonl")
    return root


if __name__ == "__main__":
    report()
