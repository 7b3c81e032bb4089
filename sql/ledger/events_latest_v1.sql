/*
description: The latest row of each event.
identifiers: {view: table, events: table}
changes: {v1: first version}
*/
CREATE OR REPLACE VIEW `{view}` AS
SELECT
  event_id, job, run_date, run_id, phase, event, variant, model_id, uri, row_count, seconds, sql_version, sql_digest,
  details, recorded_at
FROM `{events}`
WHERE TRUE
QUALIFY ROW_NUMBER() OVER (PARTITION BY event_id ORDER BY recorded_at DESC) = 1
