#!/usr/bin/env bash
# Deploys or updates the job flight_delay: every step makes what is missing and sets what differs, so running it again is safe.
# It takes nothing away: what others have granted or set stays. README.md lists what it needs and how to undo it.
#   job: flight_delay
#   target: targets/example.yaml
#   image: us-docker.pkg.dev/my-project/ml/pipeline@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
#   commit: 0123456789abcdef0123456789abcdef01234567
#   code digest: 0123456789abcdef
# Written by `pipeline deploy`: change job.yaml or the target file and write it again.
set -euo pipefail
CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")"

PROJECT=my-project
LOCATION=US # of the datasets and the bucket
REGION=us-central1 # of Cloud Run, Workflows and Cloud Scheduler
BUCKET=gs://my-project-ml
FOLDER="$BUCKET/"flight_delay # of the job

# Accounts, and the group that reads dashboards.
SETUP=serviceAccount:flight-delay-setup@my-project.iam.gserviceaccount.com
PREPROCESS=serviceAccount:flight-delay-preprocess@my-project.iam.gserviceaccount.com
TRAIN=serviceAccount:flight-delay-train@my-project.iam.gserviceaccount.com
PREDICT=serviceAccount:flight-delay-predict@my-project.iam.gserviceaccount.com
LOAD=serviceAccount:flight-delay-load@my-project.iam.gserviceaccount.com
EVALUATE=serviceAccount:flight-delay-evaluate@my-project.iam.gserviceaccount.com
WORKFLOW=serviceAccount:flight-delay-workflow@my-project.iam.gserviceaccount.com
SCHEDULER=serviceAccount:flight-delay-scheduler@my-project.iam.gserviceaccount.com
DASHBOARD=group:ml-readers@example.com

WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT

say() { printf '== %s\n' "$*"; }

exists() { "$@" >/dev/null 2>&1; }

again() { # again COMMAND...: Google needs some time to make a new service account known everywhere
  local tries=1
  until "$@"; do
    [ "$tries" -lt 8 ] || return 1
    tries=$((tries + 1))
    sleep "${PAUSE:-10}"
  done
}

bq_here() { bq --headless --project_id="$PROJECT" --location="$LOCATION" "$@"; }

account() { # account ID NAME: makes a service account
  exists gcloud iam service-accounts describe "$1@$PROJECT.iam.gserviceaccount.com" --project="$PROJECT" ||
    gcloud iam service-accounts create "$1" --project="$PROJECT" --display-name="$2"
}

on_project() { # on_project MEMBER ROLE
  again gcloud projects add-iam-policy-binding "$PROJECT" --member="$1" --role="$2" --condition=None >/dev/null
}

on_bucket() { # on_bucket MEMBER ROLE
  again gcloud storage buckets add-iam-policy-binding "$BUCKET" --member="$1" --role="$2" --condition=None >/dev/null
}

folder() { # folder NAME: makes a managed folder of the job, which rights can hold for
  exists gcloud storage managed-folders describe "$FOLDER/$1/" || gcloud storage managed-folders create "$FOLDER/$1/"
}

on_folder() { # on_folder NAME MEMBER ROLE
  again gcloud storage managed-folders add-iam-policy-binding "$FOLDER/$1/" --member="$2" --role="$3" >/dev/null
}

dataset() { # dataset NAME DESCRIPTION FLAG...: makes a dataset; flags are set each time
  local name=$1 description=$2
  shift 2
  exists bq_here show --dataset "$PROJECT:$name" || bq_here mk --dataset --description="$description" "$PROJECT:$name"
  bq_here update --dataset "$@" "$PROJECT:$name"
}

run_sql() { bq_here query --use_legacy_sql=false <"$1"; }

authorise() { # authorise DATASET: lets the views of the dashboard dataset read it, and keeps every other entry
  local current="$WORK/$1.json" made="$WORK/$1.made.json" etag
  bq_here show --format=json --dataset "$PROJECT:$1" >"$current"
  etag=$(python3 merge.py access "$current" authorised_views.json "$made")
  [ ! -s "$made" ] || bq_here update --etag="$etag" --source="$made" --dataset "$PROJECT:$1"
}

run_job() { # run_job FILE
  gcloud run jobs replace "$1" --project="$PROJECT" --region="$REGION"
}

on_run_job() { # on_run_job JOB MEMBER ROLE
  again gcloud run jobs add-iam-policy-binding "$1" --project="$PROJECT" --region="$REGION" --member="$2" --role="$3" >/dev/null
}

