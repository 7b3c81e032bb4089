/*
description: >
  Promotions that the gate decided for the present champion's place and that are not carried out yet: a process may have
  ended between verdict and champion.
parameters: {job: STRING, first_date: DATE, last_date: DATE}
identifiers: {verdicts: table, champions: table, decisions: table}
columns: {run_date: DATE, champion: STRING, challenger: STRING, reason: STRING}
changes: {v1: first version}
*/
SELECT verdicts.run_date, verdicts.champion, verdicts.challenger, verdicts.reason
FROM `{verdicts}` AS verdicts
INNER JOIN `{champions}` AS champions
  ON verdicts.job = champions.job AND verdicts.champion = champions.variant
LEFT JOIN `{decisions}` AS decisions
  ON verdicts.job = decisions.job
    AND verdicts.challenger = decisions.variant
    AND verdicts.reason = decisions.reason
WHERE verdicts.job = @job
  AND verdicts.run_date BETWEEN @first_date AND @last_date
  AND verdicts.verdict = 'promote'
  AND verdicts.difference IS NOT NULL
  AND champions.holds_until = DATE '9999-12-31'
  AND verdicts.run_date >= champions.holds_from
  AND decisions.variant IS NULL
ORDER BY verdicts.run_date, verdicts.challenger
