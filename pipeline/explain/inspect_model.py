"""What a verified bundle says of itself; none of its code is loaded."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.models.bundle import BundleInfo
from pipeline.models.fetch import fetch_verified
from pipeline.runs.artefacts.models import check_known
from pipeline.runs.identity import as_written
from pipeline.runs.session import Session


@dataclass(frozen=True)
class InspectedModel:
    """A verified bundle.

    Parameters
    ----------
    place
        Where it lies.
    ledger
        What `models_v1` says of it.
    bundle
        What `bundle.json` holds.
    variant
        The variant's YAML.
    """

    place: str
    ledger: str
    bundle: Mapping[str, Any]
    variant: str


def inspect_model(place: str, session: Session | None) -> InspectedModel:
    """Verify the bundle at a folder or `gs://` address, and return what it says.

    Parameters
    ----------
    session
        None for a folder: its bundle is compared with its own checksums only.

    Raises
    ------
    CheckError
        A file is not the one that the bundle lists, or the bundle is not the one that the ledger knows.
    """
    with tempfile.TemporaryDirectory(prefix="bundle-") as name:
        said = ["not compared: a folder says nothing of its target"]

        def check(info: BundleInfo) -> None:
            if session:
                table = session.target.ledger_table("models_v1")
                known = check_known(session, place, info)
                said.append(f"{table} has the same SHA-256" if known else f"not in {table}: made without a job")

        info = fetch_verified(place, session.store if session else None, Path(name), check)
        variant = (Path(name) / "variant.yaml").read_text(encoding="utf-8")
        return InspectedModel(place, said[-1], info.content, variant)


def as_lines(found: InspectedModel) -> Iterator[str]:
    """Return a bundle as people read it."""
    bundle, data = found.bundle, found.bundle["training_data"]
    size = sum(file["size"] for file in bundle["files"].values())
    yield f"{found.place}: model {bundle['model_id']} of {bundle['variant']}"
    yield f"  files      {len(bundle['files'])} files, {size:,} bytes, each with the SHA-256 that bundle.json lists"
    yield f"  ledger     {found.ledger}"
    yield from (f"  {line}" for line in _run_lines(bundle))
    kept = "kept in the bundle" if data["stored"] else "too large to be kept"
    yield f"  data       {data['rows']:,} rows x {len(data['columns'])} columns, checksum {data['checksum']}, {kept}"
    for name, digest in bundle["sql_digests"].items():
        yield f"  SQL        {as_written(name)} {digest}"
    yield f"  libraries  {', '.join(f'{name} {version}' for name, version in bundle['libraries'].items())}"
    yield f"  seeds      {', '.join(f'{name} {seed}' for name, seed in bundle['seeds'].items())}"
    yield "  variant.yaml"
    yield from (f"    {line}" for line in found.variant.splitlines())
    for name, file in bundle["files"].items():
        yield f"  {file['sha256'][:16]} {file['size']:>12,}  {name}"


def _run_lines(bundle: Mapping[str, Any]) -> Iterator[str]:
    run = bundle["run"]
    if not run:
        yield "run        none: made from files, without a job"
        return
    yield f"run        {run['run_id']}, knows what was known at {run['as_of']}"
    yield f"snapshot   sources as they were at {run['snapshot_at']}, examples in {run['examples']}"
    commit = f"commit {bundle['commit']}" if bundle["commit"] else "no commit"
    yield f"code       {bundle['code_digest']}, {commit}{', files differ from it' if bundle['dirty'] else ''}"
