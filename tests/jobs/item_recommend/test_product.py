"""The two ways to a product's highest values: the same items and scores, also where values are equal."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tracemalloc
from itertools import product as combinations
from unittest.mock import patch

import joblib
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import sparse

from jobs.item_recommend import product, similarity
from jobs.item_recommend.model import ItemSimilarity, Popularity
from jobs.item_recommend.product import with_scipy, with_sparse_dot_topn
from jobs.item_recommend.similarity import WEIGHTINGS, best_items, nearest_items
from pipeline.model_config import Columns
from tests.jobs.item_recommend.frames import crowd, interactions
from tests.support.integration_fixtures import ROOT
from tests.support.matrices import drawn

COLUMNS = Columns(key=["user_id", "item_id"], weight="weight")
TINY = np.finfo(float).tiny

needs_both = pytest.mark.skipif(
    product.sp_matmul_topn is None or sys.platform == "darwin",
    reason="compares with sparse_dot_topn built with GNU's C++ library: Linux aarch64 has no wheel, and the heap of "
    "LLVM's library, on macOS, may keep other ones of equal values",
)


def rows_of(found):
    """Items and scores of each row, by item, shape of the matrix."""
    ordered = sparse.csr_array(found)
    ordered.sort_indices()
    return ordered


def assert_same(found, expected):
    one, other = rows_of(found), rows_of(expected)
    assert one.shape == other.shape
    np.testing.assert_array_equal(one.indptr, other.indptr)
    np.testing.assert_array_equal(one.indices, other.indices)
    np.testing.assert_allclose(one.data, other.data, rtol=0, atol=1e-12)


def matrices(rows, columns, values):
    """Sparse matrices of few values, empty rows among them."""
    return arrays(np.float64, st.tuples(rows, columns), elements=st.sampled_from([0.0, *values]), fill=st.just(0.0))


@st.composite
def pairs(draw):
    inner = draw(st.integers(1, 4))
    left = draw(matrices(st.integers(1, 4), st.just(inner), [-2.0, -1.0, 0.5, 1.0, 2.0]))
    right = draw(
        arrays(np.float64, (inner, draw(st.integers(1, 24))), elements=st.sampled_from([0.0, -1.0, 1.0, 2.0, 3.0, 4.0]))
    )
    return sparse.csr_matrix(left), sparse.csr_matrix(right)


@needs_both
@given(pairs(), st.integers(1, 30), st.sampled_from([0.0, TINY, 2.0]), st.integers(1, 2))
@drawn(300)
def test_both_keep_the_same_values(pair, count, above, threads):
    expected = with_sparse_dot_topn(*pair, count=count, above=above, threads=threads)
    assert_same(with_scipy(*pair, count=count, above=above, threads=1), expected)


@needs_both
@pytest.mark.parametrize("count", [1, 2, 3, 7, 20, 50, 64])
def test_both_keep_the_same_of_equal_values_in_long_rows(count):
    rng = np.random.default_rng(count)
    left = sparse.csr_matrix(np.eye(400) + (rng.random((400, 400)) < 0.005))
    right = sparse.csr_matrix(rng.integers(0, 9, (400, 300)).astype(float))
    expected = with_sparse_dot_topn(left, right, count=count, above=0.0, threads=2)
    with patch.object(product, "_places_in_heap", wraps=product._places_in_heap) as decided:
        assert_same(with_scipy(left, right, count=count, above=0.0, threads=2), expected)
    assert decided.call_count > 200


@pytest.mark.parametrize(
    "way", [with_scipy, pytest.param(with_sparse_dot_topn, marks=needs_both)], ids=["scipy", "sparse_dot_topn"]
)
@pytest.mark.parametrize(
    ("row", "count", "kept"),
    [
        ([1, 1, 1, 1, 1], 2, {3, 4}),  # from the last column on, the first that come stay
        ([9, 1, 1, 1, 1], 3, {0, 2, 3}),  # the 9 comes last: columns 4, 3 and 2 are there, and 4 leaves
        ([9, 9, 1, 1, 1, 1], 4, {0, 1, 2, 4}),  # 5 and 3 leave, so it is not simply a matter of order
        ([1, 2, 1, 2, 1, 2], 4, {1, 2, 3, 5}),
        ([1, 1], 3, {0, 1}),
        ([-1, 0, -2], 2, set()),
        ([], 2, set()),
    ],
)
def test_which_of_equal_values_are_kept(way, row, count, kept):
    right = sparse.csr_matrix(np.array([row], dtype=float))
    found = way(sparse.csr_matrix([[1.0]]), right, count=count, above=0.0, threads=1)
    assert set(found.indices[: found.nnz].tolist()) == kept


@pytest.mark.parametrize("shape", [(0, 3, 2), (2, 0, 3), (3, 2, 0), (0, 0, 0)], ids=str)
def test_product_of_nothing_is_empty(shape):
    rows, inner, columns = shape
    found = with_scipy(
        sparse.csr_matrix((rows, inner)), sparse.csr_matrix((inner, columns)), count=2, above=0.0, threads=1
    )
    assert (found.shape, found.nnz) == ((rows, columns), 0)


@pytest.mark.parametrize(
    "way", [with_scipy, pytest.param(with_sparse_dot_topn, marks=needs_both)], ids=["scipy", "sparse_dot_topn"]
)
def test_highest_come_first_and_threads_change_no_byte(way):
    rng = np.random.default_rng(3)
    left, right = (sparse.csr_matrix(rng.integers(0, 3, shape).astype(float)) for shape in ((90, 20), (20, 60)))
    found = [way(left, right, count=9, above=0.0, threads=threads) for threads in (1, 2, 5)]
    for other in found[1:]:
        assert other.data.tobytes() == found[0].data.tobytes()
        assert other.indices.tobytes() == found[0].indices.tobytes()
    scores = found[0].data.reshape(90, 9)
    assert (np.diff(scores, axis=1) <= 0).all()


@st.composite
def shops(draw):
    """Weights, similarities, popularity and what is excluded, with negative values and equal scores."""
    users, items = draw(st.integers(1, 4)), draw(st.integers(1, 12))
    weights = draw(matrices(st.just(users), st.just(items), [-1.0, 1.0, 2.0]))
    similar = draw(matrices(st.just(items), st.just(items), [-0.5, 0.5, 1.0]))
    popular = draw(arrays(np.float64, (1, items), elements=st.sampled_from([0.0, 1.0, 2.0])))
    excluded = draw(matrices(st.just(users), st.just(items), [1.0]))
    return [sparse.csr_array(part) for part in (weights, similar, popular, excluded)]


@needs_both
@given(shops(), st.integers(1, 14))
@drawn(200)
def test_best_items_are_the_same_without_what_is_excluded(shop, top_n):
    found = []
    for way in (with_sparse_dot_topn, with_scipy):
        with patch.object(similarity, "highest_of_product", way):
            found.append(best_items(*shop, top_n=top_n, threads=1))
    assert_same(*found)
    assert (found[0].data > 0).all()
    assert not found[0].multiply(shop[3]).nnz


@needs_both
@given(matrices(st.integers(1, 6), st.integers(1, 14), [-1.0, 1.0, 2.0]), st.integers(1, 16))
@drawn(200)
def test_nearest_items_are_the_same(weights, neighbours):
    found = []
    for way in (with_sparse_dot_topn, with_scipy):
        with patch.object(similarity, "highest_of_product", way):
            found.append(nearest_items(sparse.csr_array(weights), neighbours=neighbours, shrinkage=1.0, threads=1))
    assert_same(*found)


def fitted(way, make, rows):
    """The bytes of a model and what it predicts."""
    with patch.object(similarity, "highest_of_product", way):
        model = make().fit(rows)
        file = io.BytesIO()
        joblib.dump(model, file)
        return file.getvalue(), model.predict(rows)


def assert_models_agree(make, rows):
    (one, expected), (other, found) = (fitted(way, make, rows) for way in (with_sparse_dot_topn, with_scipy))
    pd.testing.assert_frame_equal(found.drop(columns="score"), expected.drop(columns="score"))
    np.testing.assert_allclose(found["score"], expected["score"], rtol=0, atol=1e-12)
    return one == other


@st.composite
def visits(draw):
    """Interactions of few users and items with few weights; each pair of user and item once."""
    users, items = draw(st.integers(1, 7)), draw(st.integers(1, 14))
    asked = draw(st.sets(st.sampled_from(list(combinations(range(users), range(items)))), min_size=1, max_size=60))
    marks, weights = st.sampled_from(["", "", "", "!", "?"]), st.sampled_from([1.0, 2.0, 3.0])
    return interactions(*((f"u{user}", f"i{item:02}{draw(marks)}", draw(weights)) for user, item in sorted(asked)))


@needs_both
@given(visits(), st.integers(1, 8), st.integers(1, 8), st.sampled_from(sorted(WEIGHTINGS)), st.sampled_from([0.0, 5.0]))
@drawn(40)
def test_models_agree(rows, top_n, neighbours, weighting, shrinkage):
    params = {"neighbours": neighbours, "weighting": weighting, "shrinkage": shrinkage}
    assert_models_agree(lambda: Popularity(columns=COLUMNS, top_n=top_n), rows)
    assert_models_agree(lambda: ItemSimilarity(columns=COLUMNS, top_n=top_n, **params), rows)


@needs_both
@pytest.mark.parametrize("weights", ["any", "whole"])
@pytest.mark.parametrize("weighting", WEIGHTINGS)
def test_models_of_a_crowd_are_the_same_bytes(weighting, weights):
    rows = crowd()
    if weights == "whole":  # many items are equally popular and equally similar
        rows["weight"] = np.ceil(rows["weight"])
    assert assert_models_agree(
        lambda: ItemSimilarity(columns=COLUMNS, top_n=7, neighbours=9, weighting=weighting, shrinkage=2.0), rows
    )
    assert assert_models_agree(lambda: Popularity(columns=COLUMNS, top_n=7), rows)


def test_no_block_is_larger_than_it_may_be(monkeypatch):
    monkeypatch.setattr(product, "VALUES_AT_ONCE", 1000)
    rng = np.random.default_rng(1)
    left = sparse.random_array((700, 30), density=0.1, rng=rng, format="csr")
    left.data[:] = 1.0
    left = sparse.csr_matrix(sparse.vstack([left, np.ones((1, 30)), sparse.csr_array((50, 30))], format="csr"))
    right = sparse.csr_matrix(rng.integers(0, 4, (30, 1500)).astype(float) * (rng.random(1500) < 0.3))
    with patch.object(product, "_highest_of_rows", wraps=product._highest_of_rows) as blocks:
        found = with_scipy(left, right, count=5, above=0.0, threads=2)
    sizes = [call.args[0].nnz for call in blocks.call_args_list]
    assert len(sizes) > 100
    assert max(sizes) <= 1000
    assert sum(call.args[0].shape[0] for call in blocks.call_args_list) == 751
    monkeypatch.undo()
    assert_same(found, with_scipy(left, right, count=5, above=0.0, threads=1))


def test_memory_is_bounded():
    rng = np.random.default_rng(2)
    left = sparse.csr_matrix(sparse.random_array((4000, 300), density=0.02, rng=rng))
    right = sparse.csr_matrix(rng.random((300, 2000)))
    whole = 12 * 4000 * 2000  # bytes of the product: nearly all of its values are above 0
    tracemalloc.start()
    try:
        with_scipy(left, right, count=10, above=0.0, threads=1)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 3 * 12 * product.VALUES_AT_ONCE < whole / 2


WITHOUT = """
import json, sys
sys.modules["sparse_dot_topn"] = None  # as if it were not installed
from jobs.item_recommend import product
from jobs.item_recommend.model import ItemSimilarity
from pipeline.model_config import Columns
from tests.jobs.item_recommend.frames import crowd
rows = crowd()
model = ItemSimilarity(
    columns=Columns(key=["user_id", "item_id"], weight="weight"), top_n=7, neighbours=9, weighting="bm25", shrinkage=2.0
)
found = model.fit(rows).predict(rows)
print(json.dumps([product.highest_of_product.__name__, found.to_dict("list")]))
"""


def test_models_work_without_the_package():
    done = subprocess.run([sys.executable, "-c", WITHOUT], cwd=ROOT, capture_output=True, text=True, check=True)
    name, columns = json.loads(done.stdout)
    assert name == "with_scipy"
    rows = crowd()
    model = ItemSimilarity(columns=COLUMNS, top_n=7, neighbours=9, weighting="bm25", shrinkage=2.0)
    expected = model.fit(rows).predict(rows)
    assert len(expected) > 1000
    for column in ("user_id", "rank", "item_id"):
        assert columns[column] == expected[column].tolist()
    np.testing.assert_allclose(columns["score"], expected["score"], rtol=0, atol=1e-12)
