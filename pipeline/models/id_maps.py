"""Id<->index tables: the ids of the rows and columns of a model's matrices, as JSON Lines."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from pipeline.rows.jsonl import write_jsonl
from pipeline.rows.schema import Schema

ID_MAP = Schema.parse({"index": "INT64 NOT NULL", "id": "STRING NOT NULL"})
"""Columns of an id<->index table, in a bundle and in BigQuery."""


def write_id_map(ids: Sequence[str] | pd.Index, path: Path) -> None:
    """Write an id<->index table, for a model's `save_id_maps(folder)`.

    Parameters
    ----------
    ids
        The ids in the order of their index, shape (ids,).
    path
        `<name>.jsonl` in that folder; `<name>` is the table's name.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    write_jsonl(pd.DataFrame({"index": range(len(ids)), "id": ids}), ID_MAP, path)
