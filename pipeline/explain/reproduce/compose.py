"""Reproducing a model: its training rows, its fit and its predictions are made again and compared."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pipeline.errors import CheckError, RequestError
from pipeline.explain.changes import change_lines, plain
from pipeline.explain.reproduce.inputs import (
    Side,
    bundle_side,
    compared_training_data,
    input_items,
    project_side,
    rebuilt_examples,
    run_of_bundle,
)
from pipeline.explain.reproduce.outcome import (
    DIFFERENT,
    EQUIVALENT,
    IDENTICAL,
    NOT_COMPARED,
    Item,
    model_item,
    predictions_item,
)
from pipeline.models.bundle import BundleInfo
from pipeline.models.fetch import fetch_verified
from pipeline.models.interface import Model
from pipeline.phases.train import train_from_data
from pipeline.runs.artefacts.models import check_at
from pipeline.runs.artefacts.predictions import committed_manifest
from pipeline.runs.run import Run
from pipeline.runs.session import Session
from pipeline.sql import TableName


@dataclass(frozen=True)
class Reproduction:
    """A model that was trained again.

    Parameters
    ----------
    place
        Address or folder of its bundle.
    items
        The compared items.
    """

    place: str
    model_id: str
    items: Sequence[Item]

    @property
    def verdict(self) -> str:
        """Verdict on the model: that of its predictions, but at best `equivalent` if the bytes of the model differ."""
        verdicts = {item.name: item.verdict for item in self.items}
        same_bytes, predictions = verdicts["model"] == IDENTICAL, verdicts["predictions"]
        if verdicts["data"] == DIFFERENT:
            return DIFFERENT
        if predictions == NOT_COMPARED:
            return IDENTICAL if same_bytes else DIFFERENT
        return EQUIVALENT if predictions == IDENTICAL and not same_bytes else predictions

    @property
    def exit_code(self) -> int:
        """3, the exit code of a failed check, if the model is different; otherwise 0."""
        return CheckError.exit_code if self.verdict == DIFFERENT else 0


def reproduce(session: Session, place: str, *, rebuild: bool) -> Reproduction:
    """Train a model again from its bundle, and compare its inputs, the model and its predictions.

    Code and configuration are those of the session's project, or those of the bundle if the project lacks the job.

    Parameters
    ----------
    place
        Folder or `gs://` address of the bundle; a folder is not compared with the ledger.
    rebuild
        Query the training rows again instead of reading them from the bundle.

    Raises
    ------
    CheckError
        A file differs from the bundle's own checksums, or the bundle from the ledger.
    RequestError
        There are no training rows, or the project no longer has the variant.
    """
    with tempfile.TemporaryDirectory(prefix="bundle-") as name:
        folder = Path(name).resolve()
        info = fetch_verified(place, session.store, folder, check_at(session, place))
        then = bundle_side(session, folder, info)
        now = project_side(session, then, place)
        return Reproduction(place, info.model_id, list(_items(session, folder, info, then, now, rebuild=rebuild)))


def _items(session: Session, folder: Path, info: BundleInfo, then: Side, now: Side, *, rebuild: bool) -> Iterator[Item]:
    run = run_of_bundle(then, info) if info.run else None
    if now.variant is None:
        message = f"variant {info.content['variant']} is not in the project any more"
        raise RequestError(message, hint="bring it back, or reproduce in a folder without the job")
    yield from input_items(info, then, now)
    with _examples(run, rebuild=rebuild) as examples, now.code():
        rebuilt = examples if rebuild and isinstance(examples, TableName) else None
        data, item = compared_training_data(info, folder, run, rebuilt)
        yield item
        with session.reporter.step(f"train {now.variant.name} again"):
            model = train_from_data(now.variant.config, data.frame)
        yield model_item(info, model)
        yield _predictions(info, run, model, examples)


@contextmanager
def _examples(run: Run | None, *, rebuild: bool) -> Iterator[TableName | str]:
    """Yield the table of the run's examples, rebuilt if it is gone; or the reason why there is none."""
    if run is None:
        if rebuild:
            raise RequestError("the model was made without a job: no SQL made its rows", hint="leave out --rebuild")
        yield "made without a job: no run scored anything"
        return
    examples: TableName | str = run.table("examples")
    with ExitStack() as stack:
        if rebuild or not run.session.warehouse.tables.exists(run.table("examples")):
            try:
                examples = stack.enter_context(rebuilt_examples(run))
            except RequestError as error:
                if rebuild:
                    raise
                examples = f"the run's examples are gone and cannot be made again: {error}"
        yield examples


def _predictions(info: BundleInfo, run: Run | None, model: Model, examples: TableName | str) -> Item:
    if run is None or isinstance(examples, str):
        return Item("predictions", NOT_COMPARED, str(examples))
    folder = run.layout.predictions(info.content["variant"], info.model_id)
    manifest = committed_manifest(run, folder)
    if manifest is None:
        return Item("predictions", NOT_COMPARED, f"{folder} holds no complete set of this model")
    return predictions_item(run, manifest, model, examples)


def reproduction_lines(reproduction: Reproduction) -> Iterator[str]:
    """Return a line for each item with its differences below it, and the verdict as the last line."""
    yield f"{reproduction.place}: model {reproduction.model_id}"
    for item in reproduction.items:
        yield f"  {item.name:<14}{item.verdict:<13} {item.summary}"
        for change in item.changes:
            yield from (f"    {line}" for line in change_lines(change, a="the bundle", b="here"))
    differing = ", ".join(item.name for item in reproduction.items if item.changes)
    yield reproduction.verdict + (f"; differences in: {differing}" if differing else "")


def reproduction_json(reproduction: Reproduction) -> dict[str, Any]:
    """Return a reproduction as one JSON object."""
    return {
        "model": reproduction.place,
        "model_id": reproduction.model_id,
        "verdict": reproduction.verdict,
        "items": [plain(asdict(item)) for item in reproduction.items],
    }
