"""Variants that failed while the others of a run went on: told, kept in the bucket, recorded in the ledger."""

from __future__ import annotations

import json
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict

from pipeline.base.digests import digest_json
from pipeline.base.stored_json import record_of
from pipeline.errors import CheckError, PipelineError, RequestError, loggable, quoted
from pipeline.runs.layout import Folder, Kind
from pipeline.runs.ledger.ledger import Event
from pipeline.runs.run import FailedVariant, Run

ERRORS: dict[int, type[PipelineError]] = {error.exit_code: error for error in (RequestError, CheckError)}
"""Errors that the code, bundle or predictions of a variant may cause, by exit code."""

FAILED = "failed"
"""Kind of the event of a variant that failed."""


@contextmanager
def tolerated(run: Run, phase: str, variant: str, model_id: str = "") -> Iterator[None]:
    """Run the body, which is the work of one variant; if the variant fails, warn and let the others go on.

    The failure of the run's leader is raised, because consumers read its predictions. So is every error that no variant
    causes: of the cloud, of permissions, and bugs.

    Parameters
    ----------
    phase
        train, predict or load. The first two keep the reason in the bucket: the account that predicts may not write
        the ledger.
    """
    try:
        yield
    except tuple(ERRORS.values()) as error:
        if variant == run.leader:
            raise
        reason = f"{error.given} - {error.hint}" if error.hint else error.given
        failure = FailedVariant(variant, phase, model_id, reason, error.exit_code)
        if phase != "load":
            content = asdict(failure)
            address = run.layout.failed(phase, variant, model_id, digest_json(content))
            run.session.store.put_json_once(content, address)
        run.failed[variant] = failure
        reporter = run.session.reporter
        reporter.warn(f"{run.run_date} {phase}: {variant} failed, the other variants go on: {reason}")
        if reporter.verbose:
            reporter.say(quoted("".join(traceback.format_exception(error)).rstrip()))


def failures_of(run: Run, lacking: Mapping[str, str], *folders: Folder) -> dict[str, FailedVariant]:
    """Return the newest failures of variants in the phase that each of them lacks.

    Parameters
    ----------
    lacking
        Variant -> the first phase that has not finished it: train, predict or load.
    folders
        Folders whose kept failures are read: models, predictions. They hold all words of a reason, the ledger only
        those that are no values of rows.
    """
    if not lacking:
        return {}
    events = sorted((row for row in run.events() if row["event"] == FAILED), key=lambda row: row["recorded_at"])
    failures = [
        FailedVariant(row["variant"], row["phase"], row["model_id"] or "", **json.loads(row["details"]))
        for row in events
    ]
    failures += [failure for folder in folders for failure in _kept(run, folder)]
    return {failure.variant: failure for failure in failures if lacking.get(failure.variant) == failure.phase}


def failures_before_load(run: Run, variants: set[str]) -> dict[str, FailedVariant]:
    """Return the failures, in train or predict, of variants without a complete set of predictions."""
    if not variants:
        return {}
    trained = {row["variant"] for row in run.events() if (row["phase"], row["event"]) == ("train", "done")}
    lacking = {variant: "predict" if variant in trained else "train" for variant in variants}
    return failures_of(run, lacking, Folder.PREDICTIONS)


def _kept(run: Run, folder: Folder) -> list[FailedVariant]:
    """Return the failures that are kept in a folder of the run, the newest last."""
    objects = sorted(run.session.store.list(run.layout.run_folder(folder)), key=lambda item: item.generation)
    paths = ((item.uri, run.layout.parse(item.uri)) for item in objects)
    uris = [uri for uri, path in paths if path and path.kind in (Kind.TRAIN_FAILED, Kind.PREDICT_FAILED)]
    return [record_of(FailedVariant, run.session.store.read_json(uri), uri) for uri in uris]


def failed_event(failure: FailedVariant) -> Event:
    """Return the event of a failure, without values of rows; each reason is recorded once."""
    reason = " ".join(loggable(failure.reason).split())
    return Event(
        phase=failure.phase,
        event=FAILED,
        key=digest_json([failure.variant, failure.model_id, reason]),
        variant=failure.variant,
        model_id=failure.model_id or None,
        details={"reason": reason, "exit_code": failure.exit_code},
    )


def error_of(failure: FailedVariant) -> PipelineError:
    """Return the error with which a variant failed."""
    return ERRORS[failure.exit_code](f"{failure.variant}: failed in {failure.phase}: {failure.reason}")
