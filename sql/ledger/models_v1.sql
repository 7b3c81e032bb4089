/*
description: Every fit of a variant, append-only.
identifiers: {table: table}
changes: {v1: first version}
*/
CREATE TABLE IF NOT EXISTS `{table}` (
  model_id STRING NOT NULL,
  job STRING NOT NULL,
  run_date DATE NOT NULL,
  run_id STRING NOT NULL,
  variant STRING NOT NULL,
  uri STRING NOT NULL,
  bundle_digest STRING NOT NULL,
  training_rows INT64 NOT NULL,
  data_checksum STRING NOT NULL,
  code_digest STRING NOT NULL,
  recorded_at TIMESTAMP NOT NULL
)
PARTITION BY run_date
CLUSTER BY job, variant
