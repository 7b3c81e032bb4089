/*
description: What a source held at a moment, as far as it was known then.
parameters: {as_of: TIMESTAMP}
identifiers: {table: table, source: table, columns: columns, known_at: column}
changes: {v1: first version}
*/
CREATE OR REPLACE TABLE `{table}` AS
SELECT `{columns}`
FROM `{source}`
WHERE `{known_at}` <= @as_of
