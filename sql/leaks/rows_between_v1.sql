/*
description: Examples whose own moment lies between two others, both included.
parameters: {first_moment: TIMESTAMP, last_moment: TIMESTAMP}
identifiers: {table: table, columns: columns}
changes: {v1: first version}
*/
SELECT `{columns}`, TRUE AS _present
FROM `{table}`
WHERE example_as_of BETWEEN @first_moment AND @last_moment
