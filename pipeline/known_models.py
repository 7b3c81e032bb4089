"""Whether a bundle is one that the ledger knows: its own checksums do not tell a bundle that was swapped as a whole."""

from __future__ import annotations

from pipeline.bundle import BundleInfo
from pipeline.errors import CheckError
from pipeline.session import Session
from pipeline.statements.ledger import known_models_statement


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
    found = session.warehouse.rows(known_models_statement(session, place.rstrip("/"), info.digest))
    if any(row["bundle_digest"] == info.digest for row in found):
        return True
    table = session.target.ledger_table("models_v1")
    if found:
        what = f"{place}: not the bundle that was committed here: {table} has another digest"
        raise CheckError(what, hint="do not use it; train again: pipeline run --rerun")
    if info.run:
        what = f"{place}: says it is of run {info.run.get('run_id')}, of which {table} knows no such bundle"
        raise CheckError(what, hint="pass the target at which it was trained, or train again")
    return False
