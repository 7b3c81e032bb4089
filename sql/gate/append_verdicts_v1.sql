/*
description: >
  Appends what the gate says, unless it said something of the same run date, champion and challenger before.
parameters:
  job: STRING
  first_date: DATE
  last_date: DATE
  said:
    - run_date: DATE
      champion: STRING
      challenger: STRING
      verdict: STRING
      reason: STRING
      n: INT64
      needed_n: INT64
      difference: FLOAT64
      low: FLOAT64
      high: FLOAT64
identifiers: {verdicts: table}
changes: {v1: first version}
*/
INSERT INTO `{verdicts}` (
  job, run_date, champion, challenger, verdict, reason, n, needed_n, difference, low, high
)
SELECT
  @job, said.run_date, said.champion, said.challenger, said.verdict, said.reason, said.n, said.needed_n,
  said.difference, said.low, said.high
FROM UNNEST(@said) AS said
WHERE NOT EXISTS (
    SELECT 1
    FROM `{verdicts}` AS old
    WHERE old.job = @job
      AND old.run_date BETWEEN @first_date AND @last_date
      AND old.run_date = said.run_date
      AND old.champion = said.champion
      AND COALESCE(old.challenger, '') = COALESCE(CAST(said.challenger AS STRING), '')
      AND (
        (old.verdict = said.verdict AND old.reason = said.reason)
        OR (
          (old.verdict IN ('keep', 'too-few-labels') OR old.difference IS NOT NULL)
          AND (said.verdict IN ('keep', 'too-few-labels') OR said.difference IS NOT NULL)
        )
      )
  )
