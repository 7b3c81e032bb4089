"""Models that recommend items to users: popular items, and items similar to those of a user."""

from __future__ import annotations

from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd
from joblib import cpu_count
from scipy import sparse

from jobs.item_recommend.interactions import BOUGHT, ITEM, SUPPORT, USER, WEIGHT, Ids, ids_of, matrix
from jobs.item_recommend.similarity import WEIGHTINGS, best_items, nearest_items, popular_items
from pipeline import Columns, write_id_map

FALLBACK = 1e-9
"""Score of the most popular item, far below similarities: popularity decides ties and cases without similarities."""


class Popularity:
    """Recommends the items with most weight that a user has not bought.

    Parameters
    ----------
    columns
        Names of the key columns.
    top_n
        Largest number of items for a user.
    """

    popularity_scale = 1.0

    def __init__(self, *, columns: Columns, top_n: int) -> None:
        self.columns = columns
        self.top_n = top_n

    def fit(self, df: pd.DataFrame) -> Self:
        """Learn from interactions, shape (num_interactions, columns); items without support are left out."""
        supported = df[df[SUPPORT].to_numpy(dtype=bool)]
        self.users, self.items = ids_of(df[USER]), ids_of(supported[ITEM])
        weights = matrix(supported, supported[WEIGHT], self.users, self.items)  # (num_users, num_items)
        wanted = self.top_n + _most_bought(df)
        self.popular = popular_items(weights, count=wanted, highest=self.popularity_scale)  # (1, num_items)
        self.similar = self._similar(weights)  # (num_items, num_items)
        return self

    def predict(self, df: pd.DataFrame) -> pd.DataFrame:
        """Return recommendations for the users of interactions, shape (num_interactions, columns).

        Returns
        -------
        pandas.DataFrame
            `user_id`, `rank` from 1, `item_id` and `score`, shape (num_recommendations, 4).
        """
        users = ids_of(df[USER])
        weights = matrix(df, df[WEIGHT], users, self.items)  # (num_users, num_items)
        bought = matrix(df, df[BOUGHT].astype(float), users, self.items)  # (num_users, num_items)
        bought.eliminate_zeros()
        scores = best_items(
            weights, self.similar, self.popular, bought, top_n=self.top_n, threads=cpu_count()
        )  # (num_users, num_items)
        return _as_frame(scores, users, self.items)

    def save_id_maps(self, folder: Path) -> None:
        """Write the id<->index tables of users and items."""
        write_id_map(self.users, folder / "users.jsonl")
        write_id_map(self.items, folder / "items.jsonl")

    def _similar(self, weights: sparse.csr_array) -> sparse.csr_array:
        """Return similarities of items, shape (num_items, num_items): all zero, only popularity counts."""
        return sparse.csr_array((weights.shape[1], weights.shape[1]))


class ItemSimilarity(Popularity):
    """Recommends the items most similar to those of a user, then popular items.

    Parameters
    ----------
    columns, top_n
        As in `Popularity`.
    neighbours
        Number of most similar items that are kept for an item, including the item itself.
    weighting
        How weights of interactions are transformed: `none`, `tf_idf` or `bm25`.
    shrinkage
        Number of users that is added in the denominator of a similarity, see `nearest_items`.
    """

    popularity_scale = FALLBACK

    def __init__(self, *, columns: Columns, top_n: int, neighbours: int, weighting: str, shrinkage: float) -> None:
        super().__init__(columns=columns, top_n=top_n)
        if weighting not in WEIGHTINGS:
            raise ValueError(f"weighting must be one of {', '.join(WEIGHTINGS)}, not {weighting!r}")
        self.neighbours = neighbours
        self.weighting = weighting
        self.shrinkage = shrinkage

    def _similar(self, weights: sparse.csr_array) -> sparse.csr_array:
        """Return the nearest items of each item, shape (num_items, num_items)."""
        if not weights.nnz:
            return super()._similar(weights)
        weighted = WEIGHTINGS[self.weighting](weights)  # (num_users, num_items)
        return nearest_items(weighted, neighbours=self.neighbours, shrinkage=self.shrinkage, threads=cpu_count())


def _most_bought(df: pd.DataFrame) -> int:
    """Return the largest number of items that one user has bought."""
    bought = df.loc[df[BOUGHT].to_numpy(dtype=bool), USER]
    return int(bought.value_counts().max()) if len(bought) else 0


def _as_frame(scores: sparse.csr_matrix, users: Ids, items: Ids) -> pd.DataFrame:
    """Return recommendations, shape (num_recommendations, 4), by user and score; items of equal score by id."""
    user = np.repeat(np.arange(scores.shape[0]), np.diff(scores.indptr))  # (num_recommendations,)
    order = np.lexsort((scores.indices, -scores.data, user))
    first = np.repeat(scores.indptr[:-1], np.diff(scores.indptr))  # (num_recommendations,)
    return pd.DataFrame(
        {
            USER: users[user].astype("string"),
            "rank": np.arange(len(user)) - first + 1,
            ITEM: items[scores.indices[order]].astype("string"),
            "score": scores.data[order],
        }
    )
