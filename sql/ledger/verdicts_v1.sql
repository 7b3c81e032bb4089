/*
description: What was decided about champion and challenger, append-only; a first champion has no challenger.
identifiers: {table: table}
changes: {v1: first version}
*/
CREATE TABLE IF NOT EXISTS `{table}` (
  job STRING NOT NULL,
  run_date DATE NOT NULL,
  champion STRING NOT NULL,
  challenger STRING,
  verdict STRING NOT NULL,
  reason STRING,
  n INT64,
  needed_n INT64,
  difference FLOAT64,
  low FLOAT64,
  high FLOAT64
)
PARTITION BY run_date
CLUSTER BY job
