/*
description: Rows of a view of the dashboard for a job's run dates, for the page.
parameters: {job: STRING, first_date: DATE, last_date: DATE}
identifiers: {view: table, columns: columns}
changes: {v1: first version}
*/
SELECT `{columns}`
FROM `{view}`
WHERE job = @job AND run_date BETWEEN @first_date AND @last_date
ORDER BY `{columns}`
