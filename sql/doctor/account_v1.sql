/*
description: The account that asks, as BigQuery knows it.
columns: {account: STRING}
changes: {v1: first version}
*/
SELECT SESSION_USER() AS account
