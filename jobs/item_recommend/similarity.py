"""Cosine similarity of items over the users who interact with them; only the nearest items are kept."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import sparse

from jobs.item_recommend.product import highest_of_product

K1, B = 1.2, 0.75
"""Saturation and length normalisation of BM25, as Robertson and Zaragoza (2009) advise."""

USERS_AT_ONCE = 2048
"""Number of users in one product: a limit of memory."""

NEVER = -1e15
"""Score of an excluded item: far below any sum of similarities."""


def plain(weights: sparse.csr_array) -> sparse.csr_array:
    """Return the weights as they are, shape (num_users, num_items)."""
    return weights


def tf_idf(weights: sparse.csr_array) -> sparse.csr_array:
    """Return square roots of weights, smaller for users with many items, shape (num_users, num_items)."""
    return _scaled(weights.sqrt(), _rarity(weights))


def bm25(weights: sparse.csr_array) -> sparse.csr_array:
    """Return weights that saturate, scaled for users as in `tf_idf`, shape (num_users, num_items).

    Items are the documents of Okapi BM25 and users its terms, so the weights of popular items saturate sooner.
    """
    length = np.asarray(weights.sum(axis=0)).ravel()  # (num_items,)
    norm = K1 * (1 - B + B * length / max(length.mean(), np.finfo(float).tiny))  # (num_items,)
    saturated = weights.copy()
    saturated.data = weights.data * (K1 + 1) / (weights.data + norm[weights.indices])
    return _scaled(saturated, _rarity(weights))


WEIGHTINGS: dict[str, Callable[[sparse.csr_array], sparse.csr_array]] = {"none": plain, "tf_idf": tf_idf, "bm25": bm25}


def nearest_items(weights: sparse.csr_array, *, neighbours: int, shrinkage: float, threads: int) -> sparse.csr_array:
    """Return the similarity of each item to its nearest items, including itself.

    The cosine of two items with n and m users is multiplied by sqrt(n / (n + shrinkage) * m / (m + shrinkage)):
    similarities that rest on few users are shrunk.

    Parameters
    ----------
    weights
        Shape (num_users, num_items).
    neighbours
        Number of items that are kept for an item.
    shrinkage
        Number of users, see above; 0 leaves the cosine as it is.

    Returns
    -------
    scipy.sparse.csr_array
        Shape (num_items, num_items), at most `neighbours` values a row, in the order of columns.
    """
    num_items = weights.shape[1]
    lengths = np.sqrt(np.bincount(weights.indices, weights=weights.data**2, minlength=num_items))  # (num_items,)
    users = np.bincount(weights.indices, minlength=num_items)  # (num_items,)
    belief = np.sqrt(users / np.maximum(users + shrinkage, 1))  # (num_items,)
    scale = np.divide(belief, lengths, out=np.zeros_like(lengths), where=lengths > 0)  # (num_items,)
    data = weights.data * scale[weights.indices]
    unit = sparse.csr_array((data, weights.indices, weights.indptr), shape=weights.shape)  # (num_users, num_items)
    # (num_items, num_users) x (num_users, num_items)
    nearest = highest_of_product(
        _plain_matrix(unit.T), _plain_matrix(unit), count=neighbours, above=np.finfo(float).tiny, threads=threads
    )
    found = sparse.csr_array(nearest)
    found.sort_indices()
    return found


def popular_items(weights: sparse.csr_array, *, count: int, highest: float) -> sparse.csr_array:
    """Return scores of the items with most weight, shape (1, num_items).

    Parameters
    ----------
    weights
        Shape (num_users, num_items).
    count
        Number of items with a score.
    highest
        Score of the most popular item; the other scores are in proportion to the weights.
    """
    total = np.asarray(weights.sum(axis=0)).ravel()  # (num_items,)
    chosen = np.argsort(-total, kind="stable")[:count]
    scores = highest * total[chosen] / max(total.max(initial=0.0), np.finfo(float).tiny)  # (count,)
    return sparse.csr_array((scores, (np.zeros_like(chosen), chosen)), shape=(1, len(total)))


def best_items(
    weights: sparse.csr_array,
    similar: sparse.csr_array,
    popular: sparse.csr_array,
    excluded: sparse.csr_array,
    *,
    top_n: int,
    threads: int,
) -> sparse.csr_matrix:
    """Return the items with the highest scores for each user: similarity to the user's items, plus popularity.

    One product of sparse matrices adds both, excludes items and keeps the best only.

    Parameters
    ----------
    weights
        Weights of interactions, shape (num_users, num_items).
    similar
        Similarities of items, shape (num_items, num_items).
    popular
        Scores of items for all users, shape (1, num_items).
    excluded
        1 where an item is excluded for a user, shape (num_users, num_items).

    Returns
    -------
    scipy.sparse.csr_matrix
        Scores above 0, shape (num_users, num_items), at most `top_n` a row.
    """
    num_users, num_items = weights.shape
    if not num_users or not num_items:
        return sparse.csr_matrix((num_users, num_items))
    never = NEVER * sparse.eye_array(num_items)  # (num_items, num_items)
    right = _plain_matrix(sparse.vstack([similar, popular, never]))  # (num_items + 1 + num_items, num_items)

    def best(first: int) -> sparse.csr_matrix:
        some = slice(first, first + USERS_AT_ONCE)
        everybody = sparse.csr_array(np.ones((min(USERS_AT_ONCE, num_users - first), 1)))  # (some_users, 1)
        left = sparse.hstack([weights[some], everybody, excluded[some]])  # (some_users, num_items + 1 + num_items)
        return highest_of_product(_plain_matrix(left), right, count=top_n, above=0.0, threads=threads)

    parts = [best(first) for first in range(0, num_users, USERS_AT_ONCE)]
    return sparse.csr_matrix(sparse.vstack(parts, format="csr"))


def _rarity(weights: sparse.csr_array) -> np.ndarray:
    """Return ln(1 + num_items / items of the user), shape (num_users,): the inverse document frequency."""
    items = np.diff(weights.indptr)  # (num_users,)
    rarity: np.ndarray = np.log1p(weights.shape[1] / np.maximum(items, 1))
    return rarity


def _scaled(weights: sparse.csr_array, by_user: np.ndarray) -> sparse.csr_array:
    """Return weights, shape (num_users, num_items), multiplied by a factor of each user, shape (num_users,)."""
    return sparse.csr_array(sparse.diags_array(by_user) @ weights)


def _plain_matrix(array: sparse.sparray) -> sparse.csr_matrix:
    """Return an array in the format of `highest_of_product`: rows, with 32-bit indices; same shape."""
    return sparse.csr_matrix(array)
