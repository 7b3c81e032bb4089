"""Ranking metrics in SQL against ranx, and their intervals against influence values of users."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t

from pipeline.project.metric_spec import MetricSpec
from tests.evaluation.judging import metrics_of, staged, values_of
from tests.evaluation.ranking_reference import per_user

KS = [1, 5, 10]
SPEC = MetricSpec("ranking", ["user", "rank"], ["rank", "item"], ["country"], {"ks": KS}, label_key=["user", "item"])
PREDICTIONS = {"user": "STRING NOT NULL", "rank": "INT64 NOT NULL", "item": "STRING NOT NULL"}
LABELS = {
    "user": "STRING NOT NULL", "item": "STRING NOT NULL", "label": "FLOAT64", "country": "STRING", "weight": "FLOAT64",
    "household": "INT64",
}  # fmt: skip


@pytest.fixture(scope="module")
def session(make_empty_session):
    return make_empty_session()


def drawn(users: int, seed: int, *, length: int = 10, items: int = 50, relevant: int = 6, gains: int = 3):
    """Lists and relevance from one skewed popularity, so that they meet: two frames."""
    rng = np.random.default_rng(seed)
    popularity = 1 / (np.arange(items) + 3.0)  # (items,)
    names = np.array([f"item {number}" for number in range(items)])

    def choose(most: int, *, short: bool):
        keys = rng.exponential(size=(users, items)) / popularity  # (users, items), smallest first: without replacement
        chosen = np.argsort(keys, axis=1)[:, :most]
        frame = pd.DataFrame(
            {
                "user": np.repeat([f"user {number:06d}" for number in range(users)], most),
                "rank": np.tile(np.arange(1, most + 1), users),
                "item": names[chosen.ravel()],
            }
        )
        return frame[frame["rank"] <= np.repeat(rng.integers(1, most + 1, users), most)] if short else frame

    predictions, labels = choose(length, short=True), choose(relevant, short=True).drop(columns="rank")
    labels["label"] = rng.integers(1, gains + 1, len(labels)).astype(float)
    number = labels["user"].str[5:].astype(int)
    labels["country"] = np.where(number % 3 > 0, "north", "x' OR 1=1 --")
    labels["weight"], labels["household"] = number % 4 / 2 + 0.25, number // 3
    return predictions, labels


def judged(session, predictions, labels, spec=SPEC):
    return metrics_of(session, staged(session, predictions, PREDICTIONS), staged(session, labels, LABELS), spec)


def of_users(labels: pd.DataFrame, column: str) -> pd.Series:
    """A column of the labels for each user with a relevant item, in the order of users."""
    return labels[labels["label"] > 0].groupby("user")[column].max().sort_index()


def assert_means(found, users: pd.DataFrame, weight, where):
    for name in users.columns:
        assert found[name] == pytest.approx(np.average(users[name], weights=weight), abs=1e-9), (where, name)
    assert found["count"] == len(users)


HOSTILE = {
    "usual": drawn(800, 1),
    "long lists": drawn(100, 2, length=40),
    "lists of one": drawn(200, 3, length=1),
    "alike gains": drawn(300, 4, gains=1),
    "more relevant than k": drawn(200, 5, relevant=30),
    "nothing is found": (drawn(200, 6)[0].assign(item="not in the labels"), drawn(200, 6)[1]),
    "single user": drawn(1, 7),
    "two users": drawn(2, 8),
}


@pytest.mark.matrix(4)
@pytest.mark.parametrize("kind", HOSTILE)
def test_every_value_equals_ranx(session, kind):
    predictions, labels = HOSTILE[kind]
    if kind == "nothing is found":
        predictions = predictions.drop_duplicates("user")
    rows = judged(session, predictions, labels)
    users = per_user(predictions, labels, KS)
    assert_means(values_of(rows), users, None, kind)
    countries = of_users(labels, "country")
    for country in set(countries):
        assert_means(values_of(rows, "country", country), users[countries == country], None, (kind, country))


@pytest.mark.long
def test_a_hundred_thousand_predictions(session):
    predictions, labels = drawn(20_000, 9, items=200)
    assert len(predictions) > 100_000
    users = per_user(predictions, labels, [10], ("ndcg", "map"))
    assert_means(values_of(judged(session, predictions, labels)), users, None, "many")


def test_a_user_has_the_largest_weight_of_its_relevant_items(session):
    predictions, labels = HOSTILE["usual"]
    rows = judged(session, predictions, labels, replace(SPEC, weight="weight"))
    users, weight = per_user(predictions, labels, KS), of_users(labels, "weight")
    assert_means(values_of(rows), users, weight, "weighted")
    raised = labels.assign(weight=labels["weight"].where(labels.duplicated("user"), labels["weight"] * 2))
    rows = judged(session, predictions, raised, replace(SPEC, weight="weight"))
    assert_means(values_of(rows), users, weight * 2, "weighted")


@pytest.mark.matrix(1)
@pytest.mark.parametrize("case", ["alike", "weighted", "clustered", "weighted clusters"])
def test_intervals_equal_influence_values_of_users(session, case):
    """An average's influence values are w (x - mean) / sum(w): here of what ranx says of each user."""
    predictions, labels = HOSTILE["usual"]
    gone = predictions["user"].str.endswith("7")  # users without predictions have influence, too
    spec = replace(
        SPEC,
        weight="weight" if "weighted" in case else None,
        cluster=["household"] if "cluster" in case else [],
    )
    rows = {row["metric"]: row for row in judged(session, predictions[~gone], labels, spec) if not row["slice_name"]}
    users = per_user(predictions[~gone], labels, KS)
    weight = of_users(labels, "weight") if "weighted" in case else pd.Series(1.0, users.index)
    groups = of_users(labels, "household") if "cluster" in case else pd.Series(np.arange(len(users)), users.index)
    for name in users.columns:
        mean = np.average(users[name], weights=weight)
        sums = (weight * (users[name] - mean) / weight.sum()).groupby(groups).sum()
        reach = np.sqrt((sums**2).sum() * len(sums) / (len(sums) - 1)) * t.ppf(0.975, len(sums) - 1)
        steps = reach / (mean * (1 - mean)) * np.array([-1, 1])
        expected = 1 / (1 + np.exp(-(np.log(mean / (1 - mean)) + steps)))
        assert (rows[name]["low"], rows[name]["high"]) == pytest.approx(tuple(expected), abs=1e-7), name
        assert rows[name]["note"] is None
    assert rows["catalogue_coverage_at_10"]["low"] is None


