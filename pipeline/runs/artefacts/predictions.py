"""Committed predictions of a run: the files of shards, and the manifest that lists a complete set of them."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from pipeline.base.digests import sha256_file
from pipeline.base.progress import Stopwatch
from pipeline.base.stored_json import record_of
from pipeline.errors import CheckError
from pipeline.rows.jsonl import write_rows
from pipeline.rows.rejects import Split, write_rejects
from pipeline.runs.layout import Folder, Kind, folder_of, manifest_in, marker_in, new_file_in
from pipeline.runs.run import Run

PREDICT_AGAIN = "nothing was published; make the predictions again with pipeline run --rerun"


@dataclass(frozen=True)
class ShardFile:
    """One committed file of predictions.

    Parameters
    ----------
    rows
        Rows in it; 0 for an empty shard.
    size, crc32c, generation
        Bytes, checksum and generation of the object when it was committed, as Cloud Storage writes them.
    sha256
        SHA-256 of the content in hex.
    rejected
        Rows of the shard that do not fit the prediction schema and are not in the file.
    rejects
        Address of the file that describes them; empty without rejected rows.
    seconds
        Time to read the shard's rows, to score and to write them.
    read
        Rows to score that were read for it; None in files of versions that did not count them.
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
    read: int | None = None

    @property
    def coordinates(self) -> tuple[int, int, str]:
        """Generation, size and checksum, which only the committed object has."""
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
        """Seconds of all shards, in any process."""
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


def commit_shard(
    run: Run, folder: str, shard: int, split: Split, watch: Stopwatch | None = None, *, read: int | None = None
) -> ShardFile:
    """Write one shard, upload it under a unique name, and commit it by a marker that is created once.

    Rejected rows are described in a second file, in the folder of rejects.

    Parameters
    ----------
    split
        Predictions of the shard, split by the prediction schema.
    watch
        Started with the work on this shard.
    read
        Number of rows to score that were read.

    Returns
    -------
    ShardFile
        The committed file: that of the winner if another process was faster.
    """
    schema, store = run.job.prediction_schema, run.session.store
    shards = run.job.spec.predictions.shards
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "shard.jsonl"
        rows = write_rows(split.rows, schema, path)
        stored = store.put_file(path, new_file_in(folder, shard, shards))
        file = ShardFile(
            shard=shard,
            uri=stored.uri,
            rows=rows,
            size=stored.size,
            crc32c=stored.crc32c,
            generation=stored.generation,
            sha256=sha256_file(path),
            schema_digest=schema.digest,
            rejected=len(split.rejects),
            rejects=_put_rejects(run, stored.uri, split) if len(split.rejects) else "",
            seconds=watch.seconds if watch else 0.0,
            read=read,
        )
    marker = marker_in(folder, shard, shards)
    return record_of(ShardFile, store.put_json_once(asdict(file), marker), marker)


def _put_rejects(run: Run, shard_uri: str, split: Split) -> str:
    """Upload the description of a shard's rejected rows, and return its address."""
    uri = run.layout.rejects(shard_uri)
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "rejects.jsonl"
        write_rejects(split, run.job.spec.prediction_key, uri.rsplit("/", 1)[-1], path)
        return run.session.store.put_file(path, uri).uri


def committed_shards(run: Run, folder: str, among: Iterable[int] | None = None) -> dict[int, ShardFile]:
    """Return the committed shards of a folder by number, all or those among some; each marker is read."""
    store, committed, shards = run.session.store, shard_numbers(run, folder), run.job.spec.predictions.shards
    wanted = committed if among is None else among
    markers = {shard: marker_in(folder, shard, shards) for shard in wanted if shard in committed}
    return {shard: record_of(ShardFile, store.read_json(uri), uri) for shard, uri in markers.items()}


def shard_numbers(run: Run, folder: str) -> set[int]:
    """Return the numbers of the committed shards of a folder, from one listing; no marker is read."""
    shards = run.job.spec.predictions.shards
    uris = {item.uri for item in run.session.store.list(f"{folder}/")}
    return {shard for shard in range(shards) if marker_in(folder, shard, shards) in uris}


def shard_counts(run: Run) -> dict[str, int]:
    """Return the number of committed shards in each folder of a run's predictions."""
    return dict(Counter(folder_of(uri) for uri in _uris(run, Kind.SHARD)))


def commit_manifest(run: Run, folder: str, manifest: Manifest) -> Manifest:
    """Create the manifest of a complete set, or return the one that was there first."""
    uri = manifest_in(folder)
    return record_of(Manifest, run.session.store.put_json_once(asdict(manifest), uri), uri)


def committed_manifest(run: Run, folder: str) -> Manifest | None:
    """Return the manifest in a folder, or None."""
    uri = manifest_in(folder)
    content = run.session.store.read_json(uri)
    return None if content is None else record_of(Manifest, content, uri)


def committed_manifests(run: Run) -> list[Manifest]:
    """Return the manifests of all complete sets of predictions of a run."""
    return [record_of(Manifest, run.session.store.read_json(uri), uri) for uri in _uris(run, Kind.MANIFEST)]


def _uris(run: Run, kind: Kind) -> list[str]:
    objects = run.session.store.list(run.layout.run_folder(Folder.PREDICTIONS))
    paths = ((item.uri, run.layout.parse(item.uri)) for item in objects)
    return [uri for uri, path in paths if path and path.kind is kind]


def refuse_changed_files(run: Run, manifest: Manifest) -> None:
    """Raise if a file of a manifest is not the committed object, because a load job cannot name generations.

    Raises
    ------
    CheckError
        A file is missing, or another object is in its place.
    """
    folder = run.layout.predictions(manifest.variant, manifest.model_id)
    objects = {item.uri: item for item in run.session.store.list(f"{folder}/")}
    for shard in manifest.shards:
        item = objects.get(shard.uri)
        if item is None or (item.generation, item.size, item.crc32c) != shard.coordinates:
            message = f"{shard.uri}: {'another object is in its place' if item else 'missing'} since it was committed"
            raise CheckError(message, hint=PREDICT_AGAIN)


def refuse_other_schema(run: Run, manifest: Manifest) -> None:
    """Raise if a file of a manifest has other columns than the table that it is loaded into.

    Raises
    ------
    CheckError
        The digests of the prediction schemas differ.
    """
    for shard in manifest.shards:
        if shard.schema_digest != run.job.prediction_schema.digest:
            message = f"{shard.uri}: written with another prediction schema than that of {run.run_id}"
            raise CheckError(message, hint=PREDICT_AGAIN)
