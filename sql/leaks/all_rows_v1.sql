/*
description: All rows of a table, marked as present.
identifiers: {table: table, columns: columns}
changes: {v1: first version}
*/
SELECT `{columns}`, TRUE AS _present
FROM `{table}`
