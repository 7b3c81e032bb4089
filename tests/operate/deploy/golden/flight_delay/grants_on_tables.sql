-- Rights of the job flight_delay on tables. Granting an existing right again has no effect; no right is taken away.
-- One statement for a role: BigQuery takes five changes of a dataset, or of a table, in ten seconds.
-- https://cloud.google.com/bigquery/docs/reference/standard-sql/data-control-language
--   job: flight_delay
--   target: targets/example.yaml
--   image: us-docker.pkg.dev/my-project/ml/pipeline@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
--   commit: 0123456789abcdef0123456789abcdef01234567
--   code digest: 0123456789abcdef

-- load: names the first champion
-- evaluate: promotes a challenger (when the gate promotes)
GRANT `roles/bigquery.dataEditor` ON TABLE `my-project`.`ml_ledger`.`champions_v1`
TO
  "serviceAccount:flight-delay-load@my-project.iam.gserviceaccount.com",
  "serviceAccount:flight-delay-evaluate@my-project.iam.gserviceaccount.com";

-- preprocess: appends events
-- train: appends events
-- load: appends events
-- evaluate: appends events
GRANT `roles/bigquery.dataEditor` ON TABLE `my-project`.`ml_ledger`.`events_v1`
TO
  "serviceAccount:flight-delay-preprocess@my-project.iam.gserviceaccount.com",
  "serviceAccount:flight-delay-train@my-project.iam.gserviceaccount.com",
  "serviceAccount:flight-delay-load@my-project.iam.gserviceaccount.com",
  "serviceAccount:flight-delay-evaluate@my-project.iam.gserviceaccount.com";

-- train: records models
GRANT `roles/bigquery.dataEditor` ON TABLE `my-project`.`ml_ledger`.`models_v1`
TO
  "serviceAccount:flight-delay-train@my-project.iam.gserviceaccount.com";

-- evaluate: records results
GRANT `roles/bigquery.dataEditor` ON TABLE `my-project`.`ml`.`comparisons_v1`
TO
  "serviceAccount:flight-delay-evaluate@my-project.iam.gserviceaccount.com";

-- evaluate: records results
GRANT `roles/bigquery.dataEditor` ON TABLE `my-project`.`ml`.`drift_v1`
TO
  "serviceAccount:flight-delay-evaluate@my-project.iam.gserviceaccount.com";

-- load: publishes predictions
GRANT `roles/bigquery.dataEditor` ON TABLE `my-project`.`ml`.`flight_delay__predictions_v1`
TO
  "serviceAccount:flight-delay-load@my-project.iam.gserviceaccount.com";

-- train: checks if the run is superseded (after a newer generation)
-- predict: checks if the run is superseded (after a newer generation)
GRANT `roles/bigquery.dataViewer` ON TABLE `my-project`.`ml`.`flight_delay__predictions_v1`
TO
  "serviceAccount:flight-delay-train@my-project.iam.gserviceaccount.com",
  "serviceAccount:flight-delay-predict@my-project.iam.gserviceaccount.com";

-- train: publishes id<->index tables (for models with id<->index tables)
GRANT `roles/bigquery.dataEditor` ON TABLE `my-project`.`ml`.`id_maps_v1`
TO
  "serviceAccount:flight-delay-train@my-project.iam.gserviceaccount.com";

-- evaluate: records results
GRANT `roles/bigquery.dataEditor` ON TABLE `my-project`.`ml`.`metrics_v1`
TO
  "serviceAccount:flight-delay-evaluate@my-project.iam.gserviceaccount.com";

-- load: records why there is a first champion
-- evaluate: records results
GRANT `roles/bigquery.dataEditor` ON TABLE `my-project`.`ml`.`verdicts_v1`
TO
  "serviceAccount:flight-delay-load@my-project.iam.gserviceaccount.com",
  "serviceAccount:flight-delay-evaluate@my-project.iam.gserviceaccount.com";