for tool in gcloud bq python3; do
  command -v "$tool" >/dev/null || { printf 'deploy.sh: %s is not installed\n' "$tool" >&2; exit 2; }
done

say "services of the project"
gcloud services enable --project="$PROJECT" \
  bigquery.googleapis.com \
  bigquerystorage.googleapis.com \
  cloudscheduler.googleapis.com \
  iam.googleapis.com \
  run.googleapis.com \
  storage.googleapis.com \
  workflows.googleapis.com \
  workflowexecutions.googleapis.com

say "service accounts"
account flight-delay-setup 'flight_delay: setup'
account flight-delay-preprocess 'flight_delay: preprocess'
account flight-delay-train 'flight_delay: train'
account flight-delay-predict 'flight_delay: predict'
account flight-delay-load 'flight_delay: load'
account flight-delay-evaluate 'flight_delay: evaluate'
account flight-delay-workflow 'flight_delay: workflow'
account flight-delay-scheduler 'flight_delay: scheduler'

say "rights on the project"
on_project "$SETUP" roles/bigquery.jobUser # runs statements that make tables
on_project "$PREPROCESS" roles/bigquery.jobUser # runs queries
on_project "$TRAIN" roles/bigquery.jobUser # runs queries
on_project "$TRAIN" roles/bigquery.readSessionUser # reads training rows as streams
on_project "$PREDICT" roles/bigquery.jobUser # runs queries
on_project "$PREDICT" roles/bigquery.readSessionUser # reads the rows of a shard as a stream
on_project "$LOAD" roles/bigquery.jobUser # runs queries and load jobs
on_project "$EVALUATE" roles/bigquery.jobUser # runs queries
on_project "$SCHEDULER" roles/workflows.invoker # starts the workflow; Workflows has no rights for a single one
on_project "$DASHBOARD" roles/bigquery.jobUser # runs queries

say "bucket"
exists gcloud storage buckets describe "$BUCKET" ||
  gcloud storage buckets create "$BUCKET" --project="$PROJECT" --location="$LOCATION" \
    --uniform-bucket-level-access --public-access-prevention
gcloud storage buckets update "$BUCKET" --uniform-bucket-level-access --public-access-prevention \
  --soft-delete-duration=7d --update-labels=team=forecasting,pipeline=1
gcloud storage buckets describe "$BUCKET" --raw --format=json >"$WORK/bucket.json"
python3 merge.py lifecycle "$WORK/bucket.json" lifecycle.json "$WORK/lifecycle.json"
[ ! -s "$WORK/lifecycle.json" ] || gcloud storage buckets update "$BUCKET" --lifecycle-file="$WORK/lifecycle.json"

say "rights in the bucket"
on_bucket "$TRAIN" roles/storage.bucketViewer # load jobs look at the bucket
on_bucket "$LOAD" roles/storage.bucketViewer # load jobs look at the bucket
folder attempts
on_folder attempts "$PREPROCESS" roles/storage.objectViewer # claims the run and counts its examples
on_folder attempts "$PREPROCESS" roles/storage.objectCreator # claims the run and counts its examples
on_folder attempts "$TRAIN" roles/storage.objectViewer # joins the run
on_folder attempts "$PREDICT" roles/storage.objectViewer # joins the run
on_folder attempts "$LOAD" roles/storage.objectViewer # joins the run
on_folder attempts "$EVALUATE" roles/storage.objectViewer # finds a run by its claim
folder failures
on_folder failures "$PREPROCESS" roles/storage.objectViewer # does not repeat a permanent failure
on_folder failures "$PREPROCESS" roles/storage.objectCreator # records a permanent failure
on_folder failures "$TRAIN" roles/storage.objectViewer # does not repeat a permanent failure
on_folder failures "$TRAIN" roles/storage.objectCreator # records a permanent failure
on_folder failures "$PREDICT" roles/storage.objectViewer # does not repeat a permanent failure
on_folder failures "$PREDICT" roles/storage.objectCreator # records a permanent failure
on_folder failures "$LOAD" roles/storage.objectViewer # does not repeat a permanent failure
on_folder failures "$LOAD" roles/storage.objectCreator # records a permanent failure
on_folder failures "$EVALUATE" roles/storage.objectViewer # does not repeat a permanent failure
on_folder failures "$EVALUATE" roles/storage.objectCreator # records a permanent failure
folder models
on_folder models "$TRAIN" roles/storage.objectViewer # commits models
on_folder models "$TRAIN" roles/storage.objectCreator # commits models
on_folder models "$PREDICT" roles/storage.objectViewer # loads models
on_folder models "$EVALUATE" roles/storage.objectViewer # compares scores with those of the training rows
folder predictions
on_folder predictions "$PREPROCESS" roles/storage.objectViewer # gives up only a run without predictions
on_folder predictions "$PREDICT" roles/storage.objectViewer # commits shards and manifests
on_folder predictions "$PREDICT" roles/storage.objectCreator # commits shards and manifests
on_folder predictions "$LOAD" roles/storage.objectViewer # reads manifests; load jobs read files
folder rejects
on_folder rejects "$PREDICT" roles/storage.objectViewer # describes rejected rows
on_folder rejects "$PREDICT" roles/storage.objectCreator # describes rejected rows

