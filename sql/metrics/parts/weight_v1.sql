/*
description: The weight of a row, from a column of the labels.
form: value
identifiers: {column: column}
changes: {v1: first version}
*/
CAST(`{column}` AS FLOAT64)
