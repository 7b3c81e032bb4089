/*
description: The events of a job's run dates.
parameters: {job: STRING, first_date: DATE, last_date: DATE}
identifiers: {events: table}
columns:
  event_id: STRING
  run_date: DATE
  run_id: STRING
  phase: STRING
  event: STRING
  variant: STRING
  model_id: STRING
  uri: STRING
  row_count: INT64
  seconds: FLOAT64
  sql_version: STRING
  sql_digest: STRING
  details: STRING
  recorded_at: TIMESTAMP
changes: {v1: first version}
*/
SELECT
  event_id, run_date, run_id, phase, event, variant, model_id, uri, row_count, seconds, sql_version, sql_digest,
  details, recorded_at
FROM `{events}`
WHERE job = @job AND run_date BETWEEN @first_date AND @last_date
ORDER BY run_date, recorded_at, run_id, phase, event, variant, model_id
