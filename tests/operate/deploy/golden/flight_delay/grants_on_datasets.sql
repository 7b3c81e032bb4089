-- Rights of the job flight_delay on datasets. Granting an existing right again has no effect; no right is taken away.
-- One statement for a role: BigQuery takes five changes of a dataset, or of a table, in ten seconds.
-- https://cloud.google.com/bigquery/docs/reference/standard-sql/data-control-language
--   job: flight_delay
--   target: targets/example.yaml
--   image: us-docker.pkg.dev/my-project/ml/pipeline@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
--   commit: 0123456789abcdef0123456789abcdef01234567
--   code digest: 0123456789abcdef

-- setup: makes the views of dashboards
GRANT `roles/bigquery.dataEditor` ON SCHEMA `my-project`.`ml_dashboard`
TO
  "serviceAccount:flight-delay-setup@my-project.iam.gserviceaccount.com";

-- dashboard: reads the views, which are authorised on the tables
GRANT `roles/bigquery.dataViewer` ON SCHEMA `my-project`.`ml_dashboard`
TO
  "group:ml-readers@example.com";

-- evaluate: lists views
GRANT `roles/bigquery.metadataViewer` ON SCHEMA `my-project`.`ml_dashboard`
TO
  "serviceAccount:flight-delay-evaluate@my-project.iam.gserviceaccount.com";

-- setup: makes tables, functions and views; a view of an authorised dataset needs the right to share what it reads
GRANT `roles/bigquery.dataOwner` ON SCHEMA `my-project`.`ml_ledger`
TO
  "serviceAccount:flight-delay-setup@my-project.iam.gserviceaccount.com";

-- preprocess: reads what happened
-- train: reads what happened
-- predict: compares bundles with the ledger
-- load: reads what happened
-- evaluate: reads what happened
GRANT `roles/bigquery.dataViewer` ON SCHEMA `my-project`.`ml_ledger`
TO
  "serviceAccount:flight-delay-preprocess@my-project.iam.gserviceaccount.com",
  "serviceAccount:flight-delay-train@my-project.iam.gserviceaccount.com",
  "serviceAccount:flight-delay-predict@my-project.iam.gserviceaccount.com",
  "serviceAccount:flight-delay-load@my-project.iam.gserviceaccount.com",
  "serviceAccount:flight-delay-evaluate@my-project.iam.gserviceaccount.com";

-- preprocess: makes the examples
-- train: loads id<->index tables (for models with id<->index tables)
-- load: loads predictions into run tables
-- evaluate: makes tables of labels
GRANT `roles/bigquery.dataEditor` ON SCHEMA `my-project`.`ml_runs`
TO
  "serviceAccount:flight-delay-preprocess@my-project.iam.gserviceaccount.com",
  "serviceAccount:flight-delay-train@my-project.iam.gserviceaccount.com",
  "serviceAccount:flight-delay-load@my-project.iam.gserviceaccount.com",
  "serviceAccount:flight-delay-evaluate@my-project.iam.gserviceaccount.com";

-- train: reads examples
-- predict: reads examples
GRANT `roles/bigquery.dataViewer` ON SCHEMA `my-project`.`ml_runs`
TO
  "serviceAccount:flight-delay-train@my-project.iam.gserviceaccount.com",
  "serviceAccount:flight-delay-predict@my-project.iam.gserviceaccount.com";

-- setup: makes tables, functions and views; a view of an authorised dataset needs the right to share what it reads
GRANT `roles/bigquery.dataOwner` ON SCHEMA `my-project`.`ml`
TO
  "serviceAccount:flight-delay-setup@my-project.iam.gserviceaccount.com";

-- preprocess: reads sources and functions
-- evaluate: reads sources of labels, predictions and metrics
GRANT `roles/bigquery.dataViewer` ON SCHEMA `my-project`.`ml`
TO
  "serviceAccount:flight-delay-preprocess@my-project.iam.gserviceaccount.com",
  "serviceAccount:flight-delay-evaluate@my-project.iam.gserviceaccount.com";

-- train: lists tables and functions
-- predict: lists tables and functions
-- load: lists tables and functions
GRANT `roles/bigquery.metadataViewer` ON SCHEMA `my-project`.`ml`
TO
  "serviceAccount:flight-delay-train@my-project.iam.gserviceaccount.com",
  "serviceAccount:flight-delay-predict@my-project.iam.gserviceaccount.com",
  "serviceAccount:flight-delay-load@my-project.iam.gserviceaccount.com";
