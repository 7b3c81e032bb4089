/*
description: The champions of a job in the order of the run dates from which they hold.
parameters: {job: STRING}
identifiers: {champions: table}
columns:
  variant: STRING
  from_run_date: DATE
  holds_from: DATE
  holds_until: DATE
  decided_at: TIMESTAMP
  reason: STRING
changes: {v1: first version}
*/
SELECT variant, from_run_date, holds_from, holds_until, decided_at, reason
FROM `{champions}`
WHERE job = @job
ORDER BY from_run_date
