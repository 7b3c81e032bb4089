/*
description: >
  Makes a challenger champion from the day after the last published run date on, or from @not_before on if that is
  later: what consumers have read stays. A decision of the gate is carried out once: its reason says which it is.
parameters: {job: STRING, variant: STRING, reason: STRING, decided_on: DATE, not_before: DATE}
identifiers: {champions: table, predictions: table}
changes: {v1: first version}
*/
INSERT INTO `{champions}` (job, variant, from_run_date, decided_at, reason)
SELECT
  @job, @variant, GREATEST(@not_before, COALESCE(DATE_ADD(last_date, INTERVAL 1 DAY), @not_before)),
  CURRENT_TIMESTAMP(), @reason
FROM (
  SELECT MAX(run_date) AS last_date
  FROM `{predictions}`
  WHERE run_date >= @decided_on
) AS published
WHERE NOT EXISTS (
    SELECT 1 FROM `{champions}` WHERE job = @job AND variant = @variant AND reason = @reason
  )
