/*
description: The job and run date of an evaluation, by the end of its event's id, since a run date.
parameters: {first_date: DATE, jobs: [STRING], ending: STRING}
identifiers: {events: table}
columns: {job: STRING, run_date: DATE}
changes: {v1: first version}
*/
SELECT DISTINCT job, run_date
FROM `{events}`
WHERE run_date >= @first_date AND job IN UNNEST(@jobs)
  AND event = 'evaluated' AND ENDS_WITH(event_id, @ending)
ORDER BY job, run_date
