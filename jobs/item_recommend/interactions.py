"""Interactions as sparse matrices, and the ids that stand for their rows and columns."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import sparse

USER, ITEM, WEIGHT, BOUGHT, SUPPORT = "user_id", "item_id", "weight", "is_bought", "has_support"

Ids = pd.Index
"""Sorted ids; the place of an id is its index in a matrix."""


def ids_of(column: pd.Series) -> Ids:
    """Return the distinct ids of a column, shape (num_rows,), sorted, so that the order of the rows does not matter."""
    ids: Ids = pd.Index(sorted(column.astype(object).unique()), dtype=object)
    return ids


def matrix(df: pd.DataFrame, values: pd.Series, users: Ids, items: Ids) -> sparse.csr_array:
    """Return the sparse matrix of the values of users and items.

    Parameters
    ----------
    df
        Rows of users and items, shape (num_rows, columns); rows of unknown users or items are left out.
    values
        Their values, shape (num_rows,).

    Returns
    -------
    scipy.sparse.csr_array
        Shape (num_users, num_items), columns in order.
    """
    row, column = _places(df[USER], users), _places(df[ITEM], items)  # (num_rows,)
    known = (row >= 0) & (column >= 0)
    data = values.to_numpy(dtype=np.float64)[known]
    filled = sparse.coo_array((data, (row[known], column[known])), shape=(len(users), len(items))).tocsr()
    filled.sort_indices()
    return filled


def _places(names: pd.Series, ids: Ids) -> np.ndarray:
    """Return the index of each name, or -1, shape (num_rows,)."""
    places: np.ndarray = ids.get_indexer(pd.Index(names.astype(object)))
    return places
