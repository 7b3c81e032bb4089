/*
description: A row is wrong where the column is NULL.
form: condition
identifiers: {column: column}
changes: {v1: first version}
*/
`{column}` IS NULL
