"""Load: one load job per model into a run table, checks, and one atomic statement that publishes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pipeline.errors import CheckError, RequestError
from pipeline.rows.schema import Schema
from pipeline.runs.artefacts.predictions import Manifest, prediction_folder, refuse_changed_files, refuse_other_schema
from pipeline.runs.champions import name_champion
from pipeline.runs.check_rules import prediction_checks, rules_of
from pipeline.runs.checks import doubled_keys, judge, refuse_failed
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
    """Load JSON Lines files into a table, check it, and return rows, duplicate keys and checksum.

    Parameters
    ----------
    uris
        `gs://` addresses; with none, the table is made empty.
    rows
        How many rows there must be.
    checks
        What they have to be like.

    Raises
    ------
    CheckError
        The rows are not as many as written, two share a key, or a check failed.
    """
    if uris:
        session.warehouse.load_jsonl(uris, table, schema, step=step, rows=rows)
    else:
        session.warehouse.tables.create(table, schema)
    rules = rules_of(session, table, key, checks)
    found = session.warehouse.rows(keyed_profile_statement(session, table, key, schema.names, rules))[0]
    if found["duplicate_keys"]:
        what = f"{table}: {found['row_count']} rows with {found['duplicate_keys']} duplicate keys"
        raise CheckError(f"{what}, {doubled_keys(session, table, key)}", hint="give each key one row")
    if found["row_count"] != rows:
        what = f"{table}: {found['row_count']} rows instead of {rows}"
        raise CheckError(what, hint="nothing was published; repeat the run with pipeline run --rerun")
    refuse_failed(session, table, key, rules, judge(rules, found))
    return found


@in_phase("load")
def load_run(run: Run, manifests: Sequence[Manifest]) -> dict[str, int]:
    """Publish the predictions of a run, and return the rows that are published for each variant.

    Raises
    ------
    RequestError
        A newer generation of the run date was claimed meanwhile: this one is superseded.
    """
    done = finished(run, list(manifests))
    missing = [manifest for manifest in manifests if manifest not in done]
    if missing:
        run.done_now.add("load")
        with run.session.reporter.step(f"{run.run_date} load") as said:
            events = [_publish(run, manifest) for manifest in missing]
            said.append(f"{sum(manifest.rows for manifest in missing):,} rows of {len(missing)} models")
        name_champion(run, manifests)
        run.ledger.record(run.run_date, run.run_id, [*(_predicted(run, each) for each in missing), *events])
    return {manifest.variant: manifest.rows for manifest in manifests}


def _predicted(run: Run, manifest: Manifest) -> Event:
    """Return the event of a complete set: who predicts may write no table, so it is recorded here."""
    return Event(
        phase="predict",
        event="done",
        variant=manifest.variant,
        model_id=manifest.model_id,
        uri=f"{prediction_folder(run, manifest.variant, manifest.model_id)}/manifest.json",
        row_count=manifest.rows,
        seconds=manifest.seconds,
        details={"rejected": manifest.rejected, "rejects": manifest.rejects},
    )


def _publish(run: Run, manifest: Manifest) -> Event:
    meter, warehouse, schema = Meter(run.session), run.session.warehouse, run.job.prediction_schema
    table = run.predictions_table(manifest.variant, manifest.model_id)
    step = f"{run.run_id}-load-{manifest.model_id}"
    key = run.job.spec.prediction_key
    refuse_other_schema(run, manifest)
    refuse_changed_files(run, manifest)
    checks = prediction_checks(run.session, run.job)
    profile = load_from_uris(
        run.session, manifest.uris, table, schema, key, step=step, rows=manifest.rows, checks=checks
    )
    refuse_changed_files(run, manifest)
    warehouse.tables.label_run_table(table, run.labels("load") | {"model_id": manifest.model_id})
    values = {
        "run_date": run.run_date,
        "run_id": run.run_id,
        "model_id": manifest.model_id,
        "variant": manifest.variant,
        "generation": run.generation,
    }
    statement = publish_statement(run.session, run.job, table, values)
    refuse_superseded(run)

    def stands() -> bool:
        return is_published(manifest, published_slices(run))

    changed = warehouse.execute(statement, step=f"{run.run_id}-publish", verify=stands)
    if not changed and not stands():
        what = f"{run.run_id}: a newer generation of {manifest.variant} is published"
        raise RequestError(what, hint="nothing was published by this run")
    return Event(
        phase="load",
        event="published",
        variant=manifest.variant,
        model_id=manifest.model_id,
        uri=f"bq://{run.session.target.table(run.job.predictions_table)}",
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
