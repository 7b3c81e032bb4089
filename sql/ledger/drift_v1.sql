/*
description: >
  How far what a run scored lies from what its models were trained on, one row a number, append-only. Rows of features
  have an empty variant.
identifiers: {table: table}
changes: {v1: first version}
*/
CREATE TABLE IF NOT EXISTS `{table}` (
  job STRING NOT NULL,
  run_date DATE NOT NULL,
  run_id STRING NOT NULL,
  variant STRING NOT NULL,
  feature STRING NOT NULL,
  measure STRING NOT NULL,
  n INT64 NOT NULL,
  value FLOAT64,
  reference FLOAT64,
  threshold FLOAT64,
  is_warning BOOL NOT NULL,
  note STRING,
  sql_version STRING NOT NULL,
  sql_digest STRING NOT NULL,
  measured_at TIMESTAMP NOT NULL
)
PARTITION BY run_date
CLUSTER BY job, measure, feature
