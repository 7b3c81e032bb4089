/*
description: >
  Tables id<->index of the models that have them, one row an id; `map_name` names the table, e.g. users. `id_index` is
  a row or column of the model's matrices.
identifiers: {table: table}
changes: {v1: first version}
*/
CREATE TABLE IF NOT EXISTS `{table}` (
  job STRING NOT NULL,
  run_date DATE NOT NULL,
  model_id STRING NOT NULL,
  map_name STRING NOT NULL,
  id_index INT64 NOT NULL,
  id STRING NOT NULL
)
PARTITION BY run_date
CLUSTER BY job, model_id, map_name
