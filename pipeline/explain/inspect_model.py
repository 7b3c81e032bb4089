"""Contents of a verified bundle; none of its code is loaded."""

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
    """Contents of a verified bundle.

    Parameters
    ----------
    place
        Its folder or address.
    ledger
        Result of the comparison with `models_v1`.
    bundle
        Contents of `bundle.json`.
    variant
        Text of the variant's YAML.
    """

    place: str
    ledger: str
    bundle: Mapping[str, Any]
    variant: str


def inspect_model(place: str, session: Session | None) -> InspectedModel:
    """Verify the bundle at a folder or `gs://` address, and return its contents.

    Parameters
    ----------
    session
        None for a folder: its bundle is compared with its own checksums only.

    Raises
    ------
    CheckError
        A file differs from the bundle's own list, or the bundle from the ledger.
    """
    ledger = "not compared: a folder does not name its target"

    def check(info: BundleInfo) -> None:
        nonlocal ledger
        if session:
            table = session.target.ledger_table("models_v1")
            known = check_known(session, place, info)
            ledger = f"{table} has the same SHA-256" if known else f"not in {table}: made without a job"

    with tempfile.TemporaryDirectory(prefix="bundle-") as name:
        info = fetch_verified(place, session.store if session else None, Path(name), check)
        variant = (Path(name) / "variant.yaml").read_text(encoding="utf-8")
    return InspectedModel(place, ledger, info.content, variant)


def inspection_lines(model: InspectedModel) -> Iterator[str]:
    """Return the contents of a bundle as text."""
    bundle, data = model.bundle, model.bundle["training_data"]
    size = sum(file["size"] for file in bundle["files"].values())
    yield f"{model.place}: model {bundle['model_id']} of {bundle['variant']}"
    yield f"  files      {len(bundle['files'])} files, {size:,} bytes, each with its SHA-256 in bundle.json"
    yield f"  ledger     {model.ledger}"
    yield from (f"  {line}" for line in _run_lines(bundle))
    stored = "stored in the bundle" if data["stored"] else "too large to store"
    yield f"  data       {data['rows']:,} rows x {len(data['columns'])} columns, checksum {data['checksum']}, {stored}"
    for name, digest in bundle["sql_digests"].items():
        yield f"  SQL        {as_written(name)} {digest}"
    yield f"  libraries  {', '.join(f'{name} {version}' for name, version in bundle['libraries'].items())}"
    yield f"  seeds      {', '.join(f'{name} {seed}' for name, seed in bundle['seeds'].items())}"
    yield "  variant.yaml"
    yield from (f"    {line}" for line in model.variant.splitlines())
    for name, file in bundle["files"].items():
        yield f"  {file['sha256'][:16]} {file['size']:>12,}  {name}"


def _run_lines(bundle: Mapping[str, Any]) -> Iterator[str]:
    run = bundle["run"]
    if not run:
        yield "run        none: made from files, without a job"
        return
    yield f"run        {run['run_id']}, uses data known at {run['as_of']}"
    yield f"snapshot   sources as of {run['snapshot_at']}, examples in {run['examples']}"
    commit = f"commit {bundle['commit']}" if bundle["commit"] else "no commit"
    yield f"code       {bundle['code_digest']}, {commit}{', with uncommitted changes' if bundle['dirty'] else ''}"
