"""Committed models of a run, and the check of a bundle against the digests in the ledger."""

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

Recorded = Mapping[str, set[str]]
"""Digests of the bundles in the ledger, by address."""


@dataclass(frozen=True)
class TrainedModel:
    """A committed model of a run.

    Parameters
    ----------
    variant
        Id of the variant, `<name>@<digest>`.
    model_id
        Digest of model, configuration, data and code.
    uri, bundle_digest
        Address of the bundle's folder, and digest of its `bundle.json`.
    training_rows, data_checksum
        Number and checksum of the rows that it was fitted on.
    id_maps
        Numbers of rows of its id<->index tables, by name.
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
        """The columns of `models_v1`."""
        return {name: value for name, value in asdict(self).items() if name != "id_maps"}


def commit_model(run: Run, variant: Variant, write: Callable[[Path], BundleInfo]) -> TrainedModel:
    """Write a bundle, upload it under a unique name, and commit it; the loser of a race uses the winner's model.

    Parameters
    ----------
    write
        Writes the bundle into an empty folder.
    """
    uri = run.layout.new_bundle(variant.id)
    store, marker = run.session.store, run.layout.model(variant.id)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        info = write(folder)
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                store.put_file(path, f"{uri}/{path.relative_to(folder)}")
    data = info.content["training_data"]
    model = TrainedModel(
        variant=variant.id,
        model_id=info.model_id,
        uri=uri,
        bundle_digest=info.digest,
        training_rows=data["rows"],
        data_checksum=data["checksum"],
        code_digest=info.content["code_digest"],
        id_maps=info.content["id_maps"],
    )
    return record_of(TrainedModel, store.put_json_once(asdict(model), marker), marker)


def committed_model(run: Run, variant_id: str) -> TrainedModel | None:
    """Return the committed model of a variant, or None."""
    uri = run.layout.model(variant_id)
    marker = run.session.store.read_json(uri)
    return None if marker is None else record_of(TrainedModel, marker, uri)


def committed_models(run: Run) -> list[TrainedModel]:
    """Return the committed models of a run, in the order of the job's variants."""
    models = (committed_model(run, variant.id) for variant in run.job.variants)
    return [model for model in models if model]


def models_by_marker(run: Run) -> list[TrainedModel]:
    """Return the committed models of a run from its markers, also of variants that the job no longer has."""
    store, layout = run.session.store, run.layout
    paths = (layout.parse(item.uri) for item in store.list(layout.run_folder(Folder.MODELS)))
    markers = [layout.uri(path) for path in paths if path and path.kind is Kind.MODEL]
    return [record_of(TrainedModel, store.read_json(uri), uri) for uri in markers]


def committed_info(model: TrainedModel, store: Store, folder: Path) -> BundleInfo:
    """Return the `bundle.json` of a committed model, downloaded into a folder.

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


def read_score_reference(model: TrainedModel, store: Store) -> list[dict[str, Any]]:
    """Return the distribution of scores over a committed model's training rows; empty if its bundle lacks it.

    Raises
    ------
    CheckError
        The bundle, or the file, is not the one that was committed.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        info = committed_info(model, store, folder)
        listed = info.files.get(SCORES)
        if listed is None:
            return []
        path = store.download(f"{model.uri}/{SCORES}", folder / SCORES)
        if listed["sha256"] != sha256_file(path):
            raise CheckError(f"{model.uri}/{SCORES}: not the file that was committed", hint=TRAIN_AGAIN)
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def recorded_digests(session: Session, places: Sequence[str]) -> Recorded:
    """Return the digests that the ledger has for bundles at these addresses."""
    return _by_address(session.warehouse.rows(known_models_statement(session, places)))


def check_recorded(session: Session, place: str, info: BundleInfo, recorded: Recorded) -> None:
    """Raise unless the ledger has this bundle for its address.

    Raises
    ------
    CheckError
        The ledger has another bundle or none for this address.
    """
    digests = recorded.get(place, set())
    if info.digest not in digests:
        table = session.target.ledger_table("models_v1")
        reason = f"{table} has another digest" if digests else f"{table} has none for this address"
        message = f"{place}: not the bundle that was committed here: {reason}"
        raise CheckError(message, hint="do not use it; train again: pipeline run --rerun")


def check_known(session: Session, place: str, info: BundleInfo) -> bool:
    """Compare a bundle with `models_v1`, and tell whether it is recorded there; one made without a job never is.

    Parameters
    ----------
    place
        Folder or `gs://` address of the bundle.

    Raises
    ------
    CheckError
        The ledger has another bundle for this address, or lacks a bundle that names a run.
    """
    address = place.rstrip("/")
    rows = session.warehouse.rows(known_models_statement(session, [address], info.digest))
    recorded = _by_address(rows)
    if address in recorded:
        check_recorded(session, address, info, recorded)
    elif not rows and info.run:
        table = session.target.ledger_table("models_v1")
        message = f"{place}: it names run {info.run.get('run_id')}, but {table} has no such bundle"
        raise CheckError(message, hint="pass the target at which it was trained, or train again")
    return bool(rows)


def check_at(session: Session, place: str) -> Callable[[BundleInfo], object]:
    """Return the check of a bundle at a place; a folder passes, because it may come from another target."""
    return partial(check_known, session, place) if place.startswith("gs://") else any_bundle


def _by_address(rows: Sequence[Mapping[str, Any]]) -> dict[str, set[str]]:
    digests: dict[str, set[str]] = {}
    for row in rows:
        digests.setdefault(row["uri"], set()).add(row["bundle_digest"])
    return digests
