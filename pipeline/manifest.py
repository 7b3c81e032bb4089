"""The manifest: the list of files that make a complete set of predictions."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class ShardFile:
    """One committed file of predictions.

    Parameters
    ----------
    shard
        Number of the shard.
    uri
        Address of the file.
    rows
        Rows in it; 0 for an empty shard.
    size
        Bytes.
    crc32c
        Checksum as Cloud Storage writes it.
    generation
        Generation of the object when it was committed.
    sha256
        SHA-256 of the content in hex.
    schema_digest
        Digest of the prediction schema.
    rejected
        Rows of the shard that do not fit the prediction schema, and are not in the file.
    rejects
        Address of the file that describes them, empty when there are none.
    seconds
        What it took to read the shard's rows, to score and to write them.
    """

    shard: int
    uri: str
    rows: int
    size: int
    crc32c: str
    generation: int
    sha256: str
    schema_digest: str
    rejected: int = 0
    rejects: str = ""
    seconds: float = 0.0

    @property
    def coordinates(self) -> tuple[int, int, str]:
        """Generation, size and checksum: what an object must have to be this file."""
        return self.generation, self.size, self.crc32c


@dataclass(frozen=True)
class Manifest:
    """All shards of one model's predictions for a run."""

    run_id: str
    model_id: str
    variant: str
    shards: tuple[ShardFile, ...]

    @property
    def rows(self) -> int:
        """Rows of all shards."""
        return sum(shard.rows for shard in self.shards)

    @property
    def seconds(self) -> float:
        """What its shards took, in whichever process."""
        return round(sum(shard.seconds for shard in self.shards), 3)

    @property
    def uris(self) -> list[str]:
        """Addresses of the files that hold rows."""
        return [shard.uri for shard in self.shards if shard.rows]

    @property
    def rejected(self) -> int:
        """Rows of all shards that do not fit the prediction schema."""
        return sum(shard.rejected for shard in self.shards)

    @property
    def rejects(self) -> list[str]:
        """Addresses of the files that describe rejected rows."""
        return [shard.rejects for shard in self.shards if shard.rejects]

    def as_json(self) -> dict[str, Any]:
        """Return the manifest as JSON holds it."""
        return asdict(self)
