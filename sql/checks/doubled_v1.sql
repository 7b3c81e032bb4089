/*
description: How many groups repeat what another group has.
form: aggregate
identifiers: {column: column}
changes: {v1: first version}
*/
COUNT(`{column}`) - COUNT(DISTINCT `{column}`)
