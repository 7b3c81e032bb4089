/*
description: Makes the labels that an evaluation uses, as they are known at its cut-off.
identifiers: {table: table, labels: query, columns: columns}
changes: {v1: first version}
*/
CREATE OR REPLACE TABLE `{table}` AS
SELECT `{columns}` FROM `{labels}`
