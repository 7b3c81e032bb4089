/*
description: The first and the last moment at which rows of a source became known.
identifiers: {source: table, known_at: column}
columns: {first_known: TIMESTAMP, last_known: TIMESTAMP, row_count: INT64}
changes: {v1: first version}
*/
SELECT MIN(`{known_at}`) AS first_known, MAX(`{known_at}`) AS last_known, COUNT(*) AS row_count
FROM `{source}`
