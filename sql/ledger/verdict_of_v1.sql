/*
description: >
  What the gate decided about champion and challengers on a run date; decisions that change the champion come first. A
  decision by hand stands with the run date from which it holds, and says nothing of what was evaluated there.
parameters: {job: STRING, run_date: DATE}
identifiers: {verdicts: table}
columns: {champion: STRING, challenger: STRING, verdict: STRING, reason: STRING}
changes: {v1: first version}
*/
SELECT champion, challenger, verdict, reason
FROM `{verdicts}`
WHERE job = @job
  AND run_date = @run_date
  AND verdict != 'rollback'
  AND (verdict != 'promote' OR difference IS NOT NULL)
ORDER BY verdict IN ('keep', 'too-few-labels'), verdict, champion, challenger
