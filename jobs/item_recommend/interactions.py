"""Interactions as sparse matrices, and the ids that stand for their rows and columns."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import sparse

USER, ITEM, WEIGHT, BOUGHT, SUPPORT = "user_id", "item_id", "weight", "is_bought", "has_support"

Ids = pd.Index
"""Sorted ids; the place of an id is its index in a matrix."""


def ids_of(column: pd.Series) -> Ids:
    """Return the ids of a column, each once, sorted: the same whatever the order of the rows."""
    found: Ids = pd.Index(sorted(column.astype(object).unique()), dtype=object)
    return found


def matrix(df: pd.DataFrame, values: pd.Series, users: Ids, items: Ids) -> sparse.csr_array:
    """Return a value for each user and item.

    Parameters
    ----------
    df
        Rows of users and items, shape (num_rows, columns); rows of other users or items are left out.
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
    found = sparse.coo_array((data, (row[known], column[known])), shape=(len(users), len(items))).tocsr()
    found.sort_indices()
    return found


def _places(names: pd.Series, ids: Ids) -> np.ndarray:
    """Return the index of each name, or -1, shape (num_rows,)."""
    found: np.ndarray = ids.get_indexer(pd.Index(names.astype(object)))
    return found
