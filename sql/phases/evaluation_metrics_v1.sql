/*
description: The metric rows of one evaluation.
parameters: {job: STRING, run_date: DATE, evaluation_id: STRING}
identifiers: {metrics: table}
columns:
  job: STRING
  run_date: DATE
  run_id: STRING
  model_id: STRING
  variant: STRING
  evaluation_id: STRING
  metric: STRING
  slice_name: STRING
  slice_value: STRING
  n: INT64
  value: FLOAT64
  low: FLOAT64
  high: FLOAT64
  note: STRING
  sql_version: STRING
  sql_digest: STRING
  evaluated_at: TIMESTAMP
changes: {v1: first version}
*/
SELECT
  job, run_date, run_id, model_id, variant, evaluation_id, metric, slice_name, slice_value, n, value, low, high, note,
  sql_version, sql_digest, evaluated_at
FROM `{metrics}`
WHERE job = @job AND run_date = @run_date AND evaluation_id = @evaluation_id
ORDER BY variant, slice_name, slice_value, metric
