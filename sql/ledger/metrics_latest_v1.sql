/*
description: The metrics of the latest evaluation of each run date.
identifiers: {view: table, metrics: table}
changes: {v1: first version}
*/
CREATE OR REPLACE VIEW `{view}` AS
SELECT
  job, run_date, run_id, model_id, variant, evaluation_id, metric, slice_name, slice_value, n, value, low, high, note,
  sql_version, sql_digest, evaluated_at
FROM `{metrics}`
WHERE TRUE
QUALIFY
  DENSE_RANK() OVER (PARTITION BY job, run_date ORDER BY evaluated_at DESC, evaluation_id DESC) = 1
