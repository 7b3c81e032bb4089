"""Item similarity of 50,000 users, 10,000 items and 2 million interactions, compared with `implicit`, on two threads.

Both get the same sparse matrix, keep 50 nearest items by cosine, and recommend 20 items to every user, without the
user's own items. Peak memory is measured in a separate process for each. Then the same work is done without
`sparse_dot_topn`, as on Linux aarch64.
"""

from __future__ import annotations

import statistics
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from scipy import sparse

from benchmarks.measuring import elsewhere, high_water, resident
from benchmarks.sizes import Sizes
from jobs.item_recommend import similarity
from jobs.item_recommend.model import FALLBACK
from jobs.item_recommend.product import with_scipy
from jobs.item_recommend.similarity import best_items, nearest_items, popular_items

USERS, ITEMS, NEIGHBOURS, TOP, THREADS = 50_000, 10_000, 50, 20, 2


def drawn(interactions: int) -> sparse.csr_array:
    """Return weights with few popular and many rare items, shape (num_users, num_items)."""
    rng = np.random.default_rng(7)
    item = (rng.pareto(1.1, interactions) * 50).astype(int) % ITEMS
    pair = np.unique(rng.integers(0, USERS, interactions) * ITEMS + rng.permutation(ITEMS)[item])
    weights = rng.integers(1, 6, len(pair)).astype(np.float64)
    places = (pair // ITEMS).astype(np.int32), (pair % ITEMS).astype(np.int32)
    return sparse.csr_array((weights, places), shape=(USERS, ITEMS))


class Ours:
    """The functions of the job."""

    def fit(self, weights: sparse.csr_array) -> None:
        """Learn from weights, shape (num_users, num_items)."""
        self.similar = nearest_items(weights, neighbours=NEIGHBOURS, shrinkage=0.0, threads=THREADS)
        most_seen = int(np.diff(weights.indptr).max())
        self.popular = popular_items(weights, count=TOP + most_seen, highest=FALLBACK)

    def recommend(self, weights: sparse.csr_array) -> sparse.csr_matrix:
        """Return the scores of the best items, shape (num_users, num_items)."""
        seen = sparse.csr_array((np.ones(weights.nnz), weights.indices, weights.indptr), shape=weights.shape)
        return best_items(weights, self.similar, self.popular, seen, top_n=TOP, threads=THREADS)


class WithScipy(Ours):
    """The functions of the job where `sparse_dot_topn` is not installed."""

    def fit(self, weights: sparse.csr_array) -> None:
        with patch.object(similarity, "highest_of_product", with_scipy):
            super().fit(weights)

    def recommend(self, weights: sparse.csr_array) -> sparse.csr_matrix:
        """Scores of the best items, shape (num_users, num_items)."""
        with patch.object(similarity, "highest_of_product", with_scipy):
            return super().recommend(weights)


def as_lists(best: sparse.csr_matrix) -> np.ndarray:
    """Return scores, shape (num_users, num_items), in the order of rank, shape (num_users, 20)."""
    scores = np.zeros((USERS, TOP))
    user = np.repeat(np.arange(USERS), np.diff(best.indptr))
    scores[user, np.arange(best.nnz) - np.repeat(best.indptr[:-1], np.diff(best.indptr))] = best.data
    return scores


class Theirs:
    """`implicit.nearest_neighbours.CosineRecommender`."""

    def __init__(self) -> None:
        from implicit.nearest_neighbours import CosineRecommender

        warnings.filterwarnings("ignore", module="implicit")  # it transposes rows and then warns of columns
        self.model = CosineRecommender(K=NEIGHBOURS, num_threads=THREADS)

    def fit(self, weights: sparse.csr_array) -> None:
        """Learn from weights, shape (num_users, num_items)."""
        self.model.fit(sparse.csr_matrix(weights), show_progress=False)

    def recommend(self, weights: sparse.csr_array) -> np.ndarray:
        """Return the scores of the best items, shape (num_users, 20)."""
        rows = sparse.csr_matrix(weights)
        _, scores = self.model.recommend(np.arange(USERS), rows, N=TOP, filter_already_liked_items=True)
        return np.where(scores > 0, scores, 0.0)


def seconds(call: Any, *arguments: Any) -> tuple[float, Any]:
    """Return the seconds of a call, and its result."""
    started = time.perf_counter()
    result = call(*arguments)
    return time.perf_counter() - started, result


def peak(kind: type, path: Path) -> float:
    """Return the memory that a fit and a recommendation need beyond the data, in MiB."""
    with np.load(path) as parts:
        weights = sparse.csr_array((parts["data"], parts["indices"], parts["indptr"]), shape=(USERS, ITEMS))
    model, before = kind(), resident()
    model.fit(weights)
    model.recommend(weights)
    return high_water() - before


def measure(sizes: Sizes) -> dict[str, float]:
    """Measure all alternately and compare their recommendations.

    Raises
    ------
    RuntimeError
        The recommendations differ.
    """
    weights, fits, speeds, alone = drawn(sizes.interactions), [], [], []
    for number in range(sizes.pairs + 1):
        ours, theirs, scipy = Ours(), Theirs(), WithScipy()
        our_fit, _ = seconds(ours.fit, weights)
        their_fit, _ = seconds(theirs.fit, weights)
        scipy_fit, _ = seconds(scipy.fit, weights)
        our_time, mine = seconds(ours.recommend, weights)
        their_time, other = seconds(theirs.recommend, weights)
        scipy_time, same_as_mine = seconds(scipy.recommend, weights)
        if number:  # the first round is a warm-up
            fits.append(our_fit / their_fit)
            speeds.append(their_time / our_time)
            alone.append((scipy_fit / our_fit, scipy_time / our_time))
    same = other > 0  # without similar items, ours adds popular items
    if not np.allclose(as_lists(mine)[same], other[same], rtol=1e-6, atol=1e-6):
        raise RuntimeError("the two recommend different items")
    if abs(mine - same_as_mine).max() > 1e-12:
        raise RuntimeError("scipy alone recommends different items")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "weights.npz"
        np.savez(path, data=weights.data, indices=weights.indices, indptr=weights.indptr)
        our_peak, their_peak = (elsewhere(peak, kind, path) for kind in (Ours, Theirs))
    slower_fit, slower = (statistics.median(ratios) for ratios in zip(*alone, strict=True))
    return {
        "similarity_fit": statistics.median(fits),
        "similarity_speed": statistics.median(speeds),
        "similarity_memory": our_peak / their_peak,
        "scipy_fit": slower_fit,
        "scipy_speed": slower,
    }
