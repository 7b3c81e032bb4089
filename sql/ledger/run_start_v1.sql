/*
description: What a run fixes when it starts - the moment at which it reads base tables, and the champion in force.
parameters: {job: STRING, run_date: DATE}
identifiers: {champions: table}
columns: {snapshot_at: TIMESTAMP, champion: STRING}
changes: {v1: first version}
*/
SELECT
  CURRENT_TIMESTAMP() AS snapshot_at,
  (
    SELECT MAX(variant) FROM `{champions}`
    WHERE job = @job AND @run_date >= holds_from AND @run_date < holds_until
  ) AS champion
