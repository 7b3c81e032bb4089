/*
description: Says which runs and models the published slices of the run dates come from.
parameters: {first_date: DATE, last_date: DATE}
identifiers: {predictions: table}
columns: {run_date: DATE, variant: STRING, run_id: STRING, model_id: STRING, row_count: INT64}
changes: {v1: first version}
*/
SELECT run_date, variant, run_id, model_id, COUNT(*) AS row_count
FROM `{predictions}`
WHERE run_date BETWEEN @first_date AND @last_date
GROUP BY run_date, variant, run_id, model_id
ORDER BY run_date, variant, run_id, model_id
