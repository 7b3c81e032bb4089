#!/usr/bin/env bash
# Deploys or updates the job {{ job }}: every step makes what is missing and sets what differs, so running it again is safe.
# It takes nothing away: what others have granted or set stays. README.md lists what it needs and how to undo it.
{% for name, value in origin.items() %}
#   {{ name }}: {{ value }}
{% endfor %}
# Written by `pipeline deploy`: change job.yaml or the target file and write it again.
set -euo pipefail
CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")"

PROJECT={{ target.project | q }}
LOCATION={{ target.location | q }} # of the datasets and the bucket
REGION={{ target.region | q }} # of Cloud Run, Workflows and Cloud Scheduler
BUCKET={{ ("gs://" ~ target.bucket) | q }}
FOLDER="$BUCKET/"{{ folder | q }} # of the job

# Accounts, and the group that reads dashboards.
{% for name, member in members.items() %}
{{ name | upper }}={{ member | q }}
{% endfor %}

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
  {{ services | join(" \\\n  ") }}

say "service accounts"
{% for name, id in made_accounts.items() %}
account {{ id | q }} {{ (job ~ ": " ~ name) | q }}
{% endfor %}

say "rights on the project"
{% for grant in on("project") %}
on_project "${{ grant.account | upper }}" {{ grant.role }} # {{ grant.why }}
{% endfor %}

say "bucket"
exists gcloud storage buckets describe "$BUCKET" ||
  gcloud storage buckets create "$BUCKET" --project="$PROJECT" --location="$LOCATION" \
    --uniform-bucket-level-access --public-access-prevention
gcloud storage buckets update "$BUCKET" --uniform-bucket-level-access --public-access-prevention \
  --soft-delete-duration={{ soft_delete }} --update-labels={{ shared_labels | pairs("=") | join(",") | q }}
gcloud storage buckets describe "$BUCKET" --raw --format=json >"$WORK/bucket.json"
python3 merge.py lifecycle "$WORK/bucket.json" lifecycle.json "$WORK/lifecycle.json"
[ ! -s "$WORK/lifecycle.json" ] || gcloud storage buckets update "$BUCKET" --lifecycle-file="$WORK/lifecycle.json"

say "rights in the bucket"
{% for grant in on("bucket") %}
on_bucket "${{ grant.account | upper }}" {{ grant.role }} # {{ grant.why }}
{% endfor %}
{% for kind in folders %}
folder {{ kind }}
{% for grant in on("folder", kind) %}
on_folder {{ kind }} "${{ grant.account | upper }}" {{ grant.role }} # {{ grant.why }}
{% endfor %}
{% endfor %}

say "datasets"
{% for dataset in datasets %}
dataset {{ dataset.name | q }} {{ dataset.description | q }} {{ dataset.flags | map("q") | join(" ") }}
{% endfor %}
again run_sql grants_on_datasets.sql

say "Cloud Run jobs"
{% for part in parts %}
run_job run_jobs/{{ part }}.yaml
{% endfor %}
{% for grant in on("job") %}
on_run_job {{ grant.address | q }} "${{ grant.account | upper }}" {{ grant.role }} # {{ grant.why }}
{% endfor %}

say "tables, functions and views"
gcloud run jobs execute {{ setup_job | q }} --project="$PROJECT" --region="$REGION" --wait
again run_sql grants_on_tables.sql
{% for key in authorising %}
authorise {{ target[key] | q }}
{% endfor %}

say "workflow"
gcloud workflows deploy {{ workflow | q }} --project="$PROJECT" --location="$REGION" --source=workflow.yaml \
  --service-account="${WORKFLOW#serviceAccount:}" --labels={{ labels | pairs("=") | join(",") | q }}

say "schedule"
SCHEDULE=(
  {{ scheduler.id | q }} --project="$PROJECT" --location="$REGION"
  --schedule={{ scheduler.schedule | q }} --time-zone={{ scheduler.timeZone | q }}
  --uri={{ scheduler.httpTarget.uri | q }}
  --http-method=post --message-body-from-file=scheduler_body.json
  --oauth-service-account-email="${SCHEDULER#serviceAccount:}"
  --oauth-token-scope={{ scheduler.httpTarget.oauthToken.scope | q }}
  --attempt-deadline={{ scheduler.attemptDeadline }} --max-retry-attempts={{ scheduler.retryConfig.retryCount }}
  --min-backoff={{ scheduler.retryConfig.minBackoffDuration }} --max-backoff={{ scheduler.retryConfig.maxBackoffDuration }}
  --description={{ scheduler.description | q }}
)
if exists gcloud scheduler jobs describe {{ scheduler.id | q }} --project="$PROJECT" --location="$REGION"; then
  gcloud scheduler jobs update http "${SCHEDULE[@]}" --update-headers=Content-Type=application/json
else
  again gcloud scheduler jobs create http "${SCHEDULE[@]}" --headers=Content-Type=application/json
fi

say "done: {{ job }} starts at {{ scheduler.schedule }} ({{ scheduler.timeZone }})"
