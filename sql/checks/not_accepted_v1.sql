/*
description: A row is wrong where a text or truth value is not one of the accepted ones; NULL is not judged.
form: condition
parameters: {accepted: [STRING]}
identifiers: {column: column}
changes: {v1: first version}
*/
CAST(`{column}` AS STRING) NOT IN UNNEST(@accepted)
