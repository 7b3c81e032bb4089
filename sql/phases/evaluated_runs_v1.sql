/*
description: The run that each evaluation of run dates judged, by its metric rows.
parameters: {job: STRING, first_date: DATE, last_date: DATE}
identifiers: {metrics: table}
columns: {evaluation_id: STRING, run_id: STRING}
changes: {v1: first version}
*/
SELECT DISTINCT evaluation_id, run_id
FROM `{metrics}`
WHERE job = @job AND run_date BETWEEN @first_date AND @last_date
ORDER BY evaluation_id, run_id
