/*
description: Overall metrics a day and variant, for the table that `pipeline report` prints.
parameters: {job: STRING, first_date: DATE, last_date: DATE}
identifiers: {metrics: table}
columns: {run_date: DATE, variant: STRING, metric: STRING, n: INT64, value: FLOAT64}
changes: {v1: first version}
*/
SELECT run_date, variant, metric, n, value
FROM `{metrics}`
WHERE job = @job AND run_date BETWEEN @first_date AND @last_date AND slice_name = ''
ORDER BY run_date, variant, metric
