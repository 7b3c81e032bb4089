/*
description: Which variant consumers read, from which run date on; append-only, the latest decision holds.
identifiers: {table: table}
changes: {v1: first version}
*/
CREATE TABLE IF NOT EXISTS `{table}` (
  job STRING NOT NULL,
  variant STRING NOT NULL,
  from_run_date DATE NOT NULL,
  decided_at TIMESTAMP NOT NULL,
  reason STRING NOT NULL
)
CLUSTER BY job
