"""Load: one load job per model into a run table, checks, and one atomic statement that publishes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.errors import CheckError, RequestError
from pipeline.rows.schema import Schema
from pipeline.runs.artefacts.failed_variants import error_of, failed_event, failures_before_load, tolerated
from pipeline.runs.artefacts.predictions import (
    Manifest,
    committed_manifests,
    refuse_changed_files,
    refuse_other_schema,
)
from pipeline.runs.champions import name_champion
from pipeline.runs.check_rules import prediction_checks, rules_of
from pipeline.runs.checks import doubled_keys, judge, refuse_failed
from pipeline.runs.layout import manifest_in
from pipeline.runs.ledger.ledger import Event
from pipeline.runs.ledger.usage import Meter, added
from pipeline.runs.opening import refuse_superseded
from pipeline.runs.phase_labels import in_phase
from pipeline.runs.publication_statements import keyed_profile_statement, publish_statement
from pipeline.runs.publications import finished, is_published, published_slices
from pipeline.runs.run import Run
from pipeline.runs.session import Session
from pipeline.sql import TableName
from pipeline.sql.checks import Check


def load_from_uris(  # noqa: PLR0913 - one call for what is loaded and how it is judged
    session: Session,
    uris: Sequence[str],
    table: TableName,
    schema: Schema,
    key: Sequence[str],
    *,
    step: str,
    rows: int,
    checks: Sequence[Check] = (),
    model: str = "",
) -> dict[str, Any]:
    """Load JSON Lines files into a table, check it, and return its profile: rows, duplicate keys and checksum.

    Parameters
    ----------
    uris
        `gs://` addresses; without any, the table is created empty.
    key
        Columns of which no two rows may have the same values.
    step
        Names the load job.
    rows
        Number of rows in the files.
    checks
        Data checks of the rows.
    model
        Variant that predicted the rows, for errors; without it they name the table and its SQL.

    Raises
    ------
    CheckError
        The number of rows is another one, two rows share a key, or a check failed.
    """
    if uris:
        session.warehouse.load_jsonl(uris, table, schema, step=step, rows=rows)
    else:
        session.warehouse.tables.create(table, schema)
    rules = rules_of(session, table, key, checks)
    profile = session.warehouse.rows(keyed_profile_statement(session, table, key, schema.names, rules))[0]
    origin = model or str(table)
    if profile["duplicate_keys"]:
        message = f"{origin}: {profile['row_count']} rows with {profile['duplicate_keys']} duplicate keys"
        raise CheckError(f"{message}, {doubled_keys(session, table, key)}", hint="give each key one row")
    if profile["row_count"] != rows:
        message = f"{origin}: {profile['row_count']} rows instead of {rows}"
        raise CheckError(message, hint="nothing of it was published; repeat the run with pipeline run --rerun")
    refuse_failed(session, table, key, rules, judge(rules, profile), model=model)
    return profile


def manifests_to_load(run: Run) -> list[Manifest]:
    """Return one complete set of predictions for each variant, in the order of the job's variants.

    Raises
    ------
    RequestError
        No set is complete, or several models predicted for a variant and none of them is the run's own.
    """
    sets: dict[str, list[Manifest]] = {}
    for manifest in committed_manifests(run):
        sets.setdefault(manifest.variant, []).append(manifest)
    if not sets:
        raise RequestError(f"{run.run_id}: no predictions yet", hint="run predict first")
    own: set[str] = set()
    if any(len(rivals) > 1 for rivals in sets.values()):
        # From the ledger, because the account that loads may not be allowed to read bundles.
        own = {row["model_id"] for row in run.events() if (row["phase"], row["event"]) == ("train", "done")}
    order = {variant.id: position for position, variant in enumerate(run.job.variants)}
    return [_chosen(run, sets[variant], own) for variant in sorted(sets, key=lambda name: order.get(name, len(order)))]


def _chosen(run: Run, rivals: Sequence[Manifest], own: Collection[str]) -> Manifest:
    """Return the only set of a variant, or of several the one that the run's own model made."""
    chosen = rivals if len(rivals) == 1 else [manifest for manifest in rivals if manifest.model_id in own]
    if not chosen:
        ids = ", ".join(manifest.model_id for manifest in rivals)
        message = f"{run.run_id}: {len(rivals)} models predicted for {rivals[0].variant}: {ids}"
        raise RequestError(message, hint="train and predict in this run")
    return chosen[0]


