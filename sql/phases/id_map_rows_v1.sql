/*
description: The id<->index tables that stand for the models of a run date, with their numbers of rows.
parameters: {job: STRING, run_date: DATE}
identifiers: {id_maps: table}
columns: {model_id: STRING, map_name: STRING, row_count: INT64}
changes: {v1: first version}
*/
SELECT model_id, map_name, COUNT(*) AS row_count
FROM `{id_maps}`
WHERE job = @job AND run_date = @run_date
GROUP BY model_id, map_name
ORDER BY model_id, map_name
