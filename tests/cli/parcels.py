"""A small job whose ids, texts and errors all hold a canary, and whose model or SQL fails as it is told."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

CANARY = "CANARY"
LAST = date(2026, 2, 10)

JOB = """\
description: Whether a parcel is late.
time_zone: UTC
entity: [parcel]
prediction_key: [parcel, day]
family: binary_classification
sources:
  parcels:
    description: Parcels of each day.
    known_at: known_at
    columns:
      parcel: STRING NOT NULL
      day: DATE NOT NULL
      note: STRING
      late: INT64
      known_at: TIMESTAMP NOT NULL
examples: {sql: parcels/preprocess/examples_v1, history_days: 5}
labels: {sql: parcels/evaluate/labels_v1, delay_days: 1}
variants: [rate]
predictions: {version: 1, shards: 4, columns: {score: FLOAT64 NOT NULL}}
"""

MODEL = '''\
import time
import warnings
from pathlib import Path


class Rate:
    """The share of parcels that were late; `fails` says how it fails."""

    def __init__(self, *, columns, fails=""):
        self.columns, self.fails = columns, fails

    def fit(self, df):
        if self.fails == "fit":
            raise ValueError("cannot read " + df["parcel"].iloc[0])
        if self.fails == "warning":
            warnings.warn("odd parcel " + df["parcel"].iloc[0])
        self.rate = float(df["label"].mean())
        return self

    def predict(self, df):
        scores = df[self.columns.key].assign(score=self.rate)
        if self.fails == "key":
            raise KeyError(df["parcel"].iloc[0])
        if self.fails == "reject":
            scores["score"] = "late: " + df["parcel"]
        waits = Path(self.fails.removeprefix("wait "))
        if self.fails.startswith("wait") and len(df) < 50 and not waits.exists():  # a shard, for the first time
            waits.touch()
            time.sleep(60)
        return scores
'''

EXAMPLES = """\
/*
description: Parcels.
parameters: {as_of: TIMESTAMP}
identifiers: {parcels: table}
columns: {parcel: STRING, day: DATE, example_as_of: TIMESTAMP}
checks: CHECKS
changes: {v1: first version}
*/
SELECT parcel, day, known_at AS example_as_of FROM `{parcels}` WHERE known_at <= @as_of
"""

LABELS = """\
/*
description: Whether they were late.
parameters: {as_of: TIMESTAMP, first_date: DATE, last_date: DATE}
identifiers: {parcels: table}
columns: {parcel: STRING, day: DATE, label: INT64}
changes: {v1: first version}
*/
SELECT parcel, day, LABEL AS label
FROM `{parcels}`
WHERE known_at < @as_of AND day BETWEEN @first_date AND @last_date
"""


def write_project(root: Path, *, fails: str = "", checks: str = "[]", label: str = "late") -> Path:
    """Write the job into a folder.

    Parameters
    ----------
    fails
        `fit`, `key`, `reject`, `warning` or `wait FILE`: how the model fails.
    checks
        Checks of the examples.
    label
        SQL of the label.
    """
    files = {
        "jobs/parcels/job.yaml": JOB,
        "jobs/parcels/model.py": MODEL,
        "jobs/parcels/rate.yaml": f"""\
model: jobs.parcels.model:Rate
params: {{fails: "{fails}"}}
columns: {{key: [parcel, day], label: label}}
""",
        "sql/parcels/preprocess/examples_v1.sql": EXAMPLES.replace("CHECKS", checks),
        "sql/parcels/evaluate/labels_v1.sql": LABELS.replace("LABEL", label),
    }
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


def write_sources(folder: Path, last: date = LAST) -> Path:
    """Write parcels of eleven days, a hundred a day; one note has a line end and JSON in it."""
    forged = '\n{"severity": "CRITICAL", "message": "forged"}'
    rows = [
        {
            "parcel": f"{CANARY}-{number:03}",
            "day": str(day),
            "note": f"{CANARY} note{forged if number == 0 else ''}",
            "late": int(number % 3 == 0),
            "known_at": f"{day}T00:00:00Z",
        }
        for day in (last - timedelta(days=ago) for ago in range(11))
        for number in range(100)
    ]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "parcels.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return folder
