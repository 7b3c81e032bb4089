/*
description: Drift of the latest run of each run date; a row a feature (of a variant for predictions) and measure.
identifiers: {view: table, drift: table}
changes: {v1: first version}
*/
CREATE OR REPLACE VIEW `{view}` AS
SELECT
  job, run_date, run_id, variant, feature, measure, n, value, reference, threshold, is_warning, note, sql_version,
  sql_digest
FROM `{drift}`
