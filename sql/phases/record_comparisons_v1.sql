/*
description: >
  Appends what one evaluation says of champion beside challengers, once. The metrics are those of paired predictions:
  their model_id is the challenger of a pair.
parameters:
  job: STRING
  run_date: DATE
  evaluation_id: STRING
  champion: STRING
  sql_version: STRING
  sql_digest: STRING
identifiers: {comparisons: table, computed: query}
changes: {v1: first version}
*/
INSERT INTO `{comparisons}` (
  job, run_date, run_id, evaluation_id, champion, challenger, metric, n, champion_value, challenger_value, difference,
  sql_version, sql_digest, evaluated_at
)
SELECT
  @job, @run_date, run_id, @evaluation_id, @champion, model_id, metric,
  MIN(n),
  MAX(IF(variant = @champion, value, NULL)),
  MAX(IF(variant != @champion, value, NULL)),
  MAX(IF(variant != @champion, value, NULL)) - MAX(IF(variant = @champion, value, NULL)),
  @sql_version, @sql_digest, CURRENT_TIMESTAMP()
FROM `{computed}`
WHERE slice_name = ''
  AND NOT EXISTS (
    SELECT 1 FROM `{comparisons}` WHERE job = @job AND run_date = @run_date AND evaluation_id = @evaluation_id
  )
GROUP BY run_id, model_id, metric
HAVING COUNT(*) = 2
