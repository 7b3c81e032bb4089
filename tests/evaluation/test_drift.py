"""Drift of whole runs: a small job with a calm day, and one on which prices, cities, sizes and sales are others."""

from __future__ import annotations

import io
import json
import shutil
import sys
from datetime import date, timedelta

import numpy as np
import pytest
from rich.console import Console

from pipeline.base.progress import Reporter
from pipeline.models.bundle import SCORES
from pipeline.operate.sources import load_sources
from pipeline.phases import score_reference
from pipeline.phases.run import evaluate_matured, run_job
from pipeline.project.project import Project
from pipeline.project.user_code import code_of
from pipeline.runs.session import Session
from tests.support.integration_fixtures import ROOT, reader

FIRST, CALM, MOVED = date(2024, 3, 1), date(2024, 3, 16), date(2024, 3, 17)
ROWS = 120
FILES = {
    "jobs/shop/job.yaml": """\
description: Whether an offer is sold.
time_zone: UTC
entity: [id]
prediction_key: [id, day]
family: binary_classification
sources:
  offers:
    description: Offers of a day and what became of them.
    known_at: known_at
    columns:
      id: INT64 NOT NULL
      day: DATE NOT NULL
      price: FLOAT64
      size: INT64
      city: STRING
      opened: DATE
      sold: INT64
      known_at: TIMESTAMP NOT NULL
examples: {sql: shop/examples_v1, history_days: 30}
labels: {sql: shop/labels_v1, delay_days: 1}
variants: [price]
predictions: {version: 1, shards: 1, columns: {score: FLOAT64 NOT NULL}}
drift: {unseen_rate: 0.1}
""",
    "jobs/shop/price.yaml": "model: jobs.shop.model:Price\ncolumns: {key: [id, day], label: label}\n",
    "jobs/shop/model.py": '''\
import numpy as np


class Price:
    """A score that rises with the price; labels are not needed."""

    def __init__(self, *, columns):
        self.columns = columns

    def fit(self, df):
        return self

    def predict(self, df):
        assert df[self.columns.label].isna().all(), "labels are not for those who predict"
        return df[self.columns.key].assign(score=1 / (1 + np.exp(-df["price"])))
''',
    "sql/shop/examples_v1.sql": """\
/*
description: Offers of the run date and before.
parameters: {as_of: TIMESTAMP}
identifiers: {offers: table}
columns:
  id: INT64
  day: DATE
  example_as_of: TIMESTAMP
  price: FLOAT64
  size: INT64
  city: STRING
  opened: DATE
changes: {v1: first version}
*/
SELECT id, day, known_at AS example_as_of, price, size, city, opened
FROM `{offers}`
WHERE known_at <= @as_of
""",
    "sql/shop/labels_v1.sql": """\
/*
description: What was sold, known a day later.
parameters: {as_of: TIMESTAMP, first_date: DATE, last_date: DATE}
identifiers: {offers: table}
columns: {id: INT64, day: DATE, label: INT64}
changes: {v1: first version}
*/
SELECT id, day, sold AS label
FROM `{offers}`
WHERE TIMESTAMP_ADD(known_at, INTERVAL 1 DAY) <= @as_of AND day BETWEEN @first_date AND @last_date
""",
}


