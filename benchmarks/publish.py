"""Seconds that load and publish take over a bare load job and one MERGE of the same file, measured alternately.

Over them it has a marker of the files, checks of the loaded rows, billing labels, and events of the ledger.
"""

from __future__ import annotations

import statistics
import tempfile
from datetime import date, timedelta
from pathlib import Path

from google.cloud import bigquery

from benchmarks.measuring import seconds_of
from benchmarks.scale import DAY, opened_job
from benchmarks.sizes import Sizes
from pipeline.phases.run import make_predictions, run_phase
from pipeline.runs.session import Session

ROWS = 10_000


def measure(sizes: Sizes) -> dict[str, float]:
    """Predict for some days, then publish each day both ways."""
    days = [DAY + timedelta(days=number) for number in range(sizes.pairs + 1)]
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, opened_job(Path(folder), ROWS, days) as (session, job):
        over = []
        for day in days:
            summary = make_predictions(session, job, day, publish=False)
            uris = summary.uris["predictions"]
            ours = seconds_of(lambda day=day: run_phase(session, job, day, "load"))
            hand = seconds_of(lambda day=day, uris=uris: by_hand(session, uris, day))
            over.append(ours - hand)
        return {"publish": statistics.median(over[1:])}  # the first day makes tables


def by_hand(session: Session, uris: list[str], day: date) -> None:
    """Load files and publish their rows, as in a script of one's own."""
    client, target = session.warehouse._client, session.target
    loaded, published = target.run_table("by_hand"), target.table("by_hand_predictions")
    schema = [
        bigquery.SchemaField("id", "INT64", "REQUIRED"),
        bigquery.SchemaField("day", "DATE", "REQUIRED"),
        bigquery.SchemaField("value", "FLOAT64", "REQUIRED"),
    ]
    more = [bigquery.SchemaField("run_date", "DATE")]
    client.create_table(bigquery.Table(str(published), schema=[*more, *schema]), exists_ok=True, timeout=60)
    config = bigquery.LoadJobConfig(
        source_format="NEWLINE_DELIMITED_JSON", schema=schema, write_disposition="WRITE_TRUNCATE"
    )
    client.load_table_from_uri(uris, str(loaded), job_config=config, timeout=60).result(timeout=60)
    merge = f"""MERGE {published.quoted} AS t
        USING (SELECT @run_date AS run_date, id, day, value FROM {loaded.quoted}) AS s ON FALSE
        WHEN NOT MATCHED BY SOURCE AND t.run_date = @run_date THEN DELETE
        WHEN NOT MATCHED THEN INSERT (run_date, id, day, value) VALUES (run_date, id, day, value)"""
    values = [bigquery.ScalarQueryParameter("run_date", "DATE", day)]
    client.query(merge, job_config=bigquery.QueryJobConfig(query_parameters=values), timeout=60).result(timeout=60)
