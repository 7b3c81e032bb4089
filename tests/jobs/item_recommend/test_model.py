from __future__ import annotations

import json

import joblib
import numpy as np
import pandas as pd
import pytest

from jobs.item_recommend.model import ItemSimilarity, Popularity
from pipeline.model_config import Columns
from tests.jobs.item_recommend.frames import interactions

COLUMNS = Columns(key=["user_id", "item_id"], weight="weight")
NAMES = ["user_id", "rank", "item_id", "score"]


def popularity(top_n=3):
    return Popularity(columns=COLUMNS, top_n=top_n)


def similarity(top_n=3, **params):
    given = {"neighbours": 10, "weighting": "none", "shrinkage": 0.0} | params
    return ItemSimilarity(columns=COLUMNS, top_n=top_n, **given)


def lists(found):
    assert list(found.columns) == NAMES
    return found.groupby("user_id")["item_id"].agg(list).to_dict()


SHOP = interactions(
    ("ann", "tea", 3.0), ("ann", "cup!", 5.0),
    ("bob", "tea", 2.0), ("bob", "cup", 1.0), ("bob", "pot", 2.0),
    ("cat", "saw", 1.0), ("cat", "nail", 1.0),
    ("dan", "saw!", 5.0), ("dan", "nail", 4.0), ("dan", "axe", 9.0),
    ("eve", "one of a kind?", 1.0),
)  # fmt: skip


def test_popular_items_by_weight_without_bought_ones():
    found = popularity().fit(SHOP).predict(SHOP)
    assert lists(found)["eve"] == ["axe", "cup", "saw"]
    assert lists(found)["ann"] == ["axe", "saw", "nail"]
    assert found["rank"].tolist() == [1, 2, 3] * 5
    assert found[found["user_id"] == "eve"]["score"].tolist() == pytest.approx([1, 6 / 9, 6 / 9])


def test_similar_items_come_first_then_popular_ones():
    found = lists(similarity(top_n=6).fit(SHOP).predict(SHOP))
    assert set(found["bob"][:3]) == {"tea", "cup", "pot"}
    assert found["ann"][:2] == ["tea", "pot"]
    assert "cup" not in found["ann"]
    assert (set(found["cat"][:2]), found["cat"][2]) == ({"saw", "nail"}, "axe")
    assert found["eve"] == ["axe", "cup", "saw", "nail", "tea", "pot"]


def test_an_unknown_user_gets_popular_items():
    model = similarity().fit(SHOP)
    assert lists(model.predict(interactions(("new", "unheard of", 1.0))))["new"] == ["axe", "cup", "saw"]


def test_similarities_add_up_over_the_items_of_a_user():
    model = similarity(top_n=6).fit(SHOP)
    asked = interactions(("zoe", "tea", 2.0), ("zoe", "nail", 1.0))
    similar = model.similar.toarray()
    place = {name: number for number, name in enumerate(model.items)}
    expected = 2.0 * similar[place["tea"]] + similar[place["nail"]]
    found = model.predict(asked).set_index("item_id")["score"]
    np.testing.assert_allclose(found, expected[[place[name] for name in found.index]], atol=2e-9)


def test_shards_give_the_same_lists_as_all_users_together():
    model = similarity().fit(SHOP)
    whole = model.predict(SHOP)
    parts = [model.predict(SHOP[SHOP["user_id"] == name]) for name in sorted(SHOP["user_id"].unique())]
    pd.testing.assert_frame_equal(pd.concat(parts, ignore_index=True), whole)


@pytest.mark.parametrize("make", [popularity, similarity])
def test_all_unbought_items_are_recommended_if_few(make):
    rows = interactions(*((user, f"{item}!", 1.0) for user in ("a", "b") for item in ("x", "y")), ("b", "z", 1.0))
    found = lists(make(top_n=5).fit(rows).predict(rows))
    assert found == {"a": ["z"], "b": ["z"]}


@pytest.mark.parametrize(
    "rows",
    [
        interactions(("a", "x", 1.0)),
        interactions(("a", "x", 1.0), ("a", "y", 1.0)),
        interactions(("a", "x", 1.0), ("b", "x", 1.0)),
        interactions(("a", "x!", 1.0)),
        interactions(("a", "x?", 1.0)),
        interactions(("ß\u2028'\"`", "猫" * 300, 1.0), ("B", "b", 1.0), ("b", "B", 1.0), ("b", "b ", 1.0)),
    ],
    ids=["one of each", "one user", "one item", "all bought", "no support", "odd ids"],
)
@pytest.mark.parametrize("make", [popularity, similarity])
def test_little_data_gives_short_lists(make, rows):
    found = make(top_n=9).fit(rows).predict(rows)
    items = set(rows.loc[rows["has_support"], "item_id"])
    for user, items_of_user in lists(found).items():
        bought = set(rows.loc[(rows["user_id"] == user) & rows["is_bought"], "item_id"])
        assert set(items_of_user) == items - bought
        assert len(items_of_user) == len(set(items_of_user))


@pytest.mark.parametrize("make", [popularity, similarity])
def test_order_of_rows_changes_no_byte(tmp_path, make):
    shuffled = SHOP.sample(frac=1, random_state=3)
    files = []
    for number, rows in enumerate((SHOP, shuffled)):
        model = make().fit(rows)
        files.append(tmp_path / f"{number}.joblib")
        joblib.dump(model, files[-1], compress=3)
    assert files[0].read_bytes() == files[1].read_bytes()
    predictions = [make().fit(rows).predict(rows) for rows in (SHOP, shuffled)]
    pd.testing.assert_frame_equal(*predictions)


@pytest.mark.parametrize("make", [popularity, similarity])
def test_the_callers_frame_stays_as_it_is(make):
    before = SHOP.copy(deep=True)
    make().fit(SHOP).predict(SHOP)
    pd.testing.assert_frame_equal(SHOP, before)


def test_ids_are_written_with_their_indices(tmp_path):
    similarity().fit(SHOP).save_id_maps(tmp_path / "id_maps")
    users = [json.loads(line) for line in (tmp_path / "id_maps" / "users.jsonl").read_text().splitlines()]
    assert users == [{"index": number, "id": name} for number, name in enumerate(["ann", "bob", "cat", "dan", "eve"])]
    items = [json.loads(line)["id"] for line in (tmp_path / "id_maps" / "items.jsonl").read_text().splitlines()]
    assert items == ["axe", "cup", "nail", "pot", "saw", "tea"]


def test_a_weighting_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match="weighting must be one of none, tf_idf, bm25, not 'idf'"):
        similarity(weighting="idf")
