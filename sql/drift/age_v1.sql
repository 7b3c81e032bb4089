/*
description: >
  How many days a date or moment lies before the moment of its row: a calendar date is new every day, its age is not.
form: value
identifiers: {column: column}
changes: {v1: first version}
*/
TIMESTAMP_DIFF(example_as_of, CAST(`{column}` AS TIMESTAMP), SECOND) / 86400