@in_phase("load")
def load_run(run: Run, manifests: Sequence[Manifest]) -> dict[str, int]:
    """Publish the predictions of a run, and return the number of published rows by variant.

    All sets are loaded and checked before the first is published. A variant that fails is recorded, and the others are
    published; so are the failures of train and predict.

    Raises
    ------
    RequestError
        A newer generation of the run date was claimed or published meanwhile, so nothing is published by this run.
    """
    _add_failures_before(run, manifests)
    done = finished(run, list(manifests))
    missing = [manifest for manifest in manifests if manifest not in done]
    events: list[Event] = []
    if missing:
        run.done_now.add("load")
        with run.session.reporter.step(f"{run.run_date} load") as notes:
            staged = []
            for manifest in missing:
                with tolerated(run, "load", manifest.variant, manifest.model_id):
                    staged.append(_stage(run, manifest))
            _refuse_failed_champion(run)
            events = [*(_predicted(run, manifest) for manifest in missing), *(_publish(run, each) for each in staged)]
            notes.append(f"{sum(each.manifest.rows for each in staged):,} rows of {len(staged)} models")
        name_champion(run, [manifest for manifest in manifests if manifest.variant not in run.failed])
    run.ledger.record(run.run_date, run.run_id, [*events, *map(failed_event, run.failed.values())])
    return {manifest.variant: manifest.rows for manifest in manifests if manifest.variant not in run.failed}


def _add_failures_before(run: Run, manifests: Sequence[Manifest]) -> None:
    """Add the failures of variants without predictions to the run; another process may have met them."""
    lacking = run.job.variant_ids - {manifest.variant for manifest in manifests} - set(run.failed)
    for failure in failures_before_load(run, lacking).values():
        run.failed[failure.variant] = failure
        message = f"{run.run_date} load: {failure.variant} failed in {failure.phase}, the other variants go on"
        run.session.reporter.warn(f"{message}: {failure.reason}")


def _refuse_failed_champion(run: Run) -> None:
    """Raise the error of the champion in force if it failed: it may have been promoted since the run was claimed."""
    champion = run.ledger.run_start(run.run_date)["champion"] if run.failed else None
    if champion in run.failed:
        raise error_of(run.failed[champion])


def _predicted(run: Run, manifest: Manifest) -> Event:
    """Return predict's event of a complete set, recorded here because the account that predicts may write no table."""
    return Event(
        phase="predict",
        event="done",
        variant=manifest.variant,
        model_id=manifest.model_id,
        uri=manifest_in(run.layout.predictions(manifest.variant, manifest.model_id)),
        row_count=manifest.rows,
        seconds=manifest.seconds,
        details={"rejected": manifest.rejected, "rejects": manifest.rejects},
    )


@dataclass(frozen=True)
class _Staged:
    """A set of predictions in a run table, checked, with what that took."""

    manifest: Manifest
    table: TableName
    checksum: Any
    seconds: float
    spent: Mapping[str, Any]


def _stage(run: Run, manifest: Manifest) -> _Staged:
    session, meter = run.session, Meter(run.session)
    table = run.predictions_table(manifest.variant, manifest.model_id)
    refuse_other_schema(run, manifest)
    refuse_changed_files(run, manifest)
    profile = load_from_uris(
        session,
        manifest.uris,
        table,
        run.job.prediction_schema,
        run.job.spec.prediction_key,
        step=f"{run.run_id}-load-{manifest.model_id}",
        rows=manifest.rows,
        checks=prediction_checks(session, run.job),
        model=manifest.variant,
    )
    refuse_changed_files(run, manifest)
    session.warehouse.tables.label_run_table(table, run.billing_labels("load") | {"model_id": manifest.model_id})
    return _Staged(manifest, table, profile["checksum"], meter.seconds, meter.details())


def _publish(run: Run, staged: _Staged) -> Event:
    session, manifest, meter = run.session, staged.manifest, Meter(run.session)
    values = {
        "run_date": run.run_date,
        "run_id": run.run_id,
        "model_id": manifest.model_id,
        "variant": manifest.variant,
        "generation": run.generation,
    }
    statement = publish_statement(session, run.job, staged.table, values)
    refuse_superseded(run)

    def is_done() -> bool:
        return is_published(manifest, published_slices(run))

    changed = session.warehouse.execute(statement, step=f"{run.run_id}-publish", verify=is_done)
    if not changed and not is_done():
        message = f"{run.run_id}: a newer generation of {manifest.variant} is published"
        raise RequestError(message, hint="nothing was published by this run")
    return Event(
        phase="load",
        event="published",
        variant=manifest.variant,
        model_id=manifest.model_id,
        uri=f"bq://{session.target.table(run.job.predictions_table)}",
        row_count=manifest.rows,
        seconds=round(staged.seconds + meter.seconds, 3),
        sql_version=statement.asset.name,
        sql_digest=statement.asset.digest,
        details={
            "checksum": staged.checksum,
            "generation": run.generation,
            "role": run.job.role_of(manifest.variant),
            **added(staged.spent, meter.details()),
        },
    )
