/*
description: The moments of the examples, each with its number of rows.
identifiers: {table: table}
columns: {moment: TIMESTAMP, row_count: INT64}
changes: {v1: first version}
*/
SELECT example_as_of AS moment, COUNT(*) AS row_count
FROM `{table}`
GROUP BY example_as_of
ORDER BY example_as_of
