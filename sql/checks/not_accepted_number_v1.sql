/*
description: A row is wrong where a value is not one of the accepted numbers, or no number at all; NULL is not judged.
form: condition
parameters: {accepted: [FLOAT64]}
identifiers: {column: column}
changes: {v1: first version}
*/
COALESCE(SAFE_CAST(`{column}` AS FLOAT64) NOT IN UNNEST(@accepted), `{column}` IS NOT NULL)
