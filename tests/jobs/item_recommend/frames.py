"""Interactions, in the columns that the engine passes to a model."""

from __future__ import annotations

import numpy as np
import pandas as pd


def interactions(*rows):
    """Return users, items and weights, shape (rows, 5); `!` marks bought items, `?` items without support."""
    frame = pd.DataFrame(rows, columns=["user_id", "item_id", "weight"])
    bought, weak = frame["item_id"].str.endswith("!"), frame["item_id"].str.endswith("?")
    frame["item_id"] = frame["item_id"].str.rstrip("!?")
    return frame.assign(is_bought=bought, has_support=~weak)


def crowd(users: int = 300, items: int = 80, size: int = 3000) -> pd.DataFrame:
    """Return random interactions without duplicate pairs, shape (size, 5)."""
    rng = np.random.default_rng(0)
    chosen = rng.choice(users * items, size, replace=False)
    return pd.DataFrame(
        {
            "user_id": pd.array([f"u{number}" for number in chosen // items], dtype="string"),
            "item_id": pd.array([f"i{number}" for number in chosen % items], dtype="string"),
            "weight": rng.gamma(2.0, size=size),
            "is_bought": rng.random(size) < 0.1,
            "has_support": True,
        }
    )
