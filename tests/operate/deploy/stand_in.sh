#!/usr/bin/env bash
# Stands in for gcloud and bq: writes down every call in $LOG and keeps in $STATE what exists, so that a step fails whose ground is missing,
# and so does making what is there. $FAIL is a pattern of calls that fail.
set -euo pipefail
program=${0##*/}
printf '%s %s\n' "$program" "$*" >>"$LOG"
words="$program $*"

fail() { printf 'ERROR: %s\n' "$1" >&2; exit 1; }
file() { path=$STATE/${1//[\/ ]/_}; } # sets $path
there() { file "$1"; [ -e "$path" ]; }
need() { there "$1" || fail "not found: $1"; }
make() { ! there "$1" || fail "already exists: $1"; set_to "$1" ""; }
set_to() { file "$1"; printf '%s' "$2" >"$path"; }
show() { need "$1"; cat "$path"; }
flag() { # flag NAME: sets $value to that of --NAME=
  local word
  value=""
  for word in "${all[@]}"; do case "$word" in "--$1="*) value=${word#*=} ;; esac; done
}
unconditional() { # of a policy that others share gcloud asks a person where it has conditions and none is named
  flag condition
  [ "$value" = None ] || fail "the policy has conditions: name --condition"
}
bind() { # bind PLACE: to an account that has to be there if it is one of ours
  local role
  flag role
  role=$value
  flag member
  case "$value" in serviceAccount:*) need "account ${value#serviceAccount:}" ;; esac
  set_to "on $1 $role $value" ""
}

all=("$@")
# shellcheck disable=SC2254 # it is a pattern
case "$words" in ${FAIL:-nothing}) fail "asked to fail: $words" ;; esac

gcloud_call() {
  case "$*" in
    "services enable "*) : ;;
    "iam service-accounts describe "*) need "account $4" ;;
    "iam service-accounts create "*) flag project; make "account $4@$value.iam.gserviceaccount.com" ;;
    "projects add-iam-policy-binding "*) unconditional; bind project ;;
    "storage buckets describe "*) show "bucket $4" ;;
    "storage buckets create "*) make "bucket $4"; set_to "bucket $4" "{}" ;;
    "storage buckets update "*) need "bucket $4"; flag lifecycle-file; [ -z "$value" ] || cp "$value" "$path" ;;
    "storage buckets add-iam-policy-binding "*) need "bucket $4"; unconditional; bind "$4" ;;
    "storage managed-folders describe "*) need "folder $4" ;;
    "storage managed-folders create "*) make "folder $4" ;;
    "storage managed-folders add-iam-policy-binding "*) need "folder $4"; bind "$4" ;;
    "run jobs replace "*)
      need "account $(sed -n 's/^ *serviceAccountName: //p' "$4")"
      set_to "job $(sed -n 's/^  name: //p' "$4")" "$(<"$4")"
      ;;
    "run jobs add-iam-policy-binding "*) need "job $4"; bind "job $4" ;;
    "run jobs execute "*) need "job $4"; need "granted on SCHEMA"; set_to tables "" ;;
    "workflows deploy "*) flag service-account; need "account $value"; flag source; set_to "workflow $3" "$(<"$value")" ;;
    "scheduler jobs describe "*) need "schedule $4" ;;
    "scheduler jobs create http "*) flag oauth-service-account-email; need "account $value"; make "schedule $5"; schedule "$5" ;;
    "scheduler jobs update http "*) need "schedule $5"; schedule "$5" ;;
    *) fail "unknown call: gcloud $*" ;;
  esac
}

schedule() { flag schedule; set_to "schedule $1" "$value"; }

bq_call() {
  local name=${!#} sql kind=SCHEMA
  case "$*" in
    *" show "*) show "dataset $name" ;;
    *" mk "*) make "dataset $name"; set_to "dataset $name" '{"etag": "1", "access": [{"role": "OWNER", "specialGroup": "projectOwners"}]}' ;;
    *" update "*"--source="*)
      need "dataset $name"
      flag etag
      grep -q "\"etag\": \"$value\"" "$path" || fail "changed meanwhile: $name"
      flag source
      cp "$value" "$path"
      ;;
    *" update "*) need "dataset $name" ;;
    *" query "*)
      sql=$(</dev/stdin)
      case "$sql" in *" ON TABLE "*) need tables; kind=TABLE ;; esac
      set_to "granted on $kind" "$sql"
      ;;
    *) fail "unknown call: bq $*" ;;
  esac
}

"${program}_call" "$@"
