/*
description: >
  What a run fixes when it starts - the moment at which it reads base tables, and the champion in force with whether it
  was named first on this run date.
parameters: {job: STRING, run_date: DATE}
identifiers: {champions: table}
columns: {snapshot_at: TIMESTAMP, champion: STRING, named_first: BOOL}
changes: {v1: first version}
*/
SELECT
  CURRENT_TIMESTAMP() AS snapshot_at,
  MAX(variant) AS champion,
  COALESCE(LOGICAL_OR(reason = 'first' AND from_run_date = @run_date), FALSE) AS named_first
FROM `{champions}`
WHERE job = @job AND @run_date >= holds_from AND @run_date < holds_until
