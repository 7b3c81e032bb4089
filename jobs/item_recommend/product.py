"""Products of sparse matrices of which the highest values of each row are kept: compiled, or with scipy alone."""

from __future__ import annotations

from heapq import heappop, heappush
from itertools import pairwise

import numpy as np
from scipy import sparse

try:
    from sparse_dot_topn import sp_matmul_topn  # type: ignore[import,unused-ignore]  # no annotations, or missing
except ModuleNotFoundError:  # there is no wheel for Linux on aarch64
    sp_matmul_topn = None

VALUES_AT_ONCE = 2**20
"""Number of values of a product that `with_scipy` holds at once (12 MiB), unless one row has more."""


def with_sparse_dot_topn(
    left: sparse.csr_matrix, right: sparse.csr_matrix, *, count: int, above: float, threads: int
) -> sparse.csr_matrix:
    """Return the highest values of each row of left x right, with the shapes and values of `with_scipy`."""
    found: sparse.csr_matrix = sp_matmul_topn(left, right, count, threshold=above, sort=True, n_threads=threads)
    return found


def with_scipy(
    left: sparse.csr_matrix,
    right: sparse.csr_matrix,
    *,
    count: int,
    above: float,
    threads: int,  # noqa: ARG001 - rows are chosen in Python: a second thread saved no time, and takes a block more
) -> sparse.csr_matrix:
    """Return the highest values of each row of left x right.

    Of equal values at the cut, it keeps those that `sparse_dot_topn` 1.2 keeps, whose documentation does not say which.
    Both decide each row alone, so threads change nothing.

    Parameters
    ----------
    left
        Shape (num_rows, num_inner).
    right
        Shape (num_inner, num_columns).
    count
        How many values of a row are kept.
    above
        Only values above this, which is 0 or more, are kept.
    threads
        Of no effect here.

    Returns
    -------
    scipy.sparse.csr_matrix
        Shape (num_rows, num_columns), `count` values a row at most, the highest first.
    """
    blocks = [
        _highest_of_rows(left[first:end] @ right, count, above)  # (some_rows, num_columns)
        for first, end in pairwise(_edges(left, right))
    ]
    return sparse.csr_matrix(sparse.vstack(blocks, format="csr"))


highest_of_product = with_scipy if sp_matmul_topn is None else with_sparse_dot_topn


def _edges(left: sparse.csr_matrix, right: sparse.csr_matrix) -> list[int]:
    """Return the rows at which blocks begin, and the end of the last: one block even of no rows."""
    num_rows, num_columns = left.shape[0], right.shape[1]
    summands = np.diff(right.indptr)[left.indices]  # (num_values of left,)
    until = np.concatenate([[0], np.cumsum(summands, dtype=np.int64)])[left.indptr]  # (num_rows + 1,)
    most = np.minimum(np.diff(until), num_columns)  # (num_rows,)
    values = np.concatenate([[0], np.cumsum(most)])  # (num_rows + 1,)
    edges = [0]
    while edges[-1] < max(num_rows, 1):
        first = edges[-1]
        fitting = np.searchsorted(values, values[first] + VALUES_AT_ONCE, side="right") - 1
        edges.append(max(int(fitting), first + 1))
    return edges


def _highest_of_rows(product: sparse.csr_matrix, count: int, above: float) -> sparse.csr_matrix:
    """Return the highest values of each row, shape (some_rows, num_columns)."""
    rows = pairwise(product.indptr.tolist())
    kept = [first + _places(product.data[first:end], count, above) for first, end in rows]
    chosen = np.concatenate([np.zeros(0, dtype=np.intp), *kept])  # (num_kept,)
    ends = np.concatenate([[0], np.cumsum([len(places) for places in kept], dtype=np.intp)])  # (some_rows + 1,)
    return sparse.csr_matrix((product.data[chosen], product.indices[chosen], ends), shape=product.shape)


def _places(values: np.ndarray, count: int, above: float) -> np.ndarray:
    """Return where the highest values of a row are, the highest first, shape (count,) at most."""
    lowest = np.partition(values, -count)[-count] if len(values) > count else -np.inf
    kept = np.flatnonzero((values >= lowest) & (values > above))
    if len(kept) > count:
        kept = np.array(_places_in_heap(values.tolist(), count, above))
    return kept[np.argsort(-values[kept], kind="stable")]


class _Value(float):
    """A value and its place in a row; it is compared as a number, so places decide nothing."""

    place = -1


def _places_in_heap(values: list[float], count: int, above: float) -> list[int]:
    """Return where the values are that a heap of a row's highest values holds at the end.

    `sparse_dot_topn` goes through a row in the order in which scipy's product has it: both add up a row in the same
    way, and go backwards through the columns that they met. A value that is higher than the heap's lowest takes the
    place of that one, so of equal values the first ones come in; which of them have to leave again for higher ones
    depends on where they are in the heap. `heapq` moves values as `std::pop_heap` and `std::push_heap` of GNU's C++
    library do: of two equal children it takes the second, and an equal parent stays where it is.
    """
    heap = [_Value(above)] * count
    for place, value in enumerate(values):
        if value > heap[0]:
            heappop(heap)
            held = _Value(value)
            held.place = place
            heappush(heap, held)
    return sorted(held.place for held in heap if held.place >= 0)
