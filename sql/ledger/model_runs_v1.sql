/*
description: The runs of jobs that made models (`made`), or predicted with them, since a run date.
parameters: {first_date: DATE, jobs: [STRING], model_ids: [STRING]}
identifiers: {models: table, events: table}
columns: {job: STRING, run_date: DATE, run_id: STRING, model_id: STRING, made: BOOL}
changes: {v1: first version}
*/
SELECT job, run_date, run_id, model_id, TRUE AS made
FROM `{models}`
WHERE run_date >= @first_date AND job IN UNNEST(@jobs) AND model_id IN UNNEST(@model_ids)
UNION DISTINCT
SELECT job, run_date, run_id, model_id, FALSE AS made
FROM `{events}`
WHERE run_date >= @first_date AND job IN UNNEST(@jobs)
  AND model_id IN UNNEST(@model_ids) AND phase = 'predict' AND event = 'done'
ORDER BY job, run_date, run_id, model_id, made
