/*
description: The sum of a number, of a group and then of all groups.
form: aggregate
identifiers: {column: column}
changes: {v1: first version}
*/
SUM(`{column}`)
