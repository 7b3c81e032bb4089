"""A tiny, seeded shop: users of six tastes, popular and rare items, new users and new items.

The taste of a user decides which items the user views, so the items of similar users predict more than popularity
does. The data has the edge cases of real data: events that arrive twice or late, returns, a robot, and users and
items that appear over time.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import polars as pl

FIRST_DAY, DAYS = dt.date(2026, 1, 1), 60
USERS, ITEMS, TASTES = 240, 120, 6
OWN_TASTE = 0.85
"""Share of a user's views that go to items of the user's own taste."""


def people(rng: np.random.Generator) -> pl.DataFrame:
    """Return users with taste, rate of visits and first day, shape (USERS, 4)."""
    first = np.where(rng.random(USERS) < 0.7, 0, rng.integers(1, DAYS, USERS))
    return pl.DataFrame(
        {
            "user_id": [f"u{number:03d}" for number in range(USERS)],
            "taste": rng.integers(0, TASTES, USERS),
            "visits": rng.gamma(2.0, 0.25, USERS),
            "first": first,
        }
    )


def goods(rng: np.random.Generator) -> pl.DataFrame:
    """Return items with taste, popularity and first day of sale, shape (ITEMS, 4)."""
    return pl.DataFrame(
        {
            "item_id": [f"i{number:03d}" for number in range(ITEMS)],
            "item_taste": np.arange(ITEMS) % TASTES,
            "popularity": 1 / (1 + rng.permutation(ITEMS)) ** 0.6,
            "sold_from": np.where(rng.random(ITEMS) < 0.85, 0, rng.integers(1, DAYS, ITEMS)),
        }
    )


def views(rng: np.random.Generator, users: pl.DataFrame, items: pl.DataFrame) -> pl.DataFrame:
    """Return one row for each view of an item by a user, shape (views, columns)."""
    days = pl.DataFrame({"day": np.arange(DAYS)})
    visits = users.join(days, how="cross").filter(pl.col("day") >= pl.col("first"))
    counted = visits.with_columns(looks=pl.Series(rng.poisson(visits["visits"].to_numpy() * 2)))
    looks = counted.select(pl.all().repeat_by("looks").list.explode()).drop_nulls("looks")
    taste = looks["taste"].to_numpy()
    strays = rng.random(looks.height) >= OWN_TASTE
    taste = np.where(strays, rng.integers(0, TASTES, looks.height), taste)
    return (
        looks.with_columns(item_id=pl.Series(_drawn(rng, taste, items)))
        .join(items, on="item_id")
        .filter(pl.col("day") >= pl.col("sold_from"))
    )


def _drawn(rng: np.random.Generator, taste: np.ndarray, items: pl.DataFrame) -> np.ndarray:
    """Draw an item of each taste by its popularity, shape (views,)."""
    names, kinds = items["item_id"].to_numpy(), items["item_taste"].to_numpy()
    shares = np.where(kinds == np.arange(TASTES)[:, None], items["popularity"].to_numpy(), 0.0)  # (tastes, items)
    upper = np.cumsum(shares / shares.sum(axis=1, keepdims=True), axis=1)  # (tastes, items)
    drawn: np.ndarray = names[(rng.random(len(taste))[:, None] > upper[taste]).sum(axis=1).clip(max=ITEMS - 1)]
    return drawn


def events_of(rng: np.random.Generator, seen: pl.DataFrame) -> pl.DataFrame:
    """Return views, and the carts, purchases and returns that follow some of them, shape (events, 5)."""
    size = seen.height
    second = pl.Series(rng.integers(0, 24 * 3600 - 7200, size))
    start = pl.lit(dt.datetime.combine(FIRST_DAY, dt.time(), dt.UTC))
    view = seen.select(
        "user_id", "item_id", event_time=start + pl.duration(days=pl.col("day")) + pl.duration(seconds=pl.lit(second))
    ).with_columns(chance=pl.Series(rng.random(size)), event_type=pl.lit("view"), quantity=pl.lit(1))
    cart = view.filter(pl.col("chance") < 0.3).with_columns(
        event_type=pl.lit("cart"), event_time=pl.col("event_time") + pl.duration(minutes=5)
    )
    bought = cart.filter(pl.col("chance") < 0.12).with_columns(
        event_type=pl.lit("purchase"), event_time=pl.col("event_time") + pl.duration(minutes=9)
    )
    returned = bought.filter(pl.col("chance") < 0.01).with_columns(
        quantity=pl.lit(-1), event_time=pl.col("event_time") + pl.duration(days=3)
    )
    return pl.concat([view, cart, bought, returned]).drop("chance")


def robot() -> pl.DataFrame:
    """Return the events of a robot that views every item four times on one day, shape (4 * ITEMS, 5)."""
    at = dt.datetime.combine(FIRST_DAY, dt.time(3), dt.UTC) + dt.timedelta(days=20)
    numbers = np.arange(4 * ITEMS)
    return pl.DataFrame({"number": numbers}).select(
        user_id=pl.lit("robot"),
        item_id=pl.format("i{}", (pl.col("number") % ITEMS).cast(pl.String).str.zfill(3)),
        event_time=pl.lit(at) + pl.duration(seconds=pl.col("number")),
        event_type=pl.lit("view"),
        quantity=pl.lit(1),
    )


def write_fixtures(out_dir: Path, seed: int) -> None:
    """Write `shop_events.jsonl`; the same seed gives the same bytes.

    Parameters
    ----------
    out_dir
        Folder of the file; created when it does not exist.
    seed
        Seed of all random numbers.
    """
    rng = np.random.default_rng(seed)
    events = pl.concat([events_of(rng, views(rng, people(rng), goods(rng))), robot()], how="diagonal_relaxed")
    late = pl.Series(np.where(rng.random(events.height) < 0.03, rng.integers(60, 20 * 3600, events.height), 5))
    arrived = events.with_columns(arrival_time=pl.col("event_time") + pl.duration(seconds=pl.lit(late)))
    again = arrived.filter(pl.Series(rng.random(arrived.height) < 0.02)).with_columns(
        arrival_time=pl.col("arrival_time") + pl.duration(hours=2)
    )
    columns = ["user_id", "item_id", "event_type", "event_time", "quantity", "arrival_time"]
    out_dir.mkdir(parents=True, exist_ok=True)
    pl.concat([arrived, again]).select(columns).sort(columns).write_ndjson(out_dir / "shop_events.jsonl")
