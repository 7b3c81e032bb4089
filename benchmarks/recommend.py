"""Item similarity of 50,000 users, 10,000 items and 2 million interactions, compared with `implicit`, on two threads.

Both get the same sparse matrix, keep 50 nearest items by cosine, and recommend 20 items to every user, without the
user's own items. Peak memory is measured in a separate process for each. Then the same work is done without
`sparse_dot_topn`, as on Linux aarch64.
"""

from __future__ import annotations

import multiprocessing
import resource
import statistics
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import psutil
from scipy import sparse

from jobs.item_recommend import similarity
from jobs.item_recommend.model import FALLBACK
from jobs.item_recommend.product import with_scipy
from jobs.item_recommend.similarity import best_items, nearest_items, popular_items

USERS, ITEMS, INTERACTIONS, NEIGHBOURS, TOP, THREADS, PAIRS = 50_000, 10_000, 2_000_000, 50, 20, 2, 5
TARGET_FIT, TARGET_SPEED = 1.2, 3.0


def drawn() -> sparse.csr_array:
    """Return weights with few popular and many rare items, shape (num_users, num_items)."""
    rng = np.random.default_rng(7)
    item = (rng.pareto(1.1, INTERACTIONS) * 50).astype(int) % ITEMS
    pair = np.unique(rng.integers(0, USERS, INTERACTIONS) * ITEMS + rng.permutation(ITEMS)[item])
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


def measured(kind: type, path: Path, line: Any) -> None:
    """Send the memory that a fit and a recommendation need beyond the data, in MiB."""
    with np.load(path) as parts:
        weights = sparse.csr_array((parts["data"], parts["indices"], parts["indptr"]), shape=(USERS, ITEMS))
    model, before = kind(), psutil.Process().memory_info().rss
    model.fit(weights)
    model.recommend(weights)
    line.send(high_water() - before / 1024**2)


def high_water() -> float:
    """Return peak memory of this process in MiB; on Linux `getrusage` would count the parent process, too."""
    if sys.platform == "darwin":
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    (kibibytes,) = (line.split()[1] for line in lines if line.startswith("VmHWM"))
    return int(kibibytes) / 1024


def memory(kind: type, path: Path) -> float:
    """Return the peak memory of a fit and a recommendation in a new process, in MiB."""
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe(duplex=False)
    process = spawn.Process(target=measured, args=(kind, path, theirs))
    process.start()
    peak: float = ours.recv()
    process.join()
    return peak


def report() -> None:
    """Measure all alternately, compare their recommendations, and print the ratios.

    Raises
    ------
    RuntimeError
        The recommendations differ.
    """
    weights, fits, speeds, alone = drawn(), [], [], []
    for number in range(PAIRS + 1):
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
            print(
                f"item similarity of {weights.nnz:,} interactions: fit {our_fit:.2f} s, implicit {their_fit:.2f} s, "
                f"scipy alone {scipy_fit:.2f} s; "
                f"top {TOP} {our_time:.2f} s, implicit {their_time:.2f} s, scipy alone {scipy_time:.2f} s"
            )
    same = other > 0  # without similar items, ours adds popular items
    if not np.allclose(as_lists(mine)[same], other[same], rtol=1e-6, atol=1e-6):
        raise RuntimeError("the two recommend different items")
    if abs(mine - same_as_mine).max() > 1e-12:
        raise RuntimeError("scipy alone recommends different items")
    fit, speed = statistics.median(fits), statistics.median(speeds)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "weights.npz"
        np.savez(path, data=weights.data, indices=weights.indices, indptr=weights.indptr)
        our_peak, their_peak, scipy_peak = (memory(kind, path) for kind in (Ours, Theirs, WithScipy))
    print(f"fit {fit:.2f} of implicit's time (target at most {TARGET_FIT}: {_met(fit <= TARGET_FIT)})")
    print(f"recommending {speed:.1f} times as fast (target at least {TARGET_SPEED}: {_met(speed >= TARGET_SPEED)})")
    print(f"peak memory {our_peak:.0f} MiB, implicit {their_peak:.0f} MiB ({_met(our_peak <= their_peak)})")
    slower_fit, slower = (statistics.median(ratios) for ratios in zip(*alone, strict=True))
    print(
        f"scipy alone: fit {slower_fit:.1f}, recommending {slower:.1f} times as long, peak memory {scipy_peak:.0f} MiB"
    )


def _met(is_met: bool) -> str:  # noqa: FBT001 - a word
    return "met" if is_met else "MISSED"


if __name__ == "__main__":
    report()
