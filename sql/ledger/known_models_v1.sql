/*
description: Models since a run date that lie at one of these addresses, or whose bundle has a digest.
parameters: {first_date: DATE, uris: [STRING], bundle_digest: STRING}
identifiers: {models: table}
columns: {run_id: STRING, model_id: STRING, uri: STRING, bundle_digest: STRING}
changes: {v1: first version}
*/
SELECT run_id, model_id, uri, bundle_digest
FROM `{models}`
WHERE run_date >= @first_date AND (uri IN UNNEST(@uris) OR bundle_digest = @bundle_digest)
ORDER BY run_id, model_id, uri
