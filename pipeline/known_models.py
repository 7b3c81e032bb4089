"""Whether a bundle is one that the ledger knows: its own checksums do not tell a bundle that was swapped as a whole."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from pipeline.bundle import BundleInfo
from pipeline.errors import CheckError
from pipeline.model_files import any_bundle
from pipeline.session import Session
from pipeline.statements.ledger import known_models_statement

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
