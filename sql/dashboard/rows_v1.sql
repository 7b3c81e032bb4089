/*
description: >
  Rows of a table or view for a job's run dates: of the dashboard's views for the page, of models and decisions for a
  trace.
parameters: {job: STRING, first_date: DATE, last_date: DATE}
identifiers: {view: table, columns: columns}
changes: {v1: first version}
*/
SELECT `{columns}`
FROM `{view}`
WHERE job = @job AND run_date BETWEEN @first_date AND @last_date
ORDER BY `{columns}`
