/*
description: >
  The newest model of each variant of a job that was ever fitted, and the newest value of a metric, overall.
parameters: {job: STRING, metric: STRING, first_date: DATE, last_date: DATE}
identifiers: {models: table, metrics: table}
columns:
  variant: STRING
  model_id: STRING
  uri: STRING
  run_date: DATE
  metric_run_date: DATE
  n: INT64
  value: FLOAT64
changes: {v1: first version}
*/
WITH
fits AS (
  SELECT variant, model_id, uri, run_date
  FROM `{models}`
  WHERE job = @job AND run_date BETWEEN @first_date AND @last_date
  QUALIFY ROW_NUMBER() OVER (PARTITION BY variant ORDER BY run_date DESC, recorded_at DESC, model_id ASC) = 1
),
judged AS (
  SELECT variant, run_date AS metric_run_date, n, value
  FROM `{metrics}`
  WHERE job = @job AND run_date BETWEEN @first_date AND @last_date AND metric = @metric AND slice_name = ''
  QUALIFY ROW_NUMBER() OVER (PARTITION BY variant ORDER BY run_date DESC, model_id ASC) = 1
)
SELECT variant, model_id, uri, run_date, metric_run_date, n, value
FROM fits
LEFT JOIN judged USING (variant)
ORDER BY variant
