"""Every number of drift against numpy and scipy, on real and on adversarial columns."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import jensenshannon
from scipy.stats import chi2, median_abs_deviation

from pipeline.evaluation import drift_statements
from pipeline.evaluation.drift_statements import KINDS
from pipeline.phases.score_reference import condensed
from pipeline.rows.schema import Schema
from pipeline.sql import Statement
from tests.sql.emulator import literal
from tests.support.integration_fixtures import reader

AS_OF = datetime(2024, 3, 15, 4, tzinfo=UTC)
THRESHOLDS = {"psi": 0.2, "jensen_shannon": 0.1, "missing_rate": 0.05, "unseen_rate": 0.05}
COLUMNS = {
    "even": "FLOAT64",
    "moved": "FLOAT64",
    "large": "FLOAT64",
    "tied": "INT64",
    "constant": "INT64",
    "below_constant": "INT64",
    "mostly_zero": "FLOAT64",
    "never": "FLOAT64",
    "not_in_training": "FLOAT64",
    "not_scored": "INT64",
    "hostile_floats": "FLOAT64",
    "of_the_day": "FLOAT64",
    "exact": "NUMERIC",
    "born": "DATE",
    "seen_at": "TIMESTAMP",
    "city": "STRING",
    "unseen": "STRING",
    "identity": "STRING",
    "no_text": "STRING",
    "flag": "BOOL",
}


def made(days: int, rows: int, *, scored: bool, seed: int) -> pd.DataFrame:
    """Rows of some days, shape (days * rows, columns), missing values as None."""
    rng = np.random.default_rng(seed)
    n = days * rows
    moments = [AS_OF - timedelta(days=0 if scored else 1 + 3 * day) for day in range(days) for _ in range(rows)]
    place = np.arange(n) // rows
    cities = ["Zürich", "São Paulo", "東京", 'O\'Hare "1"', ""]
    hostile = rng.choice([np.nan, np.inf, -np.inf, -0.0, 0.0, 1e300, -1e-300], n)
    frame = {
        "even": rng.normal(size=n),
        "moved": rng.normal(size=n) + 2 * scored,
        "large": rng.normal(1e6, 1e6, n),
        "tied": rng.integers(0, 4, n),
        "constant": np.full(n, 7),
        "below_constant": np.full(n, 7 - 3 * scored),
        "mostly_zero": np.where(rng.random(n) < 0.7, 0.0, rng.exponential(size=n)),
        "never": [None] * n,
        "not_in_training": rng.normal(size=n) if scored else [None] * n,
        "not_scored": [None] * n if scored else rng.integers(0, 9, n),
        "hostile_floats": hostile,
        "of_the_day": rng.normal(size=days)[place],
        "exact": [None if value < -1 else round(float(value), 3) for value in rng.normal(size=n)],
        "born": [date(2024, 1, 1) + timedelta(days=int(k)) for k in rng.integers(0, 70, n)],
        "seen_at": [
            moment - timedelta(seconds=int(k)) for moment, k in zip(moments, rng.integers(0, 9999, n), strict=True)
        ],
        "city": rng.choice(cities, n, p=[0.5, 0.3, 0.1, 0.09, 0.01]),
        "unseen": rng.choice(["a", "b", "new"] if scored else ["a", "b"], n),
        "identity": [f"{scored}-{k}" for k in rng.integers(0, 200, n)],
        "no_text": [None] * n,
        "flag": rng.random(n) < 0.3,
    }
    frame = {
        name: [value.item() if isinstance(value, np.generic) else value for value in values]
        for name, values in frame.items()
    }
    return pd.DataFrame({"example_as_of": moments, **frame}, dtype=object)


def measured_values(frame: pd.DataFrame, name: str) -> pd.Series:
    """A column as it is measured, missing as None: numbers, ages in days, texts."""
    kind, column = KINDS.get(COLUMNS[name], "category"), frame[name]
    if kind == "age":
        ages = (pd.to_datetime(frame["example_as_of"], utc=True) - pd.to_datetime(column, utc=True)).map(
            lambda age: age.total_seconds() / 86400
        )
        return ages.astype(object)
    if kind == "number":
        return column.map(lambda value: None if pd.isna(value) else float(value)).astype(object)
    return column.map(lambda value: None if value is None else str(value).lower() if isinstance(value, bool) else value)


def bins_of(values: pd.Series, trained: pd.Series) -> pd.Series:
    """The bin of each value that is there."""
    values, trained = values.dropna(), trained.dropna()
    if trained.map(lambda value: isinstance(value, float)).all() and values.map(lambda v: isinstance(v, float)).all():
        known = np.sort(trained.to_numpy(float))
        ranks = sum(np.searchsorted(known, values.to_numpy(float), side) for side in ("left", "right"))
        return pd.Series(np.minimum(9, 5 * ranks // max(len(known), 1)), index=values.index)
    shares = trained.value_counts(normalize=True)
    return values.map(lambda value: value if shares.get(value, 0) >= 0.02 else ("rare",))


def shares_of(bins: pd.Series, every: list) -> np.ndarray:
    counts = bins.value_counts()
    return np.array([counts.get(each, 0) for each in every]) / len(bins)


def psi_of(p: np.ndarray, q: np.ndarray) -> float:
    p, q = np.maximum(p, 0.0001), np.maximum(q, 0.0001)
    return float(np.sum((p - q) * np.log(p / q)))


def distances(values: pd.Series, trained: pd.Series, every: list) -> tuple[float, float] | None:
    here, there = bins_of(values, trained), bins_of(trained, trained)
    if here.empty or there.empty:
        return None
    p, q = shares_of(here, every), shares_of(there, every)
    return psi_of(p, q), float(jensenshannon(p, q, base=2))


def usual(distances: list[float]) -> float | None:
    """Median and three scaled median absolute deviations, or what more than a tenth of the days reach."""
    if len(distances) < 3:
        return None
    spread = median_abs_deviation(distances, scale="normal")
    trimmed = sorted(distances, reverse=True)[max(1, len(distances) // 10)]
    return float(max(np.median(distances) + 3 * spread, trimmed))


def judged(name: str, trained: pd.DataFrame, scored: pd.DataFrame) -> dict[str, tuple]:
    """Value, reference and number of rows of each measure, by numpy and scipy."""
    before, now = measured_values(trained, name), measured_values(scored, name)
    every = sorted({*bins_of(now, before), *bins_of(before, before)}, key=str)
    days = [
        before[trained["example_as_of"] == at]
        for at in trained["example_as_of"].unique()
        if at > AS_OF - timedelta(days=29)
    ]
    days = [day for day in days if len(day.dropna()) >= 30]
    of_days = [found for day in days if (found := distances(day, before, every))]
    found = distances(now, before, every) or (None, None)
    # No day of `made` is on the weekday of the run often enough to count by itself.
    worst = tuple(usual([each[i] for each in of_days]) for i in (0, 1))
    present = now.dropna()
    measures = {
        "psi": (found[0], worst[0], len(present)),
        "jensen_shannon": (found[1], worst[1], len(present)),
        "missing_rate": (now.isna().mean(), before.isna().mean(), len(now)),
    }
    if COLUMNS[name] in ("STRING", "BOOL"):
        known = set(before.dropna())
        alone = [
            np.mean([value not in set(before.drop(day.index)) for value in day.dropna()])
            for day in days
            if len(day.dropna())
        ]
        rate = np.mean([value not in known for value in present]) if len(present) else None
        measures["unseen_rate"] = (rate if known else None, usual(alone), len(present))
    return measures


@pytest.fixture(scope="module")
def session(make_empty_session):
    return make_empty_session()


@pytest.fixture
def measure(session):
    """Fill tables, and return the rows of the statement by variant, feature and measure."""

    def carry_out(trained, scored, scores=(), reference=(), columns=tuple(COLUMNS)) -> dict[tuple, dict]:
        suffix = f"{id(trained):x}{len(trained)}{len(scored)}"
        examples, predictions = (session.target.run_table(f"{name}_{suffix}") for name in ("examples", "predictions"))
        types = {"example_as_of": "TIMESTAMP", **{name: COLUMNS[name] for name in columns}}
        flags = {"_trains": "BOOL", "_scores": "BOOL"}
        rows = [
            [*row, not is_scored, is_scored]
            for part, is_scored in ((trained, False), (scored, True))
            for row in part[list(types)].itertuples(index=False)
        ]
        fill(session, examples, types | flags, rows)
        fill(
            session,
            predictions,
            {"run_id": "STRING", "variant": "STRING", "score": "FLOAT64"},
            [["r", *row] for row in scores],
        )
        asset = session.catalogue.get("ledger/verdict_of_v1")
        places = drift_statements.column_places(
            session,
            Schema.parse({name: COLUMNS[name] for name in columns}),
            "",
            drift_statements.Column("example_as_of", "DATE"),
        )
        predicted = drift_statements.column_places(
            session, Schema.parse({"score": "FLOAT64"}), "predicted_", drift_statements.Column("run_id", "INT64")
        )
        query = Statement(f"SELECT * FROM {predictions.quoted}", {}, {}, (asset,))
        identifiers = {"examples": examples, "predictions": query, **places, **predicted}
        values = {"as_of": AS_OF, "reference": list(reference), **THRESHOLDS}
        found = session.warehouse.rows(session.statement("drift/distributions_v1", identifiers, values))
        return {(row["variant"], row["feature"], row["measure"]): row for row in found}

    return carry_out


def fill(session, table, types, rows) -> None:
    session.warehouse.tables.create(table, Schema.parse(types))
    # In pieces: a statement that takes longer than the reader waits is sent again.
    for start in range(0, len(rows), 60):
        values = ", ".join(f"({', '.join(map(literal, row, types.values()))})" for row in rows[start : start + 60])
        reader(session)(f"INSERT INTO {table.quoted} ({', '.join(types)}) VALUES {values}")


def same(found, expected) -> bool:
    return found == expected or found == pytest.approx(expected, abs=1e-9, rel=1e-9)


def test_every_number_equals_that_of_numpy_and_scipy(measure):
    trained, scored = made(12, 40, scored=False, seed=1), made(1, 120, scored=True, seed=2)
    found = measure(trained, scored)
    expected = {("", name, key): numbers for name in COLUMNS for key, numbers in judged(name, trained, scored).items()}
    assert found.keys() == expected.keys()
    named = ("value", "reference", "n")
    wrong = {
        key: (found[key], each)
        for key, each in expected.items()
        if not all(same(found[key][column], number) for column, number in zip(named, each, strict=True))
    }
    assert wrong == {}
    warned = {feature for (_, feature, _), row in found.items() if row["is_warning"]}
    assert warned == {"moved", "below_constant", "not_in_training", "not_scored", "unseen", "identity"}
    assert found["", "never", "psi"]["note"] == "no value in the training data"
    assert found["", "not_scored", "psi"]["note"] == "no value in what was scored"
    assert found["", "of_the_day", "psi"]["note"] == "as on other days of the last four weeks"


def test_one_row_is_measured_and_warns_of_nothing(measure):
    trained, scored = made(30, 2, scored=False, seed=3), made(1, 1, scored=True, seed=4)
    found = measure(trained, scored, columns=("even", "moved", "city"))
    expected = {
        key: numbers
        for name in ("even", "moved", "city")
        for key, numbers in ((("", name, k), v) for k, v in judged(name, trained, scored).items())
    }
    assert all(same(found[key]["value"], numbers[0]) for key, numbers in expected.items())
    assert not any(row["is_warning"] for row in found.values())
    assert found["", "moved", "psi"]["note"] == "fewer than 30 rows"


def days_of(values: dict[int, float], rows: int = 40) -> pd.DataFrame:
    """Return rows of 28 days before the run; a share of `even` is missing, by days before the run."""
    rng = np.random.default_rng(3)
    parts = []
    for back in range(1, 29):
        part = made(1, rows, scored=False, seed=back)
        part["example_as_of"] = AS_OF - timedelta(days=back)
        part.loc[rng.permutation(rows)[: round(rows * values.get(back, 0.0))], "even"] = None
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


@pytest.mark.parametrize(
    ("missing", "is_warning"),
    [
        ({}, True),
        ({9: 0.45}, True),  # one bad day
        ({7: 0.45}, True),  # one bad day on the weekday of the run
        ({5: 0.5, 6: 0.45}, True),  # an outage of two days
        (dict.fromkeys((7, 14, 21, 28), 0.45), False),  # every week on the weekday of the run
        ({14: 0.45, 21: 0.45, 28: 0.45}, False),  # but for a week
        (dict.fromkeys((6, 13, 20, 27), 0.45), False),  # often enough on other days
        (dict.fromkeys(range(1, 29), 0.45), False),
    ],
)
def test_what_is_usual_is_no_warning_and_a_bad_day_is_not_usual(measure, missing, is_warning):
    trained, scored = days_of(missing), made(1, 40, scored=True, seed=99)
    scored.loc[:17, "even"] = None
    row = measure(trained, scored, columns=("even",))["", "even", "missing_rate"]
    assert (row["value"], row["is_warning"]) == (0.45, is_warning)


def test_scores_are_compared_with_those_of_training_rows(measure):
    rng = np.random.default_rng(5)
    known, now = rng.beta(2, 5, 2000), {"calm": rng.beta(2, 5, 300), "moved": rng.beta(3, 3, 300)}
    values, counts = condensed(known)
    reference = [
        {"variant": name, "feature": "score", "number": float(value), "n": int(n)}
        for name in now
        for value, n in zip(values, counts, strict=True)
    ]
    scores = [(name, float(value)) for name, each in now.items() for value in each]
    frame = made(1, 2, scored=True, seed=6)
    found = measure(frame.iloc[:0], frame, scores, reference, columns=("no_text",))
    trained = pd.Series(np.repeat(values, counts), dtype=object)
    for name, each in now.items():
        scored = pd.Series(each, dtype=object)
        psi, js = distances(scored, trained, list(range(10)))
        assert same(found[name, "score", "psi"]["value"], psi)
        assert same(found[name, "score", "jensen_shannon"]["value"], js)
        exact = distances(scored, pd.Series(known, dtype=object), list(range(10)))
        assert psi == pytest.approx(exact[0], rel=0.05, abs=0.01), "a hundred points stand for 2,000 scores"
    assert found["moved", "score", "psi"]["is_warning"]
    assert not found["calm", "score", "psi"]["is_warning"]


def test_chance_alone_gives_no_warning():
    """PSI of equal distributions exceeds the bound some once in a thousand times, from a hundred rows on."""
    rng = np.random.default_rng(7)
    bound = chi2.ppf(0.999, 9)
    for n, m in ((200, 1000), (1000, 5000)):
        q = rng.multinomial(m, [0.1] * 10, 4000) / m  # (4000, 10)
        p = rng.multinomial(n, [0.1] * 10, 4000) / n
        found = [psi_of(a, b) for a, b in zip(p, q, strict=True)]
        assert np.mean(np.array(found) > bound * (1 / n + 1 / m)) < 0.005


def test_a_reference_of_few_values_is_kept_unchanged():
    values, counts = condensed(np.array([0.2, 0.2, 0.1, 0.2]))
    assert (values.tolist(), counts.tolist()) == ([0.1, 0.2], [1, 3])
    values, counts = condensed(np.arange(1234.0))
    assert (len(values), counts.sum()) == (100, 1234)
    assert condensed(np.array([]))[0].size == 0
