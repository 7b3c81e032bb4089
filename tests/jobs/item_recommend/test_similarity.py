from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import sparse
from sklearn.metrics.pairwise import cosine_similarity

from jobs.item_recommend.similarity import K1, WEIGHTINGS, B, bm25, nearest_items, tf_idf

WEIGHTS = np.array([[1.0, 2.0, 0.0], [0.0, 4.0, 1.0], [3.0, 0.0, 0.0]])  # (users, items)


def nearest(weights, neighbours=9, shrinkage=0.0, threads=1):
    found = nearest_items(sparse.csr_array(weights), neighbours=neighbours, shrinkage=shrinkage, threads=threads)
    return found.toarray()


matrices = arrays(
    np.float64,
    st.tuples(st.integers(1, 6), st.integers(1, 6)),
    elements=st.one_of(st.just(0.0), st.floats(0.01, 100.0)),
)


@given(matrices)
def test_similarity_is_the_cosine_of_scikit_learn(weights):
    np.testing.assert_allclose(nearest(weights), cosine_similarity(weights.T), atol=1e-12)


@given(matrices, st.integers(1, 3))
def test_the_nearest_are_kept(weights, neighbours):
    found, cosine = nearest(weights, neighbours), cosine_similarity(weights.T)
    for own, all_of_them in zip(found, cosine, strict=True):
        best = np.sort(all_of_them)[::-1][:neighbours]
        np.testing.assert_allclose(np.sort(own)[::-1][:neighbours], best, atol=1e-12)
        assert (own > 0).sum() <= neighbours


def test_similarities_of_few_users_are_shrunk():
    users = np.array([2, 2, 1])  # of each item
    belief = np.sqrt(users / (users + 5.0))
    expected = cosine_similarity(WEIGHTS.T) * np.outer(belief, belief)
    np.testing.assert_allclose(nearest(WEIGHTS, shrinkage=5.0), expected)


def test_tf_idf_is_root_weight_times_user_rarity():
    rarity = np.log1p(3 / np.array([2, 2, 1]))
    np.testing.assert_allclose(tf_idf(sparse.csr_array(WEIGHTS)).toarray(), np.sqrt(WEIGHTS) * rarity[:, None])


def test_bm25_is_okapis_formula():
    length = WEIGHTS.sum(axis=0)
    norm = K1 * (1 - B + B * length / length.mean())
    rarity = np.log1p(3 / np.array([2, 2, 1]))
    expected = WEIGHTS * (K1 + 1) / (WEIGHTS + norm) * rarity[:, None]
    np.testing.assert_allclose(bm25(sparse.csr_array(WEIGHTS)).toarray(), expected)


@pytest.mark.parametrize("weighting", WEIGHTINGS)
def test_a_weighting_does_not_change_its_input(weighting):
    weights = sparse.csr_array(WEIGHTS)
    WEIGHTINGS[weighting](weights)
    assert (weights.toarray() == WEIGHTS).all()


def test_any_number_of_threads_gives_the_same_bytes():
    weights = sparse.random_array((300, 80), density=0.1, rng=np.random.default_rng(5), format="csr")
    one, two = (nearest_items(weights, neighbours=10, shrinkage=1.0, threads=threads) for threads in (1, 2))
    assert one.data.tobytes() == two.data.tobytes()
    assert one.indices.tobytes() == two.indices.tobytes()