def test_users_and_items_missing_on_one_side(session):
    """Who has relevant items and no list counts as nothing found; who has a list and nothing relevant is left out."""
    predictions, labels = HOSTILE["usual"]
    names = np.array(sorted(labels["user"].unique()))
    without_list, without_relevance, unlabelled = names[:80], names[80:200], names[200:250]
    predictions = predictions[~predictions["user"].isin(without_list)]
    labels = labels[~labels["user"].isin(unlabelled)]
    labels = labels.assign(label=labels["label"].where(~labels["user"].isin(without_relevance), 0.0))
    labels.loc[labels.index[labels["user"] == names[300]], "label"] = np.nan
    rows = judged(session, predictions, labels)
    users = per_user(predictions, labels, KS)
    assert len(users) == 800 - 120 - 50 - 1
    assert (users.loc[without_list] == 0).all().all()
    found = values_of(rows)
    assert_means(found, users, None, "missing")
    assert found["users_without_predictions"] == 80
    assert found["users_without_relevance"] == 120 + 50 + 1
    assert found["label_coverage"] == pytest.approx(1 - 171 / 720, abs=1e-12)


def test_coverage_is_the_share_of_label_items_in_any_list(session):
    predictions, labels = drawn(40, 10, items=120)
    found = values_of(judged(session, predictions, labels))
    known = set(labels["item"])
    for k in KS:
        covered = known & set(predictions.loc[predictions["rank"] <= k, "item"])
        assert found[f"catalogue_coverage_at_{k}"] == pytest.approx(len(covered) / len(known), abs=1e-12)


