"""A minimal project for tests: one job whose model predicts the mean label, and the SQL that it names."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.project.target import Endpoints, Target, local_target

FILES = {
    "jobs/dummy/job.yaml": """\
description: A dummy.
time_zone: America/New_York
entity: [id]
prediction_key: [id, day]
family: binary_classification
sources:
  items:
    description: Items.
    known_at: known_at
    columns: {id: INT64 NOT NULL, day: DATE NOT NULL, known_at: TIMESTAMP NOT NULL}
examples: {sql: dummy/preprocess/examples_v1, history_days: 3}
labels: {sql: dummy/evaluate/labels_v1, delay_days: 2}
variants: [mean]
baselines: [double]
predictions: {version: 1, shards: 2, columns: {score: FLOAT64 NOT NULL}}
headline: [auc]
""",
    "jobs/dummy/mean.yaml": "model: jobs.dummy.model:Mean\ncolumns: {key: [id, day], label: label}\n",
    "jobs/dummy/double.yaml": """\
model: jobs.dummy.model:Mean
params: {factor: 2.0}
columns: {key: [id, day], label: label}
""",
    "jobs/dummy/model.py": '''\
class Mean:
    """Predicts the mean label for all rows."""

    def __init__(self, *, columns, factor=1.0):
        if factor < 0:
            raise ValueError("factor is negative")
        self.columns, self.factor = columns, factor

    def fit(self, df):
        self.mean = float(df[self.columns.label].mean())
        return self

    def predict(self, df):
        return df[self.columns.key].assign(score=self.mean * self.factor)
''',
    "sql/dummy/preprocess/examples_v1.sql": """\
/*
description: Examples.
parameters: {as_of: TIMESTAMP}
identifiers: {items: table}
columns: {id: INT64, day: DATE, example_as_of: TIMESTAMP}
changes: {v1: first version}
*/
SELECT id, day, known_at AS example_as_of FROM `{items}` WHERE known_at <= @as_of
""",
    "sql/dummy/evaluate/labels_v1.sql": """\
/*
description: Labels.
identifiers: {items: table}
columns: {id: INT64, day: DATE, label: INT64}
changes: {v1: first version}
*/
SELECT id, day, 1 AS label FROM `{items}`
""",
    "sql/phases/examples_v1.sql": """\
/*
description: Examples and labels as one table.
identifiers: {examples: query}
changes: {v1: first version}
*/
SELECT id FROM `{examples}`
""",
    "sql/metrics/binary_classification_v1.sql": """\
/*
description: Metrics.
identifiers: {half: function, predictions: table}
metrics: {auc: {better: higher}, log_loss: {better: lower}}
changes: {v1: first version}
*/
SELECT `{half}`(score) AS value FROM `{predictions}`
""",
    "udf/half.sql": """\
/*
description: Half of a number.
identifiers: {function: name}
changes: {v1: first version}
*/
SELECT 0.5
""",
}


@contextmanager
def dummy_project(root: Path) -> Iterator[Path]:
    """Write the project into a folder; imports and import paths of this process are restored afterwards."""
    for name, text in FILES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    paths = list(sys.path)
    forget_modules()
    yield root
    sys.path[:] = paths
    forget_modules()


def forget_modules() -> None:
    """Remove the modules of the project from this process."""
    for name in [name for name in sys.modules if name.startswith("jobs.dummy")]:
        del sys.modules[name]


def edit(path: Path, old: str, new: str) -> None:
    """Replace text that the file must contain."""
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def offline_target() -> Target:
    """Return a local target without running emulators: clients can be made, calls fail."""
    nowhere = "127.0.0.1:9"
    endpoints = Endpoints(bigquery=f"http://{nowhere}", bigquery_storage=nowhere, storage=f"http://{nowhere}")
    return local_target(endpoints)
