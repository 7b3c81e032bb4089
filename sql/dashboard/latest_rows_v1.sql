/*
description: The latest overall metrics of a job, for the page.
parameters: {job: STRING, first_date: DATE}
identifiers: {view: table}
columns: {run_date: DATE, metric: STRING, better: STRING}
changes: {v1: first version}
*/
SELECT run_date, metric, MAX(better) AS better
FROM `{view}`
WHERE job = @job AND run_date >= @first_date
GROUP BY run_date, metric
ORDER BY run_date, metric
