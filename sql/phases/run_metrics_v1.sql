/*
description: The overall metrics of the latest evaluation of one run; older generations have their own.
parameters: {job: STRING, run_date: DATE, run_id: STRING}
identifiers: {metrics: table}
columns: {variant: STRING, metric: STRING, n: INT64, value: FLOAT64, evaluation_id: STRING, evaluated_at: TIMESTAMP}
changes: {v1: first version}
*/
SELECT variant, metric, n, value, evaluation_id, evaluated_at
FROM (
  SELECT variant, metric, n, value, evaluation_id, evaluated_at, slice_name
  FROM `{metrics}`
  WHERE job = @job AND run_date = @run_date AND run_id = @run_id
  QUALIFY DENSE_RANK() OVER (ORDER BY evaluated_at DESC, evaluation_id DESC) = 1
) AS latest
WHERE slice_name = ''
ORDER BY variant, metric
