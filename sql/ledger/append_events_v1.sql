/*
description: Appends events of one run date that the ledger does not have yet; a submission names each once.
parameters:
  run_date: DATE
  events:
    - event_id: STRING
      job: STRING
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
identifiers: {events: table}
changes: {v1: first version}
*/
INSERT INTO `{events}` (
  event_id, job, run_date, run_id, phase, event, variant, model_id, uri, row_count, seconds, sql_version, sql_digest,
  details, recorded_at
)
SELECT
  event.event_id, event.job, @run_date, event.run_id, event.phase, event.event, event.variant, event.model_id,
  event.uri, event.row_count, event.seconds, event.sql_version, event.sql_digest, event.details, CURRENT_TIMESTAMP()
FROM UNNEST(@events) AS event
WHERE event.event_id NOT IN (SELECT event_id FROM `{events}` WHERE run_date = @run_date)
