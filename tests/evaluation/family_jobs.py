"""A project with one job of each family whose keys or columns differ from those of a binary label."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.support.integration_fixtures import ROOT

JOB = """\
description: A job of the family {family}.
time_zone: UTC
entity: [user]
prediction_key: {prediction_key}
{example_key}
family: {family}
sources:
  seen:
    description: What users did.
    known_at: known_at
    columns:
      {{user: STRING NOT NULL, day: DATE NOT NULL, item: STRING NOT NULL, country: STRING, gain: INT64 NOT NULL,
        worth: FLOAT64 NOT NULL, known_at: TIMESTAMP NOT NULL}}
examples: {{sql: {family}/preprocess/examples_v1, history_days: 3}}
labels: {{sql: {family}/evaluate/labels_v1, delay_days: 1}}
variants: [popular]
predictions: {{version: 1, shards: 1, columns: {columns}}}
weight: worth
cluster: [country]
slices: [country]
headline: [{headline}]
"""
EXAMPLES = """\
/*
description: What was seen.
parameters: {{as_of: TIMESTAMP}}
identifiers: {{seen: table}}
columns: {{{columns}, example_as_of: TIMESTAMP}}
changes: {{v1: first version}}
*/
SELECT {names}, MIN(known_at) AS example_as_of FROM `{{seen}}` WHERE known_at <= @as_of GROUP BY {names}
"""
LABELS = """\
/*
description: What came of it.
parameters: {{as_of: TIMESTAMP}}
identifiers: {{seen: table}}
columns: {{{columns}, label: {label_type}, country: STRING, worth: FLOAT64}}
changes: {{v1: first version}}
*/
SELECT {names}, {label} AS label, ANY_VALUE(country) AS country, MAX(worth) AS worth
FROM `{{seen}}`
WHERE known_at <= @as_of
GROUP BY {names}
"""
TYPES = {"user": "STRING", "day": "DATE", "item": "STRING"}

KEYS = {
    "regression": ["user", "day"],
    "multiclass": ["user", "day"],
    "ranking": ["user", "day", "item"],
}
"""What tells the examples and labels of a job apart."""

PREDICTED = {
    "regression": ("[user, day]", "{value: FLOAT64 NOT NULL}", "FLOAT64", "SUM(worth)", "mae"),
    "multiclass": (
        "[user, day, class]", "{class: STRING NOT NULL, score: FLOAT64 NOT NULL}", "STRING", "MAX(item)", "macro_f1"
    ),
    "ranking": (
        "[user, day, rank]", "{rank: INT64 NOT NULL, item: STRING NOT NULL}", "INT64", "SUM(gain)", "ndcg_at_10"
    ),
}  # fmt: skip


def write_family_jobs(root: Path) -> Path:
    """Write the project into a folder."""
    of_jobs = [path.name for path in (ROOT / "jobs").iterdir()]
    shutil.copytree(ROOT / "sql", root / "sql", ignore=shutil.ignore_patterns("released.json", *of_jobs))
    shutil.copytree(ROOT / "udf", root / "udf")
    for family, key in KEYS.items():
        prediction_key, columns, label_type, label, headline = PREDICTED[family]
        own = f"[{', '.join(key)}]"
        texts = {
            f"jobs/{family}/job.yaml": JOB.format(
                family=family,
                prediction_key=prediction_key,
                example_key="" if own == prediction_key else f"example_key: {own}",
                columns=columns,
                headline=headline,
            ),
            f"jobs/{family}/popular.yaml": (
                f"model: jobs.{family}.model:Popular\ncolumns: {{key: {own}, label: label}}\n"
            ),
            f"jobs/{family}/README.md": "# A job\n",
        }
        typed = ", ".join(f"{name}: {TYPES[name]}" for name in key)
        names = ", ".join(key)
        texts[f"sql/{family}/preprocess/examples_v1.sql"] = EXAMPLES.format(columns=typed, names=names)
        texts[f"sql/{family}/evaluate/labels_v1.sql"] = LABELS.format(
            columns=typed, names=names, label=label, label_type=label_type
        )
        for name, text in texts.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    return root