def test_a_slice_of_items_keeps_the_relevance_of_these_items(session):
    predictions, labels = HOSTILE["usual"]
    labels = labels.assign(country=np.where(labels["item"].str.len() > 6, "two digits", "one digit"))
    rows = judged(session, predictions, labels)
    for value, part in labels.groupby("country"):
        assert_means(values_of(rows, "country", value), per_user(predictions, part, KS), None, value)


def test_a_repeated_item_counts_at_its_first_position(session):
    predictions, labels = HOSTILE["usual"]
    last = predictions.groupby("user")["rank"].transform("max")
    again = predictions[predictions["rank"] == 1].assign(rank=last[predictions["rank"] == 1] + 1)
    rows = judged(session, pd.concat([predictions, again]), labels)
    assert_means(values_of(rows), per_user(predictions, labels, KS), None, "doubled")


def test_gaps_between_positions_stay(session):
    predictions, labels = HOSTILE["usual"]
    moved = predictions.assign(rank=predictions["rank"] * 2)
    found, users = values_of(judged(session, moved, labels)), per_user(predictions, labels, KS)
    assert found["recall_at_10"] == pytest.approx(users["recall_at_5"].mean(), abs=1e-9)
    assert found["mrr"] == pytest.approx(users["mrr"].mean() / 2, abs=1e-9)


def test_a_variant_without_hits_in_a_slice_has_zeros(session):
    predictions, labels = HOSTILE["usual"]
    countries = of_users(labels, "country")
    bad = predictions.assign(item=predictions["item"].where(predictions["user"].map(countries) == "north", "nothing"))
    bad = bad.drop_duplicates(["user", "item"])
    own = staged(session, pd.concat([predictions.assign(v="a"), bad.assign(v="b")]), {**PREDICTIONS, "v": "STRING"})
    from pipeline.evaluation.metric_statements import metrics_statement
    from pipeline.sql import Statement

    sql = f"SELECT '' AS run_id, '' AS model_id, v AS variant, user, rank, item FROM {own.quoted}"
    rows = session.warehouse.rows(
        metrics_statement(session, Statement(sql, {}, {}, ()), staged(session, labels, LABELS), SPEC)
    )
    for variant, frame in (("a", predictions), ("b", bad)):
        users, mine = per_user(frame, labels, KS), [row for row in rows if row["variant"] == variant]
        assert_means(values_of(mine), users, None, variant)
        for country in set(countries):
            assert_means(values_of(mine, "country", country), users[countries == country], None, (variant, country))
    zero = values_of([row for row in rows if row["variant"] == "b"], "country", "x' OR 1=1 --")
    assert {zero[name] for name in users.columns} == {0.0}


def test_a_note_explains_a_missing_interval(session):
    few = {row["metric"]: row for row in judged(session, *drawn(29, 11)) if not row["slice_name"]}
    assert few["recall_at_10"]["note"] == "no interval: fewer than 30 users"
    assert {(row["low"], row["high"]) for row in few.values()} == {(None, None)}
    predictions, labels = HOSTILE["usual"]
    nothing = {row["metric"]: row for row in judged(session, predictions, labels.assign(label=0.0))}
    assert (nothing["recall_at_10"]["value"], nothing["recall_at_10"]["note"]) == (None, "no relevant items")
    assert (nothing["count"]["value"], nothing["label_coverage"]["value"]) == (0.0, 0.0)
    found = {row["metric"]: row for row in judged(session, predictions.assign(item="?").query("rank == 1"), labels)}
    assert (found["ndcg_at_10"]["value"], found["ndcg_at_10"]["note"]) == (0.0, "no interval: no spread")
