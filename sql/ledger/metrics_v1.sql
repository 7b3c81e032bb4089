/*
description: One row a number, append-only. The overall slice has an empty slice_name.
identifiers: {table: table}
changes: {v1: first version}
*/
CREATE TABLE IF NOT EXISTS `{table}` (
  job STRING NOT NULL,
  run_date DATE NOT NULL,
  run_id STRING NOT NULL,
  model_id STRING NOT NULL,
  variant STRING NOT NULL,
  evaluation_id STRING NOT NULL,
  metric STRING NOT NULL,
  slice_name STRING NOT NULL,
  slice_value STRING NOT NULL,
  n INT64 NOT NULL,
  value FLOAT64,
  low FLOAT64,
  high FLOAT64,
  note STRING,
  sql_version STRING NOT NULL,
  sql_digest STRING NOT NULL,
  evaluated_at TIMESTAMP NOT NULL
)
PARTITION BY run_date
CLUSTER BY job, metric, variant
