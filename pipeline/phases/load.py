"""Load: one load job per model into a run table, checks, and one atomic statement that publishes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from pipeline.errors import CheckError
from pipeline.ledger import Event
from pipeline.manifest import Manifest
from pipeline.progress import Stopwatch
from pipeline.runs import Run
from pipeline.schemas import Schema
from pipeline.session import Session
from pipeline.sql_assets import Identifier, TableName


def load_from_uris(
    session: Session, uris: Sequence[str], table: TableName, schema: Schema, key: Sequence[str], *, step: str, rows: int
) -> dict[str, Any]:
    """Load JSON Lines files into a table, check it, and return rows, duplicate keys and checksum.

    Parameters
    ----------
    uris
        `gs://` addresses; with none, the table is made empty.
    rows
        How many rows there must be.

    Raises
    ------
    CheckError
        The rows are not as many as written, or two share a key.
    """
    if uris:
        session.warehouse.load_jsonl(uris, table, schema, step=step)
    else:
        session.warehouse.tables.create(table, schema, None, [])
    identifiers: dict[str, Identifier] = {"table": table, "key": list(key), "columns": schema.names}
    found = session.warehouse.rows(session.statement("phases/keyed_profile_v1", identifiers))[0]
    if found["row_count"] != rows or found["duplicate_keys"]:
        what = (
            f"{table}: {found['row_count']} rows with {found['duplicate_keys']} duplicate keys instead of {rows} rows"
        )
        raise CheckError(what, hint="nothing was published; run the phase before again with --rerun")
    return found


def load_run(run: Run, manifests: Sequence[Manifest]) -> dict[str, int]:
    """Publish the predictions of a run, and return the rows that are published for each variant."""
    done = finished_slices(run)
    missing = [manifest for manifest in manifests if done.get(manifest.variant) != _slice(manifest)]
    if missing:
        run.done_now.add("load")
        with run.session.reporter.step(f"{run.run_date} load") as said:
            events = [_publish(run, manifest) for manifest in missing]
            said.append(f"{sum(manifest.rows for manifest in missing):,} rows of {len(missing)} models")
        _name_first_champion(run, manifests)
        run.ledger.record(run.run_date, run.run_id, events)
    return {manifest.variant: manifest.rows for manifest in manifests}


def published(session: Session, table: TableName, first: date, last: date) -> list[dict[str, Any]]:
    """Return run_date, variant, run_id, model_id and row_count of every published slice."""
    values = {"first_date": first, "last_date": last}
    return session.warehouse.rows(session.statement("phases/published_v1", {"predictions": table}, values))


def published_slices(run: Run) -> dict[str, tuple[str, str, int]]:
    """Return run_id, model_id and rows of each variant's published slice of the run date."""
    table = run.session.warehouse.table(run.job.predictions_table)
    rows = published(run.session, table, run.run_date, run.run_date)
    return {row["variant"]: (row["run_id"], row["model_id"], row["row_count"]) for row in rows}


def finished_slices(run: Run) -> dict[str, tuple[str, str, int]]:
    """Return the published slices whose event stands: without it the load may have ended before a champion was named."""
    events = run.ledger.events(run.run_date, run.run_date)
    recorded = {(event["run_id"], event["model_id"]) for event in events if event["event"] == "published"}
    return {variant: found for variant, found in published_slices(run).items() if found[:2] in recorded}


def _slice(manifest: Manifest) -> tuple[str, str, int]:
    return manifest.run_id, manifest.model_id, manifest.rows


def _publish(run: Run, manifest: Manifest) -> Event:
    watch, warehouse, schema = Stopwatch(), run.session.warehouse, run.job.prediction_schema
    table = run.table(f"predictions__{manifest.variant.replace('@', '_')}__{manifest.model_id}")
    step = f"{run.run_id}-load-{manifest.model_id}"
    key = run.job.spec.prediction_key
    profile = load_from_uris(run.session, manifest.uris, table, schema, key, step=step, rows=manifest.rows)
    warehouse.tables.label_run_table(table, run.labels("load") | {"model_id": manifest.model_id})
    identifiers: dict[str, Identifier] = {
        "predictions": warehouse.table(run.job.predictions_table),
        "loaded": table,
        "columns": schema.names,
    }
    values = {
        "run_date": run.run_date,
        "run_id": run.run_id,
        "model_id": manifest.model_id,
        "variant": manifest.variant,
    }
    statement = run.session.statement("phases/publish_v1", identifiers, values)
    warehouse.execute(
        statement,
        step=f"{run.run_id}-publish",
        labels=run.labels("load"),
        verify=lambda: published_slices(run).get(manifest.variant) == _slice(manifest),
    )
    return Event(
        phase="load",
        event="published",
        key=manifest.model_id,
        variant=manifest.variant,
        model_id=manifest.model_id,
        uri=f"bq://{warehouse.table(run.job.predictions_table)}",
        row_count=manifest.rows,
        seconds=watch.seconds,
        sql_version=statement.asset.name,
        sql_digest=statement.asset.digest,
        details={"checksum": profile["checksum"]},
    )


def _name_first_champion(run: Run, manifests: Sequence[Manifest]) -> None:
    """Make the first complete variant champion where consumers would read nothing otherwise."""
    published_ids = {manifest.variant for manifest in manifests}
    candidates = [v.id for v in run.job.variants if v.name in run.job.spec.variants and v.id in published_ids]
    in_force = run.ledger.run_start(run.run_date)["champion"]
    if not candidates or in_force in {variant.id for variant in run.job.variants}:
        return
    reason = f"{in_force} is no variant of the job any more" if in_force else "first"
    run.ledger.decide_champion(candidates[0], run.run_date, reason)
    run.ledger.record_verdict(run.run_date, candidates[0], "first", reason)
