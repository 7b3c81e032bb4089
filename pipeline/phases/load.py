"""Load: one load job per model into a run table, checks, and one atomic statement that publishes."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from pipeline.errors import CheckError, RequestError
from pipeline.rows.schema import Schema
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
from pipeline.runs.ledger.usage import Meter
from pipeline.runs.opening import refuse_superseded
from pipeline.runs.phase_labels import in_phase
from pipeline.runs.publication_statements import keyed_profile_statement, publish_statement
from pipeline.runs.publications import finished, is_published, published_slices
from pipeline.runs.run import Run
from pipeline.runs.session import Session
from pipeline.sql import TableName
from pipeline.sql.checks import Check


def load_from_uris(
    session: Session,
    uris: Sequence[str],
    table: TableName,
    schema: Schema,
    key: Sequence[str],
    *,
    step: str,
    rows: int,
    checks: Sequence[Check] = (),
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
    if profile["duplicate_keys"]:
        message = f"{table}: {profile['row_count']} rows with {profile['duplicate_keys']} duplicate keys"
        raise CheckError(f"{message}, {doubled_keys(session, table, key)}", hint="give each key one row")
    if profile["row_count"] != rows:
        message = f"{table}: {profile['row_count']} rows instead of {rows}"
        raise CheckError(message, hint="nothing was published; repeat the run with pipeline run --rerun")
    refuse_failed(session, table, key, rules, judge(rules, profile))
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

    Raises
    ------
    RequestError
        A newer generation of the run date was claimed or published meanwhile, so nothing is published by this run.
    """
    done = finished(run, list(manifests))
    missing = [manifest for manifest in manifests if manifest not in done]
    if missing:
        run.done_now.add("load")
        with run.session.reporter.step(f"{run.run_date} load") as notes:
            events = [_publish(run, manifest) for manifest in missing]
            notes.append(f"{sum(manifest.rows for manifest in missing):,} rows of {len(missing)} models")
        name_champion(run, manifests)
        run.ledger.record(run.run_date, run.run_id, [*(_predicted(run, manifest) for manifest in missing), *events])
    return {manifest.variant: manifest.rows for manifest in manifests}


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


def _publish(run: Run, manifest: Manifest) -> Event:
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
    )
    refuse_changed_files(run, manifest)
    session.warehouse.tables.label_run_table(table, run.billing_labels("load") | {"model_id": manifest.model_id})
    values = {
        "run_date": run.run_date,
        "run_id": run.run_id,
        "model_id": manifest.model_id,
        "variant": manifest.variant,
        "generation": run.generation,
    }
    statement = publish_statement(session, run.job, table, values)
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
        seconds=meter.seconds,
        sql_version=statement.asset.name,
        sql_digest=statement.asset.digest,
        details={
            "checksum": profile["checksum"],
            "generation": run.generation,
            "role": run.job.role_of(manifest.variant),
            **meter.details(),
        },
    )
