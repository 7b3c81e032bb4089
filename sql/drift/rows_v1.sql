/*
description: What was measured of a run, the worst first, as it compares with its threshold.
parameters: {job: STRING, run_date: DATE, run_id: STRING, of_labels: BOOL}
identifiers: {drift: table}
columns:
  job: STRING
  run_date: DATE
  run_id: STRING
  variant: STRING
  feature: STRING
  measure: STRING
  n: INT64
  value: FLOAT64
  reference: FLOAT64
  threshold: FLOAT64
  is_warning: BOOL
  note: STRING
  sql_version: STRING
  sql_digest: STRING
  measured_at: TIMESTAMP
changes: {v1: first version}
*/
SELECT
  job, run_date, run_id, variant, feature, measure, n, value, reference, threshold, is_warning, note, sql_version,
  sql_digest, measured_at
FROM `{drift}`
WHERE job = @job AND run_date = @run_date AND run_id = @run_id AND (measure = 'label_rate') = @of_labels
ORDER BY
  is_warning DESC,
  SAFE_DIVIDE(IF(measure IN ('missing_rate', 'label_rate'), ABS(value - reference), value), threshold) DESC,
  variant ASC, feature ASC, measure ASC
