/*
description: Appends the metrics of one evaluation, once.
parameters: {job: STRING, run_date: DATE, evaluation_id: STRING, sql_version: STRING, sql_digest: STRING}
identifiers: {metrics: table, computed: query}
changes: {v1: first version}
*/
INSERT INTO `{metrics}` (
  job, run_date, run_id, model_id, variant, evaluation_id, metric, slice_name, slice_value, n, value, low, high, note,
  sql_version, sql_digest, evaluated_at
)
SELECT
  @job, @run_date, run_id, model_id, variant, @evaluation_id, metric, slice_name, slice_value, n, value, low, high,
  note, @sql_version, @sql_digest, CURRENT_TIMESTAMP()
FROM `{computed}`
WHERE NOT EXISTS (
    SELECT 1 FROM `{metrics}` WHERE job = @job AND run_date = @run_date AND evaluation_id = @evaluation_id
  )
