/*
description: The examples of one moment, marked as present.
parameters: {moment: TIMESTAMP}
identifiers: {table: table, columns: columns}
changes: {v1: first version}
*/
SELECT `{columns}`, TRUE AS _present
FROM `{table}`
WHERE example_as_of = @moment
