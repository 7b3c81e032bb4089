/*
description: >
  The predictions of a run that champion and challengers are compared by, as the metrics read them: for each challenger
  its own and the champion's for the entities that both predicted. model_id is the challenger of the pair, so that
  metrics of all pairs are computed at once.
parameters: {run_date: DATE, run_id: STRING, champion: STRING, challengers: [STRING]}
identifiers: {predictions: table, entity: columns, columns: columns}
changes: {v1: first version}
*/
WITH
published AS (
  SELECT run_id, variant, `{columns}`
  FROM `{predictions}`
  WHERE run_date = @run_date
    AND run_id = @run_id
    AND (variant = @champion OR variant IN UNNEST(@challengers))
),
of_champion AS (
  SELECT DISTINCT `{entity}`
  FROM published
  WHERE variant = @champion
),
of_challengers AS (
  SELECT DISTINCT variant AS paired_with, `{entity}`
  FROM published
  WHERE variant != @champion
),
pairs AS (
  SELECT paired_with, `{entity}`
  FROM of_challengers
  INNER JOIN of_champion USING (`{entity}`)
)
SELECT run_id, paired_with AS model_id, variant, `{columns}`
FROM published
INNER JOIN pairs USING (`{entity}`)
WHERE variant IN (@champion, paired_with)
