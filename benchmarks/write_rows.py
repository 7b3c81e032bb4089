"""Time of writing rows as JSON Lines beside bare polars, and whether every value can be read again exactly."""

from __future__ import annotations

import tempfile
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
from pandas.api.types import is_string_dtype

from benchmarks.measuring import ratio
from benchmarks.sizes import Sizes
from pipeline.rows.jsonl import write_jsonl
from pipeline.rows.schema import Schema

SCHEMA = Schema.parse(
    {
        "id": "INT64 NOT NULL",
        "day": "DATE NOT NULL",
        "name": "STRING NOT NULL",
        "score": "FLOAT64 NOT NULL",
        "part": "FLOAT64",
    }
)


def drawn(rows: int) -> pd.DataFrame:
    """Return rows with doubles of any size, missing ones too, shape (rows, 5)."""
    rng = np.random.default_rng(7)
    days = np.array([date(2026, 1, 1) + timedelta(days=number) for number in range(7)], dtype="datetime64[D]")
    part = rng.normal(size=rows) * 10.0 ** rng.integers(-300, 300, rows)
    part[::10] = np.nan
    return pd.DataFrame(
        {
            "id": rng.permutation(rows).astype(np.int64) * 9_007_199_254_740,
            "day": pd.array(days[rng.integers(0, 7, rows)], dtype=pd.ArrowDtype(pa.date32())),
            "name": pd.array([f"näme {number % 1000}" for number in range(rows)], dtype="string"),
            "score": rng.random(rows),
            "part": part,
        }
    )


def measure(sizes: Sizes) -> dict[str, float]:
    """Measure both alternately, and count wrong values."""
    frame = drawn(sizes.rows)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        path, other = Path(folder) / "ours.jsonl", Path(folder) / "polars.jsonl"

        def bare() -> None:
            pl.from_pandas(frame).write_ndjson(other)

        measured = {"write": ratio(lambda: write_jsonl(frame, SCHEMA, path), bare, sizes.pairs)}
        return measured | {"write_wrong": wrong_values(frame, path)}


def wrong_values(frame: pd.DataFrame, path: Path) -> int:
    """Return the number of values that a file holds otherwise than a frame, shape (rows, 5)."""
    found = pd.read_json(path, lines=True, dtype=False, precise_float=True)
    wrong = 0
    for name in frame:
        # BigQuery reads integers beyond 2^53 from text, so a column with one is text.
        as_text = name == "day" or is_string_dtype(found[name])
        ours = frame[name].astype(str) if as_text else frame[name]
        same = ours.to_numpy(dtype=object, na_value=None) == found[name].to_numpy(dtype=object, na_value=None)
        wrong += int((~same).sum())
    return wrong
