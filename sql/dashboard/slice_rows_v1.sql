/*
description: Slices of the metrics that people decide by, without those of baselines, for the page.
parameters: {job: STRING, first_date: DATE, last_date: DATE, metrics: [STRING]}
identifiers: {view: table, columns: columns}
changes: {v1: first version}
*/
SELECT `{columns}`
FROM `{view}`
WHERE job = @job AND run_date BETWEEN @first_date AND @last_date AND metric IN UNNEST(@metrics) AND role != 'baseline'
ORDER BY `{columns}`
