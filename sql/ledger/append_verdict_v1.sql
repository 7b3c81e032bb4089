/*
description: Appends a verdict unless it stands for this run date and champion.
parameters: {job: STRING, run_date: DATE, champion: STRING, verdict: STRING, reason: STRING}
identifiers: {verdicts: table}
changes: {v1: first version}
*/
INSERT INTO `{verdicts}` (job, run_date, champion, verdict, reason)
SELECT @job, @run_date, @champion, @verdict, @reason
FROM (SELECT 1) AS one
WHERE NOT EXISTS (
    SELECT 1 FROM `{verdicts}`
    WHERE job = @job AND run_date = @run_date AND champion = @champion AND verdict = @verdict
  )
