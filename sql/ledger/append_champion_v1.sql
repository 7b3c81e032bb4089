/*
description: Decides on a champion unless the decision for this run date stands already.
parameters: {job: STRING, variant: STRING, from_run_date: DATE, reason: STRING}
identifiers: {champions: table}
changes: {v1: first version}
*/
INSERT INTO `{champions}` (job, variant, from_run_date, decided_at, reason)
SELECT @job, @variant, @from_run_date, CURRENT_TIMESTAMP(), @reason
FROM (SELECT 1)
WHERE NOT EXISTS (
  SELECT 1 FROM `{champions}` WHERE job = @job AND (@reason = 'first' OR from_run_date = @from_run_date)
)
