"""A run date of flight_delay by hand: one script with Google's clients, without claims, markers and ledger.

It does the same work as `pipeline run`: the same SQL, the same four models, their files, predictions as JSON Lines,
one load job and one MERGE for each model.

Usage: python -m benchmarks.by_hand RUN_DATE BIGQUERY GRPC STORAGE
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # as the pipeline does, so that a fit is the same work

import grpc
import joblib
import pandas as pd
import polars as pl
import yaml
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery, storage
from google.cloud.bigquery_storage_v1 import BigQueryReadClient, types
from google.cloud.bigquery_storage_v1.services.big_query_read.transports import BigQueryReadGrpcTransport

from jobs.flight_delay import baselines, model
from pipeline.model_config import Columns

PROJECT, BUCKET, DATASET, RUNS = "pipeline-local", "pipeline-local", "ml", "ml_runs"
KEY = ["flight_date", "carrier", "flight", "origin"]
KEY_SQL = ", ".join(KEY)
SOURCES = ("flights_schedule", "flight_outcomes", "weather", "planes", "airports")
COLUMNS = [
    bigquery.SchemaField(name, kind, "REQUIRED")
    for name, kind in zip([*KEY, "score"], ["DATE", "STRING", "INT64", "STRING", "FLOAT64"], strict=True)
]


def sql_of(path: str) -> str:
    """Return a SQL file as a query of the source tables."""
    body = re.sub(r"\A/\*.*?\*/", "", Path("sql", path).read_text(), count=1, flags=re.DOTALL)
    for source in SOURCES:
        body = body.replace(f"`{{{source}}}`", f"`{PROJECT}.{DATASET}.{source}`")
    return body


def parameters(run_date: date) -> list[bigquery.ScalarQueryParameter]:
    """Return the query parameters of a run date."""
    spec = yaml.safe_load(Path("jobs/flight_delay/job.yaml").read_text())
    history = spec["examples"]["history_days"]
    values = {
        "as_of": ("TIMESTAMP", datetime.combine(run_date, datetime.min.time(), tzinfo=ZoneInfo(spec["time_zone"]))),
        "run_date": ("DATE", run_date),
        "first_date": ("DATE", run_date - timedelta(days=history)),
        "last_date": ("DATE", run_date),
        "time_zone": ("STRING", spec["time_zone"]),
        "history_days": ("INT64", history),
    }
    for name, value in {**spec["examples"]["parameters"], **spec["labels"]["parameters"]}.items():
        values[name] = ({float: "FLOAT64", int: "INT64", str: "STRING"}[type(value)], value)
    return [bigquery.ScalarQueryParameter(name, kind, value) for name, (kind, value) in values.items()]


def make_examples(client: bigquery.Client, run_date: date) -> str:
    """Make the examples of a run date and return their table."""
    table = f"{PROJECT}.{RUNS}.by_hand_{run_date:%Y%m%d}"
    query = f"""CREATE OR REPLACE TABLE `{table}` AS
        SELECT e.*, l.label, e.example_as_of = @as_of AS _scores
        FROM ({sql_of("flight_delay/preprocess/examples_v1.sql")}) AS e
        LEFT JOIN ({sql_of("flight_delay/evaluate/labels_v1.sql")}) AS l USING ({KEY_SQL})"""
    config = bigquery.QueryJobConfig(query_parameters=parameters(run_date))
    client.query(query, job_config=config, timeout=60).result(timeout=60)
    return table


def read(table: str, where: str, address: str) -> pd.DataFrame:
    """Return rows of a table through the Storage Read API, shape (rows, columns)."""
    channel = grpc.insecure_channel(address, options=[("grpc.max_receive_message_length", -1)])
    client = BigQueryReadClient(transport=BigQueryReadGrpcTransport(channel=channel))
    project, dataset, name = table.split(".")
    session = client.create_read_session(
        parent=f"projects/{project}",
        read_session=types.ReadSession(
            table=f"projects/{project}/datasets/{dataset}/tables/{name}",
            data_format=types.DataFormat.ARROW,
            read_options=types.ReadSession.TableReadOptions(row_restriction=where),
        ),
    )
    frames = [client.read_rows(stream.name).to_dataframe(session) for stream in session.streams]
    frame = pd.concat(frames, ignore_index=True)
    strings = {name: "string" for name in frame.columns if frame[name].dtype == "str" or frame[name].dtype == object}
    return frame.astype({name: kind for name, kind in strings.items() if name != "flight_date"})


def models() -> dict[str, object]:
    """Return the unfitted models by variant."""
    classes = {
        "gradient_boosting": model.FlightDelay,
        "logistic_regression": model.LogisticFlightDelay,
        "constant_rate": baselines.ConstantRate,
        "carrier_hour_rate": baselines.CarrierHourRate,
    }
    columns = Columns(key=KEY, label="label")
    params = {name: yaml.safe_load(Path(f"jobs/flight_delay/{name}.yaml").read_text())["params"] for name in classes}
    return {name: model_class(columns=columns, **params[name]) for name, model_class in classes.items()}


def publish(client: bigquery.Client, bucket: storage.Bucket, predictions: Path, run_date: date, variant: str) -> None:
    """Upload, load and publish the predictions of a variant."""
    name = f"by_hand/{run_date}/{variant}/{predictions.name}"
    bucket.blob(name).upload_from_filename(str(predictions), timeout=60)
    loaded, published = f"{PROJECT}.{RUNS}.by_hand_{variant}", f"{PROJECT}.{DATASET}.by_hand_predictions"
    config = bigquery.LoadJobConfig(
        source_format="NEWLINE_DELIMITED_JSON", schema=COLUMNS, write_disposition="WRITE_TRUNCATE"
    )
    client.load_table_from_uri(f"gs://{BUCKET}/{name}", loaded, job_config=config, timeout=60).result(timeout=60)
    columns = f"run_date, variant, {KEY_SQL}, score"
    merge = f"""MERGE `{published}` AS t
        USING (SELECT @run_date AS run_date, @variant AS variant, {KEY_SQL}, score FROM `{loaded}`) AS s ON FALSE
        WHEN NOT MATCHED BY SOURCE AND t.run_date = @run_date AND t.variant = @variant THEN DELETE
        WHEN NOT MATCHED THEN INSERT ({columns}) VALUES ({columns})"""
    values = [
        bigquery.ScalarQueryParameter("run_date", "DATE", run_date),
        bigquery.ScalarQueryParameter("variant", "STRING", variant),
    ]
    config = bigquery.QueryJobConfig(query_parameters=values)
    client.query(merge, job_config=config, timeout=60).result(timeout=60)


def main(run_date: date, rest: str, grpc_address: str, gcs: str) -> None:
    """Run a run date on the emulators at these addresses."""
    credentials = AnonymousCredentials()
    client = bigquery.Client(PROJECT, credentials, location="US", client_options={"api_endpoint": rest})
    bucket = storage.Client(PROJECT, credentials, client_options={"api_endpoint": gcs}).bucket(BUCKET)
    extra = [bigquery.SchemaField("run_date", "DATE"), bigquery.SchemaField("variant", "STRING")]
    table = bigquery.Table(f"{PROJECT}.{DATASET}.by_hand_predictions", schema=[*extra, *COLUMNS])
    client.create_table(table, exists_ok=True, timeout=60)
    examples = make_examples(client, run_date)
    training = read(examples, "NOT _scores AND label IS NOT NULL", grpc_address).sort_values(KEY, ignore_index=True)
    scoring = read(examples, "_scores", grpc_address).sort_values(KEY, ignore_index=True)
    with tempfile.TemporaryDirectory() as folder:
        for name, unfitted in models().items():
            fitted = unfitted.fit(training)
            joblib.dump(fitted, Path(folder) / f"{name}.joblib", compress=3)
            path = Path(folder) / f"{name}.joblib"
            bucket.blob(f"by_hand/{run_date}/{name}/model.joblib").upload_from_filename(str(path), timeout=60)
            predictions = Path(folder) / f"{name}.jsonl"
            pl.from_pandas(fitted.predict(scoring)[[*KEY, "score"]]).write_ndjson(predictions)
            publish(client, bucket, predictions, run_date, name)


if __name__ == "__main__":
    main(date.fromisoformat(sys.argv[1]), *sys.argv[2:5])
