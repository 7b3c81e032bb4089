/*
description: >
  Appends what was measured of a run, once: its features and scores (@of_labels is FALSE), or its label rate.
parameters: {job: STRING, run_date: DATE, run_id: STRING, of_labels: BOOL, sql_version: STRING, sql_digest: STRING}
identifiers: {drift: table, computed: query}
changes: {v1: first version}
*/
INSERT INTO `{drift}` (
  job, run_date, run_id, variant, feature, measure, n, value, reference, threshold, is_warning, note, sql_version,
  sql_digest, measured_at
)
SELECT
  @job, @run_date, @run_id, variant, feature, measure, n, value, reference, threshold, is_warning, note, @sql_version,
  @sql_digest, CURRENT_TIMESTAMP()
FROM `{computed}`
WHERE NOT EXISTS (
    SELECT 1 FROM `{drift}`
    WHERE job = @job AND run_date = @run_date AND run_id = @run_id AND (measure = 'label_rate') = @of_labels
  )
