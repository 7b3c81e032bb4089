/*
description: >
  What happened in each run, a row an event, each once. `bytes` (billed), `slot_ms` and `cost` are those of the
  statements since the event before it in the same command; the cost is in the currency of the target's price_per_tib.
  `code_digest` is that of the code that a run used, in the event `done` of its preprocess.
identifiers: {view: table, events: table}
changes: {v1: first version}
*/
CREATE OR REPLACE VIEW `{view}` AS
SELECT
  job, run_date, run_id, phase, event, variant, row_count AS `rows`, seconds,
  CAST(JSON_VALUE(details, '$.bytes') AS INT64) AS bytes,
  CAST(JSON_VALUE(details, '$.slot_ms') AS INT64) AS slot_ms,
  CAST(JSON_VALUE(details, '$.cost') AS FLOAT64) AS cost,
  sql_version, sql_digest,
  JSON_VALUE(details, '$.code') AS code_digest,
  recorded_at
FROM `{events}`
WHERE TRUE
QUALIFY ROW_NUMBER() OVER (PARTITION BY job, run_date, event_id ORDER BY recorded_at DESC) = 1
