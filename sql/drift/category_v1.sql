/*
description: A text or truth value as a category.
form: value
identifiers: {column: column}
changes: {v1: first version}
*/
CAST(`{column}` AS STRING)
