/*
description: The examples or labels of a job for one moment, alone, to be compared with others.
identifiers: {table: table, query: query, columns: columns}
changes: {v1: first version}
*/
CREATE OR REPLACE TABLE `{table}` AS
SELECT `{columns}` FROM `{query}`
