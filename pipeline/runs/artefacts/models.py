"""The committed models of a run, and what the ledger recorded of them."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from pipeline.base.digests import sha256_file
from pipeline.base.stored_json import record_of
from pipeline.cloud.storage.store import Store
from pipeline.errors import CheckError
from pipeline.models.bundle import SCORES, BundleInfo, read_info
from pipeline.models.fetch import TRAIN_AGAIN, any_bundle, check_committed
from pipeline.project.project import Variant
from pipeline.runs.layout import Folder, Kind
from pipeline.runs.ledger.statements import known_models_statement
from pipeline.runs.run import Run
from pipeline.runs.session import Session


@dataclass(frozen=True)
class TrainedModel:
    """A committed model of a run.

    Parameters
    ----------
    variant
        Id of the variant, `<name>@<digest>`.
    model_id
        Digest of model, configuration, data and code.
    uri
        Address of the bundle's folder.
    bundle_digest
        Digest of `bundle.json`.
    training_rows, data_checksum, code_digest
        What it was fitted on and with.
    id_maps
        Rows of its id<->index tables, by name.
    """

    variant: str
    model_id: str
    uri: str
    bundle_digest: str
    training_rows: int
    data_checksum: str
    code_digest: str
    id_maps: dict[str, int] = field(default_factory=dict)

    @property
    def row(self) -> dict[str, Any]:
        """What `models_v1` keeps of it."""
        return {name: value for name, value in asdict(self).items() if name != "id_maps"}


def commit_model(run: Run, variant: Variant, write: Callable[[Path], BundleInfo]) -> TrainedModel:
    """Write a bundle, upload it under a name of this attempt, and commit it; the loser of a race uses the winner's.

    Parameters
    ----------
    write
        Writes the bundle into an empty folder.
    """
    uri = run.layout.new_bundle(variant.id)
    with tempfile.TemporaryDirectory(prefix="bundle-") as name:
        info = write(Path(name))
        _upload(Path(name), uri, run.session.store)
    data = info.content["training_data"]
    made = TrainedModel(
        variant=variant.id,
        model_id=info.model_id,
        uri=uri,
        bundle_digest=info.digest,
        training_rows=data["rows"],
        data_checksum=data["checksum"],
        code_digest=info.content["code_digest"],
        id_maps=info.content["id_maps"],
    )
    marker = run.layout.model(variant.id)
    return record_of(TrainedModel, run.session.store.put_json_once(asdict(made), marker), marker)


def committed_model(run: Run, variant_id: str) -> TrainedModel | None:
    """Return the committed model of a variant, or None."""
    uri = run.layout.model(variant_id)
    marker = run.session.store.read_json(uri)
    return None if marker is None else record_of(TrainedModel, marker, uri)


def committed_models(run: Run) -> list[TrainedModel]:
    """Return the committed models of a run, in the order of the job's variants."""
    found = (committed_model(run, variant.id) for variant in run.job.variants)
    return [model for model in found if model]


def models_there(run: Run) -> list[TrainedModel]:
    """Return the committed models of a run by their markers, whatever variants the job has now."""
    store, layout = run.session.store, run.layout
    paths = (layout.parse(item.uri) for item in store.list(layout.run_folder(Folder.MODELS)))
    markers = [layout.uri(path) for path in paths if path and path.kind is Kind.MODEL]
    return [record_of(TrainedModel, store.read_json(uri), uri) for uri in markers]


def committed_info(model: TrainedModel, store: Store, folder: Path) -> BundleInfo:
    """Return what `bundle.json` of a committed model says, by way of a folder.

    Raises
    ------
    RequestError
        It is gone, or of a schema version that this engine does not know.
    CheckError
        It is not the one that was committed.
    """
    store.download(f"{model.uri}/bundle.json", folder / "bundle.json")
    info = read_info(folder)
    check_committed(model.uri, model.bundle_digest)(info)
    return info


def score_reference(model: TrainedModel, store: Store) -> list[dict[str, Any]]:
    """Return how the scores of a committed model's training rows are distributed; nothing where its bundle lacks that.

    Raises
    ------
    CheckError
        The bundle, or the file, is not the one that was committed.
    """
    with tempfile.TemporaryDirectory(prefix="bundle-") as name:
        folder = Path(name)
        info = committed_info(model, store, folder)
        listed = info.files.get(SCORES)
        if listed is None:
            return []
        path = store.download(f"{model.uri}/{SCORES}", folder / SCORES)
        if listed["sha256"] != sha256_file(path):
            raise CheckError(f"{model.uri}/{SCORES}: not the file that was committed", hint=TRAIN_AGAIN)
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _upload(folder: Path, uri: str, store: Store) -> None:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            store.put_file(path, f"{uri}/{path.relative_to(folder)}")


Recorded = Mapping[str, set[str]]
"""Digests of the bundles that the ledger has for an address."""


def recorded_digests(session: Session, places: Sequence[str]) -> Recorded:
    """Return what the ledger has for addresses of bundles."""
    return _by_address(session.warehouse.rows(known_models_statement(session, places)))


def check_recorded(session: Session, place: str, info: BundleInfo, recorded: Recorded) -> None:
    """Raise unless the ledger has this bundle for its address.

    Raises
    ------
    CheckError
        It has another one, or none.
    """
    digests = recorded.get(place, set())
    if info.digest not in digests:
        table = session.target.ledger_table("models_v1")
        said = f"{table} has another digest" if digests else f"{table} has none for this address"
        hint = "do not use it; train again: pipeline run --rerun"
        raise CheckError(f"{place}: not the bundle that was committed here: {said}", hint=hint)


def check_known(session: Session, place: str, info: BundleInfo) -> bool:
    """Compare a bundle with `models_v1`, and tell whether it stands there; one made without a job never does.

    Parameters
    ----------
    place
        Folder or `gs://` address at which it lies.

    Raises
    ------
    CheckError
        The ledger has another bundle for this address, or says nothing of a bundle that claims a run.
    """
    address = place.rstrip("/")
    found = session.warehouse.rows(known_models_statement(session, [address], info.digest))
    recorded = _by_address(found)
    if address in recorded:
        check_recorded(session, address, info, recorded)
    elif not found and info.run:
        table = session.target.ledger_table("models_v1")
        what = f"{place}: says it is of run {info.run.get('run_id')}, of which {table} knows no such bundle"
        raise CheckError(what, hint="pass the target at which it was trained, or train again")
    return bool(found)


def check_at(session: Session, place: str) -> Callable[[BundleInfo], object]:
    """Return the check of a bundle at a place: a folder says nothing of the target at which it was trained."""
    return partial(check_known, session, place) if place.startswith("gs://") else any_bundle


def _by_address(rows: Sequence[Mapping[str, Any]]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for row in rows:
        found.setdefault(row["uri"], set()).add(row["bundle_digest"])
    return found
