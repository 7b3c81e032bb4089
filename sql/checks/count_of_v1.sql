/*
description: How many rows of a group have a value.
form: aggregate
identifiers: {column: column}
changes: {v1: first version}
*/
COUNT(`{column}`)
