/*
description: >
  Appends a decision about the champion, unless it stands already for this run date. A first champion is named once for
  a job.
parameters: {job: STRING, variant: STRING, from_run_date: DATE, reason: STRING}
identifiers: {champions: table, decided: table}
changes: {v1: first version}
*/
INSERT INTO `{champions}` (job, variant, from_run_date, decided_at, reason)
SELECT @job, @variant, @from_run_date, CURRENT_TIMESTAMP(), @reason
FROM (SELECT 1) AS one
WHERE NOT EXISTS (
    SELECT 1 FROM `{decided}`
    WHERE job = @job AND (@reason = 'first' OR (from_run_date = @from_run_date AND variant = @variant))
  )
