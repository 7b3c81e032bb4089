"""Reproducing a model: its rows, its fit and its predictions, once more."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pipeline.errors import CheckError, RequestError
from pipeline.explain.changes import change_lines, plain
from pipeline.explain.reproduce.inputs import input_items
from pipeline.explain.reproduce.outcome import (
    DIFFERENT,
    EQUIVALENT,
    IDENTICAL,
    NOT_COMPARED,
    Item,
    model_item,
    predictions_item,
)
from pipeline.explain.reproduce.rows import Side, bundle_side, fitted_on, rebuilt_examples, run_of_bundle, side_here
from pipeline.models.bundle import BundleInfo
from pipeline.models.contract import Model
from pipeline.models.fetch import fetch_verified
from pipeline.phases.train import train_from_data
from pipeline.runs.artefacts.models import check_at
from pipeline.runs.artefacts.predictions import committed_manifest
from pipeline.runs.run import Run
from pipeline.runs.session import Session
from pipeline.sql import TableName


@dataclass(frozen=True)
class Reproduction:
    """A model that was made again.

    Parameters
    ----------
    place
        Where its bundle lies.
    items
        What was compared.
    """

    place: str
    model_id: str
    items: Sequence[Item]

    @property
    def verdict(self) -> str:
        """What became of the model: that of its predictions, but `equivalent` at best where its bytes are others."""
        verdicts = {item.name: item.verdict for item in self.items}
        same_bytes, predictions = verdicts["model"] == IDENTICAL, verdicts["predictions"]
        if verdicts["data"] == DIFFERENT:
            return DIFFERENT
        if predictions == NOT_COMPARED:
            return IDENTICAL if same_bytes else DIFFERENT
        return EQUIVALENT if predictions == IDENTICAL and not same_bytes else predictions

    @property
    def exit_code(self) -> int:
        """3, as of a check that failed, where the model is another one."""
        return CheckError.exit_code if self.verdict == DIFFERENT else 0


def reproduce(session: Session, place: str, *, rebuild: bool) -> Reproduction:
    """Make a model again from its bundle, and compare what it is made of and what it makes. Nothing is published.

    Code and configuration are those of the session's project; where that has no such job, those of the bundle.

    Parameters
    ----------
    place
        Folder or `gs://` address of the bundle; a folder is not compared with the ledger.
    rebuild
        Make the training rows again by SQL, in place of those that the bundle holds.

    Raises
    ------
    CheckError
        The bundle is not what it says, or not what the ledger knows.
    RequestError
        There are no training rows, or the variant is not here any more.
    """
    with tempfile.TemporaryDirectory(prefix="bundle-") as name:
        folder = Path(name).resolve()
        info = fetch_verified(place, session.store, folder, check_at(session, place))
        then = bundle_side(session, folder, info)
        now = side_here(session, then, place)
        return Reproduction(place, info.model_id, list(_items(session, folder, info, then, now, rebuild=rebuild)))


def _items(session: Session, folder: Path, info: BundleInfo, then: Side, now: Side, *, rebuild: bool) -> Iterator[Item]:
    run = run_of_bundle(then, info) if info.run else None
    if now.variant is None:
        what = f"variant {info.content['variant']} is not in the project any more"
        raise RequestError(what, hint="bring it back, or reproduce in a folder without the job")
    yield from input_items(info, then, now)
    with _examples(run, rebuild=rebuild) as table, now.code():
        again = table if rebuild and isinstance(table, TableName) else None
        data, item = fitted_on(info, folder, run, again)
        yield item
        with session.reporter.step(f"train {now.variant.name} again"):
            model = train_from_data(now.variant.config, data.frame)
        yield model_item(info, model)
        yield _predictions(info, run, model, table)


@contextmanager
def _examples(run: Run | None, *, rebuild: bool) -> Iterator[TableName | str]:
    """Yield the table of the run's examples, made again where it is gone; or why there is none."""
    if run is None:
        if rebuild:
            raise RequestError("the model was made without a job: no SQL made its rows", hint="leave out --rebuild")
        yield "made without a job: no run scored anything"
        return
    table: TableName | str = run.table("examples")
    with ExitStack() as stack:
        if rebuild or not run.session.warehouse.tables.exists(run.table("examples")):
            try:
                table = stack.enter_context(rebuilt_examples(run))
            except RequestError as error:
                if rebuild:
                    raise
                table = f"the run's examples are gone, and cannot be made again: {error}"
        yield table


def _predictions(info: BundleInfo, run: Run | None, model: Model, table: TableName | str) -> Item:
    if run is None or isinstance(table, str):
        return Item("predictions", NOT_COMPARED, str(table))
    folder = run.layout.predictions(info.content["variant"], info.model_id)
    manifest = committed_manifest(run, folder)
    if manifest is None:
        return Item("predictions", NOT_COMPARED, f"{folder} holds no complete set of this model")
    return predictions_item(run, manifest, model, table)


def reproduction_lines(found: Reproduction) -> Iterator[str]:
    """Return a line for each item, what differs below it, and the verdict at the end."""
    yield f"{found.place}: model {found.model_id}"
    for item in found.items:
        yield f"  {item.name:<14}{item.verdict:<13} {item.said}"
        for change in item.changes:
            yield from (f"    {line}" for line in change_lines(change, a="the bundle", b="here"))
    differ = ", ".join(item.name for item in found.items if item.changes)
    yield found.verdict + (f"; what differs: {differ}" if differ else "")


def content_of(found: Reproduction) -> dict[str, Any]:
    """Return a reproduction as JSON holds it."""
    items = [plain(asdict(item)) for item in found.items]
    return {"model": found.place, "model_id": found.model_id, "verdict": found.verdict, "items": items}
