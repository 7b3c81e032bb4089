-- Rights of the job flight_delay on tables. A right that is there is granted again without effect; none is taken away.
-- https://cloud.google.com/bigquery/docs/reference/standard-sql/data-control-language
--   job: flight_delay
--   target: targets/example.yaml
--   image: us-docker.pkg.dev/my-project/ml/pipeline@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
--   commit: 0123456789abcdef0123456789abcdef01234567
--   code digest: 0123456789abcdef

-- preprocess: appends events
GRANT `roles/bigquery.dataEditor` ON TABLE `my-project`.`ml_ledger`.`events_v1`
TO "serviceAccount:flight-delay-preprocess@my-project.iam.gserviceaccount.com";

-- train: looks if it is superseded (after a newer generation)
GRANT `roles/bigquery.dataViewer` ON TABLE `my-project`.`ml`.`flight_delay__predictions_v1`
TO "serviceAccount:flight-delay-train@my-project.iam.gserviceaccount.com";

-- train: publishes id<->index tables (for models with id<->index tables)
GRANT `roles/bigquery.dataEditor` ON TABLE `my-project`.`ml`.`id_maps_v1`
TO "serviceAccount:flight-delay-train@my-project.iam.gserviceaccount.com";

-- train: appends events
GRANT `roles/bigquery.dataEditor` ON TABLE `my-project`.`ml_ledger`.`events_v1`
TO "serviceAccount:flight-delay-train@my-project.iam.gserviceaccount.com";

-- train: records models
GRANT `roles/bigquery.dataEditor` ON TABLE `my-project`.`ml_ledger`.`models_v1`
TO "serviceAccount:flight-delay-train@my-project.iam.gserviceaccount.com";

-- predict: looks if it is superseded (after a newer generation)
GRANT `roles/bigquery.dataViewer` ON TABLE `my-project`.`ml`.`flight_delay__predictions_v1`
TO "serviceAccount:flight-delay-predict@my-project.iam.gserviceaccount.com";

-- load: publishes predictions
GRANT `roles/bigquery.dataEditor` ON TABLE `my-project`.`ml`.`flight_delay__predictions_v1`
TO "serviceAccount:flight-delay-load@my-project.iam.gserviceaccount.com";

-- load: says who is first champion
GRANT `roles/bigquery.dataEditor` ON TABLE `my-project`.`ml`.`verdicts_v1`
TO "serviceAccount:flight-delay-load@my-project.iam.gserviceaccount.com";

-- load: appends events
GRANT `roles/bigquery.dataEditor` ON TABLE `my-project`.`ml_ledger`.`events_v1`
TO "serviceAccount:flight-delay-load@my-project.iam.gserviceaccount.com";

-- load: names the first champion
GRANT `roles/bigquery.dataEditor` ON TABLE `my-project`.`ml_ledger`.`champions_v1`
TO "serviceAccount:flight-delay-load@my-project.iam.gserviceaccount.com";

-- evaluate: records what it finds
GRANT `roles/bigquery.dataEditor` ON TABLE `my-project`.`ml`.`metrics_v1`
TO "serviceAccount:flight-delay-evaluate@my-project.iam.gserviceaccount.com";

-- evaluate: records what it finds
GRANT `roles/bigquery.dataEditor` ON TABLE `my-project`.`ml`.`comparisons_v1`
TO "serviceAccount:flight-delay-evaluate@my-project.iam.gserviceaccount.com";

-- evaluate: records what it finds
GRANT `roles/bigquery.dataEditor` ON TABLE `my-project`.`ml`.`drift_v1`
TO "serviceAccount:flight-delay-evaluate@my-project.iam.gserviceaccount.com";

-- evaluate: records what it finds
GRANT `roles/bigquery.dataEditor` ON TABLE `my-project`.`ml`.`verdicts_v1`
TO "serviceAccount:flight-delay-evaluate@my-project.iam.gserviceaccount.com";

-- evaluate: appends events
GRANT `roles/bigquery.dataEditor` ON TABLE `my-project`.`ml_ledger`.`events_v1`
TO "serviceAccount:flight-delay-evaluate@my-project.iam.gserviceaccount.com";

-- evaluate: promotes a challenger (when the gate promotes)
GRANT `roles/bigquery.dataEditor` ON TABLE `my-project`.`ml_ledger`.`champions_v1`
TO "serviceAccount:flight-delay-evaluate@my-project.iam.gserviceaccount.com";
