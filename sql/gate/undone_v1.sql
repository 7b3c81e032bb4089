/*
description: >
  Promotions that the gate decided for the present champion's place and that are not carried out yet: a process may have
  ended between verdict and champion. A champion that was named again is champion since it was first named.
parameters: {job: STRING, first_date: DATE, last_date: DATE}
identifiers: {verdicts: table, champions: table, decisions: table}
columns: {run_date: DATE, champion: STRING, challenger: STRING, reason: STRING}
changes: {v1: first version}
*/
WITH
spans AS (
  SELECT variant, holds_from, FIRST_VALUE(variant) OVER (ORDER BY holds_from DESC) AS present
  FROM `{champions}`
  WHERE job = @job
),
others AS (
  SELECT MAX(holds_from) AS holds_from
  FROM spans
  WHERE variant != present
),
reign AS (
  SELECT spans.present AS variant, MIN(spans.holds_from) AS holds_from
  FROM spans
  CROSS JOIN others
  WHERE others.holds_from IS NULL OR spans.holds_from > others.holds_from
  GROUP BY spans.present
)
SELECT verdicts.run_date, verdicts.champion, verdicts.challenger, verdicts.reason
FROM `{verdicts}` AS verdicts
INNER JOIN reign
  ON verdicts.champion = reign.variant AND verdicts.run_date >= reign.holds_from
LEFT JOIN `{decisions}` AS decisions
  ON verdicts.job = decisions.job
    AND verdicts.challenger = decisions.variant
    AND verdicts.reason = decisions.reason
WHERE verdicts.job = @job
  AND verdicts.run_date BETWEEN @first_date AND @last_date
  AND verdicts.verdict = 'promote'
  AND verdicts.difference IS NOT NULL
  AND decisions.variant IS NULL
ORDER BY verdicts.run_date, verdicts.challenger