def offers():
    """The rows of all days; on the last one everything has moved but the age of the shops."""
    rng = np.random.default_rng(11)
    for k in range((MOVED - FIRST).days + 1):
        day = FIRST + timedelta(days=k)
        moved = day == MOVED
        for number in range(ROWS):
            city = "Ouagadougou" if moved and number % 3 == 0 else "Zürich" if rng.random() < 0.5 else "東京"
            yield {
                "id": number,
                "day": str(day),
                "price": float(rng.normal(2.0 if moved else 0.0)),
                "size": None if moved and number % 4 == 0 else int(rng.integers(1, 6)),
                "city": city,
                "opened": str(day - timedelta(days=int(rng.integers(1, 50)))),
                "sold": int(moved or rng.random() < 0.4),
                "known_at": f"{day}T00:00:00Z",
            }


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("shop")
    for name in ("sql", "udf"):
        shutil.copytree(ROOT / name, root / name)
    for name, text in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    (root / "offers.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in offers()), encoding="utf-8")
    paths = list(sys.path)
    yield root
    sys.path[:] = paths


@pytest.fixture(scope="module")
def said():
    return io.StringIO()


@pytest.fixture(scope="module")
def session(folder, make_empty_session, said):
    empty = make_empty_session()
    console = Console(file=said, soft_wrap=True)
    found = Session.open(Project.open(folder), empty.target, Reporter(console))
    load_sources(found, found.project.job("shop"), folder)
    return found


@pytest.fixture(scope="module")
def shop(session):
    return session.project.job("shop")


@pytest.fixture
def lines(said):
    """What was said since it was last asked."""

    def read():
        text = said.getvalue()
        said.seek(0)
        said.truncate()
        return [line for line in text.splitlines() if "drift" in line or "measured" in line]

    return read


def drift_of(session, day):
    rows = reader(session)(f"SELECT * FROM ml.drift_v1 WHERE run_date = '{day}'")
    return {(row["variant"].split("@")[0], row["feature"], row["measure"]): row for row in rows}, len(rows)


def without_time(rows):
    return {key: {name: value for name, value in row.items() if name != "measured_at"} for key, row in rows.items()}


def test_without_drift_there_is_no_warning(session, shop, lines):
    run_job(session, shop, CALM)
    rows, count = drift_of(session, CALM)
    assert count == len(rows) == 3 * 3 + 4 + 3  # numbers and ages, the category, the score
    assert [key for key, row in rows.items() if row["is_warning"]] == []
    assert all(row["n"] == ROWS and row["value"] is not None for row in rows.values())
    assert lines() == []
    evaluate_matured(session, shop, MOVED)
    rows, _ = drift_of(session, CALM)
    row = rows["", "label", "label_rate"]
    assert (row["n"], row["is_warning"]) == (ROWS, False)
    assert row["reference"] == pytest.approx(0.4, abs=0.05)
    assert lines() == []


def test_drift_is_recorded_and_gives_one_warning(session, shop, lines):
    summary = run_job(session, shop, MOVED)
    rows, _ = drift_of(session, MOVED)
    assert {key for key, row in rows.items() if row["is_warning"]} == {
        ("", "price", "psi"),
        ("", "price", "jensen_shannon"),
        ("", "city", "psi"),
        ("", "city", "jensen_shannon"),
        ("", "city", "unseen_rate"),
        ("", "size", "missing_rate"),
        ("price", "score", "psi"),
        ("price", "score", "jensen_shannon"),
    }
    assert rows["", "city", "unseen_rate"]["value"] == pytest.approx(1 / 3)
    assert rows["", "city", "unseen_rate"]["threshold"] == 0.1
    assert (rows["", "size", "missing_rate"]["value"], rows["", "size", "missing_rate"]["reference"]) == (0.25, 0)
    assert rows["", "price", "psi"]["sql_version"] == "drift/distributions_v1"
    said = lines()
    assert len(said) == 1
    assert said[0].startswith("warning: shop 2024-03-17 drifted: ")
    assert "price psi" in said[0]
    assert "(threshold 0.2)" in said[0]
    assert summary.status == "done"


def test_a_run_is_measured_once(session, shop, lines):
    run_job(session, shop, MOVED)
    before, count = drift_of(session, MOVED)
    warned = lines()
    assert run_job(session, shop, MOVED).status == "already_done"
    assert drift_of(session, MOVED) == (before, count)
    assert lines() == warned


def test_drift_of_labels_is_a_warning_of_the_evaluation(session, shop, lines):
    run_job(session, shop, MOVED)
    lines()
    evaluate_matured(session, shop, MOVED + timedelta(days=1))
    rows, _ = drift_of(session, MOVED)
    row = rows["", "label", "label_rate"]
    assert (row["value"], row["n"], row["is_warning"]) == (1.0, ROWS, True)
    assert lines() == [
        (
            f"warning: shop 2024-03-17 drifted: label label_rate 1 against {row['reference']:.3g} (threshold 0.1);"
            " see docs/drift.md"
        )
    ]


def forget(session, day, *events):
    """Take away what was measured of a run, and events, as if the process had been killed before them."""
    reader(session)(f"DELETE FROM ml.drift_v1 WHERE run_date = '{day}'")
    for event in events:
        reader(session)(f"DELETE FROM ledger.events_v1 WHERE run_date = '{day}' AND event = '{event}'")


def test_a_killed_run_is_measured_by_the_next_and_by_evaluate(session, shop, lines):
    run_job(session, shop, CALM)
    evaluate_matured(session, shop, MOVED)
    before, _ = drift_of(session, CALM)
    forget(session, CALM)
    run_job(session, shop, CALM)
    of_run = {key: row for key, row in before.items() if key[2] != "label_rate"}
    assert without_time(drift_of(session, CALM)[0]) == without_time(of_run)
    forget(session, CALM, "evaluated")
    evaluate_matured(session, shop, MOVED)
    assert without_time(drift_of(session, CALM)[0]) == without_time(before)
    lines()


@pytest.mark.long
def test_expired_examples_are_reported_and_stop_nothing(session, shop, lines):
    day = CALM - timedelta(days=1)
    run_id = run_job(session, shop, day).run_id
    forget(session, day)
    table = f"shop__{day:%Y%m%d}__{run_id.rsplit('-', 1)[-1]}__examples"
    reader(session)(f"DROP TABLE {session.target.runs_dataset}.{table}")
    lines()
    assert run_job(session, shop, day).status == "already_done"
    summary = evaluate_matured(session, shop, CALM)
    assert summary.evaluated
    assert drift_of(session, day) == ({}, 0)
    told = lines()
    assert "drift not measured" in told[0]
    assert "has expired" in told[0]
    assert "label_rate not measured" in told[-1]
    events = reader(session)(f"SELECT * FROM ledger.events_v1 WHERE run_date = '{day}' AND event = 'drift_unmeasured'")
    assert len(events) == 2


def test_changed_score_files_are_reported_and_not_used(session, shop, lines):
    day = CALM - timedelta(days=2)
    summary = run_job(session, shop, day)
    place = f"{summary.models[0]['uri']}/{SCORES}"
    points = [json.loads(line) for line in session.store.read_bytes(place).decode().splitlines()]
    assert sum(point["n"] for point in points) == min(2000, summary.rows["train"])
    other = json.dumps({"feature": "score", "number": 0.5, "n": 9})
    session.store._blob(place).upload_from_string(other, timeout=20)
    forget(session, day)
    lines()
    assert run_job(session, shop, day).status == "already_done"
    rows, _ = drift_of(session, day)
    assert rows["price", "score", "psi"]["note"] == "no value in the training data"
    assert rows["", "price", "psi"]["value"] is not None
    assert "not the file that was committed" in lines()[0]


def test_without_scores_of_training_rows_no_drift_of_scores(session, shop, lines, monkeypatch):
    day = CALM - timedelta(days=3)

    def refuse(model, df):
        with code_of("Price", "predict"):
            raise KeyError("today")

    monkeypatch.setattr(score_reference, "predict_from_data", refuse)
    run_job(session, shop, day)
    rows, _ = drift_of(session, day)
    assert rows["price", "score", "psi"]["note"] == "no value in the training data"
    assert "no drift of scores: Price: predict raised KeyError" in lines()[0]
