/*
description: What happened, one row an event, append-only. `details` is JSON.
identifiers: {table: table}
changes: {v1: first version}
*/
CREATE TABLE IF NOT EXISTS `{table}` (
  event_id STRING NOT NULL,
  job STRING NOT NULL,
  run_date DATE NOT NULL,
  run_id STRING NOT NULL,
  phase STRING NOT NULL,
  event STRING NOT NULL,
  variant STRING,
  model_id STRING,
  uri STRING,
  row_count INT64,
  seconds FLOAT64,
  sql_version STRING,
  sql_digest STRING,
  details STRING,
  recorded_at TIMESTAMP NOT NULL
)
PARTITION BY run_date
CLUSTER BY job, phase
