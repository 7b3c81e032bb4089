/*
description: How many rows of a group are wrong.
form: aggregate
identifiers: {condition: expression}
changes: {v1: first version}
*/
COUNTIF(`{condition}`)
