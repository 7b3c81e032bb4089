"""The training frame of a bundle, and its checksum."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq

from pipeline.base.digests import canonical_json, digest_text
from pipeline.rows.schema import arrow_type, pandas_dtype

FILE = "training.parquet"

FRAME_LIMIT = 256 * 1024**2
"""Largest training frame in a bundle, in bytes; beyond, the bundle has the snapshot's coordinates only."""


@dataclass(frozen=True)
class TrainingData:
    """The training frame, shape (rows, columns), and its checksum, computed once for all variants."""

    frame: pd.DataFrame
    checksum: str

    @classmethod
    def of(cls, frame: pd.DataFrame) -> TrainingData:
        """Return a frame, shape (rows, columns), with its checksum."""
        return cls(frame, frame_checksum(frame))

    @cached_property
    def parquet(self) -> bytes:
        """The frame as a Parquet file."""
        content: bytes = self.frame.to_parquet(None, index=False, compression="zstd")
        return content

    def write(self, folder: Path) -> None:
        """Write the frame into a bundle unless it is too large."""
        if self.frame.memory_usage(deep=False).sum() <= FRAME_LIMIT:
            (folder / FILE).write_bytes(self.parquet)


def stored_training_data(folder: Path) -> TrainingData | None:
    """Return the training frame of a bundle; None if it was too large to be stored."""
    path = folder / FILE
    if not path.is_file():
        return None
    # the file records the dtypes of its columns, except for decimals
    decimals = {arrow_type("NUMERIC"): pandas_dtype("NUMERIC")}
    return TrainingData.of(pq.read_table(path).to_pandas(types_mapper=decimals.get))


def frame_checksum(frame: pd.DataFrame) -> str:
    """Return a checksum of a frame, shape (rows, columns), that does not depend on the order of its rows.

    It is the digest of columns, number of rows and the sum of 64-bit row hashes, as 16 hex digits.
    """
    plain = frame.astype({name: "string" for name in frame.columns if frame[name].dtype == "date32[day][pyarrow]"})
    hashes = pd.util.hash_pandas_object(plain, index=False)  # (rows,)
    columns = digest_text(canonical_json([(name, str(dtype)) for name, dtype in frame.dtypes.items()]))
    return hashlib.sha256(f"{columns}{len(frame)}{int(hashes.sum())}".encode()).hexdigest()[:16]