say "datasets"
dataset ml 'Sources, predictions and metrics of batch machine-learning jobs' --set_label=team:forecasting --set_label=pipeline:1
dataset ml_runs 'Tables of single runs; they expire' --set_label=team:forecasting --set_label=pipeline:1 --default_table_expiration=2592000
dataset ml_ledger 'What happened in runs; append-only' --set_label=team:forecasting --set_label=pipeline:1
dataset ml_dashboard 'Views that dashboards read' --set_label=team:forecasting --set_label=pipeline:1
again run_sql grants_on_datasets.sql

say "Cloud Run jobs"
run_job run_jobs/setup.yaml
run_job run_jobs/preprocess.yaml
run_job run_jobs/train.yaml
run_job run_jobs/predict.yaml
run_job run_jobs/load.yaml
run_job run_jobs/evaluate.yaml
on_run_job flight-delay-preprocess "$WORKFLOW" roles/run.jobsExecutorWithOverrides # starts the phase, for one run date with other arguments; no other account may override arguments
on_run_job flight-delay-preprocess "$WORKFLOW" roles/run.viewer # waits for its end
on_run_job flight-delay-train "$WORKFLOW" roles/run.jobsExecutorWithOverrides # starts the phase, for one run date with other arguments; no other account may override arguments
on_run_job flight-delay-train "$WORKFLOW" roles/run.viewer # waits for its end
on_run_job flight-delay-predict "$WORKFLOW" roles/run.jobsExecutorWithOverrides # starts the phase, for one run date with other arguments; no other account may override arguments
on_run_job flight-delay-predict "$WORKFLOW" roles/run.viewer # waits for its end
on_run_job flight-delay-load "$WORKFLOW" roles/run.jobsExecutorWithOverrides # starts the phase, for one run date with other arguments; no other account may override arguments
on_run_job flight-delay-load "$WORKFLOW" roles/run.viewer # waits for its end
on_run_job flight-delay-evaluate "$WORKFLOW" roles/run.jobsExecutorWithOverrides # starts the phase, for one run date with other arguments; no other account may override arguments
on_run_job flight-delay-evaluate "$WORKFLOW" roles/run.viewer # waits for its end

say "tables, functions and views"
gcloud run jobs execute flight-delay-setup --project="$PROJECT" --region="$REGION" --wait
again run_sql grants_on_tables.sql
authorise ml
authorise ml_ledger

say "workflow"
gcloud workflows deploy flight-delay-workflow --project="$PROJECT" --location="$REGION" --source=workflow.yaml \
  --service-account="${WORKFLOW#serviceAccount:}" --labels=team=forecasting,pipeline=1,job=flight_delay,commit=0123456789abcdef0123456789abcdef01234567

say "schedule"
SCHEDULE=(
  flight-delay-nightly --project="$PROJECT" --location="$REGION"
  --schedule='0 4 * * *' --time-zone=America/New_York
  --uri=https://workflowexecutions.googleapis.com/v1/projects/my-project/locations/us-central1/workflows/flight-delay-workflow/executions
  --http-method=post --message-body-from-file=scheduler_body.json
  --oauth-service-account-email="${SCHEDULER#serviceAccount:}"
  --oauth-token-scope=https://www.googleapis.com/auth/cloud-platform
  --attempt-deadline=180s --max-retry-attempts=3
  --min-backoff=60s --max-backoff=600s
  --description='Starts the phases of flight_delay; they find the run dates that are due.'
)
if exists gcloud scheduler jobs describe flight-delay-nightly --project="$PROJECT" --location="$REGION"; then
  gcloud scheduler jobs update http "${SCHEDULE[@]}" --update-headers=Content-Type=application/json
else
  again gcloud scheduler jobs create http "${SCHEDULE[@]}" --headers=Content-Type=application/json
fi

say "done: flight_delay starts at 0 4 * * * (America/New_York)"
