/*
description: >
  Champion beside challenger, one row a metric, run date and challenger, append-only. Both values are those of the
  entities that both predicted; `difference` is challenger minus champion.
identifiers: {table: table}
changes: {v1: first version}
*/
CREATE TABLE IF NOT EXISTS `{table}` (
  job STRING NOT NULL,
  run_date DATE NOT NULL,
  run_id STRING NOT NULL,
  evaluation_id STRING NOT NULL,
  champion STRING NOT NULL,
  challenger STRING NOT NULL,
  metric STRING NOT NULL,
  n INT64 NOT NULL,
  champion_value FLOAT64,
  challenger_value FLOAT64,
  difference FLOAT64,
  sql_version STRING NOT NULL,
  sql_digest STRING NOT NULL,
  evaluated_at TIMESTAMP NOT NULL
)
PARTITION BY run_date
CLUSTER BY job, challenger, metric
