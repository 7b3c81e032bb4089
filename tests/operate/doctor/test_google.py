"""The doctor at a stand-in for Google: a project that is fit, and each thing that can be wrong with one."""

from __future__ import annotations

import google.auth
import pytest
from google.auth.credentials import CredentialsWithRegionalAccessBoundary
from google.auth.exceptions import RefreshError

from pipeline.operate.deploy.names import PHASES, SETUP
from pipeline.operate.doctor import worst
from pipeline.operate.doctor.asking import ask
from pipeline.operate.doctor.permissions import judge
from pipeline.operate.doctor.subject import Subject
from tests.cli.metadata_server import metadata_server
from tests.operate.doctor.conftest import Named
from tests.operate.doctor.google_stand_in import BIGQUERY, MANAGER, STORAGE, STREAMS

ACCOUNTS = ["", SETUP, *PHASES]
ENABLE = "run gcloud services enable {0} --project=my-project, and wait a few minutes"


def states(findings, *states):
    return {check: finding.said for check, finding in findings.items() if finding.state in states}


@pytest.mark.parametrize("phase", ACCOUNTS)
def test_what_deploy_grants_is_what_the_doctor_wants(clinic, phase):
    clinic.grant_all(phase)
    found = clinic.look(phase)
    assert states(found, "error") == {}
    why = "not known: datasets.update: nothing tells without changing the dataset"
    owns = {f"rights on dataset {name}": why for name in ("ml", "ml_ledger")} if phase in ("", SETUP) else {}
    unseen = {"bucket my-bucket": f"{phase} sees no settings of it and needs none"}
    assert states(found, "note") == owns | (unseen if phase not in ("", "load") else {})
    assert found["credentials"].said == (clinic.account(phase) if phase else "me@example.com")
    assert not any(asked.startswith(("PUT", "PATCH", "DELETE")) for asked in clinic.google.asked)


@pytest.mark.parametrize("phase", ACCOUNTS[1:])
def test_each_right_that_is_missing_is_named_with_the_command_that_grants_it(clinic, connect, phase):
    clinic.grant_all(phase)
    subject = Subject(connect(clinic.target), [clinic.job], phase, clinic.account(phase))
    for need in subject.needs:
        place = {"project": "project", "bucket": "bucket"}.get(need.kind, need.name)
        held, clinic.google.rights[place] = clinic.google.rights[place], set()
        finding = judge(subject, need, ask(subject, need, set(need.permissions)))
        clinic.google.rights[place] = held
        is_seldom = all(grant.seldom for grant in need.grants)
        assert (finding.state, finding.exit_code) == (("note", 0) if is_seldom else ("error", 5))
        assert finding.said.startswith("missing ")
        assert f"serviceAccount:{clinic.account(phase)}" in finding.said
        assert any(grant.role in finding.said for grant in need.grants)


def test_commands_that_grant(clinic):
    clinic.grant_all("evaluate")
    clinic.google.rights["ml_runs"].discard("bigquery.tables.create")
    clinic.google.rights["ml_ledger.events_v1"] = set()
    clinic.google.rights["project"] = set()
    clinic.google.rights["p/flight_delay/attempts/"] = {"storage.objects.get"}
    clinic.google.folders.discard("p/flight_delay/models/")
    found = clinic.look("evaluate")
    member = f"serviceAccount:{clinic.account('evaluate')}"
    grant = "bq query --use_legacy_sql=false 'GRANT `roles/bigquery.dataEditor` ON"
    folder = "gs://my-bucket/p/flight_delay/{0}/"
    role = f"--member={member} --role=roles/storage.objectViewer"
    binding = f"gcloud storage managed-folders add-iam-policy-binding {folder} {role}"
    assert {check: said for check, said in states(found, "error").items() if check.startswith("rights")} == {
        "rights on project my-project": "missing bigquery.jobs.create (evaluate runs queries) - "
        f"gcloud projects add-iam-policy-binding my-project --member={member}"
        " --role=roles/bigquery.jobUser --condition=None",
        "rights on dataset ml_runs": "missing bigquery.tables.create (evaluate makes tables of labels) - "
        f'{grant} SCHEMA `my-project`.`ml_runs` TO "{member}";\'',
        "rights on table ml_ledger.events_v1": "missing bigquery.tables.updateData (evaluate appends events) - "
        f'{grant} TABLE `my-project`.`ml_ledger`.`events_v1` TO "{member}";\'',
        "rights on folder p/flight_delay/attempts/": "missing storage.objects.list "
        f"(evaluate knows a run by its claim) - {binding.format('attempts')}",
        "rights on folder p/flight_delay/models/": "missing storage.objects.get, storage.objects.list "
        "(evaluate compares scores with those of the training rows) - gcloud storage managed-folders create "
        f"{folder.format('models')} && {binding.format('models')}",
    }
    assert found["clock"].exit_code == 5
    assert "grant roles/bigquery.jobUser for bigquery.jobs.create" in found["clock"].said


def test_rights_on_the_whole_bucket_do_for_folders_that_are_not_there(clinic):
    clinic.grant_all()
    clinic.google.folders.clear()
    clinic.google.rights["bucket"] |= {f"storage.objects.{name}" for name in ("get", "list", "create", "delete")}
    assert states(clinic.look(), "error") == {}


def test_who_predicts_and_could_write_is_a_note(clinic):
    clinic.grant_all("predict")
    clinic.google.rights["ml_runs"] |= {"bigquery.tables.create", "bigquery.tables.updateData"}
    clinic.google.rights["bucket"] = {"storage.objects.delete"}
    finding = clinic.look("predict")["no more rights"]
    assert (finding.state, finding.exit_code) == ("note", 0)
    assert "bigquery.tables.create on dataset ml_runs, no bigquery.tables.updateData on dataset ml_runs" in finding.said
    assert "no storage.objects.delete on folder p/flight_delay/models/" in finding.said


def test_places_that_are_not_there_yet_are_no_missing_rights(clinic):
    clinic.grant_all("train")
    del clinic.google.tables["ml_runs"]
    clinic.google.tables["ml"], clinic.google.functions["ml"] = [], []
    found = clinic.look("train")
    assert states(found, "error") == {
        "dataset ml_runs": "does not exist - bq --location=US mk --dataset my-project:ml_runs"
    }
    notes = states(found, "note")
    assert notes["rights on dataset ml_runs"].endswith("the dataset is not there")
    assert "no table yet that could be asked" in notes["rights on dataset ml"]
    assert "routines.get: there is no function yet" in notes["rights on dataset ml"]
    assert notes["rights on table ml.id_maps_v1"].endswith("the table is not there yet; pipeline setup makes it")


@pytest.mark.parametrize(
    ("service", "check"), [(BIGQUERY, "api bigquery"), (STORAGE, "api storage"), (STREAMS, "api bigquerystorage")]
)
def test_an_api_that_is_not_enabled_ends_it_with_the_command_that_enables_it(clinic, service, check):
    clinic.grant_all("predict")
    clinic.google.disabled = {service}
    found = clinic.look("predict")
    assert list(states(found, "error")) == [check]
    assert found[check].exit_code == 5
    assert f"API {service} is not enabled in project my-project - {ENABLE.format(service)}" in found[check].said
    assert list(found)[-1].startswith("api ")


def test_resource_manager_is_no_api_that_anybody_has_to_enable(clinic):
    clinic.grant_all("predict")
    clinic.google.disabled = {MANAGER}
    found = clinic.look("predict")
    assert states(found, "error") == {}
    said = found["rights on project my-project"].said
    assert said.startswith("not known: jobs.create, readsessions.create, readsessions.getData: ")
    assert ENABLE.format(MANAGER) in said


def test_a_bucket_that_is_set_otherwise(clinic):
    clinic.grant_all()
    clinic.google.location = "EU"
    clinic.google.settings = {"versioning": {"enabled": True}, "softDeletePolicy": {"retentionDurationSeconds": "0"}}
    found = clinic.look()
    update = "gcloud storage buckets update gs://my-bucket"
    assert found["uniform access"].exit_code == 2
    assert found["uniform access"].said.endswith(f"{update} --uniform-bucket-level-access")
    notes = states(found, "note")
    assert notes["public access prevention"].endswith(f"{update} --public-access-prevention")
    assert notes["soft delete"].endswith(f"{update} --soft-delete-duration=7d")
    assert notes["versioning"].endswith(f"{update} --no-versioning")
    assert "loads into US take files from everywhere" in notes["location of bucket my-bucket"]
    assert "no query finds it" in states(found, "error")["location of dataset ml"]


def test_a_bucket_that_is_not_there(clinic):
    clinic.grant_all()
    clinic.target = clinic.target.model_copy(update={"bucket": "none"})
    found = clinic.look()
    assert found["bucket none"].said == (
        "does not exist - gcloud storage buckets create gs://none --location=US --uniform-bucket-level-access"
        " --public-access-prevention"
    )
    assert "The specified bucket does not exist" in found["rights on bucket none"].said


def test_another_account_than_the_phases_is_said(clinic):
    clinic.grant_all("predict")
    clinic.log_in(Named())  # BigQuery has to say
    found = clinic.look("predict")["credentials"]
    runs = clinic.account("predict")
    assert (found.state, found.said) == (
        "note",
        f"somebody@example.com; predict runs as {runs}, of which nothing is said here",
    )


def test_credentials_that_nobody_names(clinic):
    clinic.log_in(Named())
    found = clinic.look()
    assert found["credentials"].said == "an account that neither the credentials nor BigQuery name"
    assert "--member=ACCOUNT " in found["rights on project my-project"].said


def test_credentials_that_are_no_good_end_it(clinic, monkeypatch):
    def expired(self, request):
        raise RefreshError("invalid_grant")

    monkeypatch.setattr(Named, "refresh", expired)
    clinic.log_in(Named())
    found = list(clinic.look().values())
    assert str(found[-1]) == (
        "error credentials: logging in to Google: no valid Google credentials found"
        " - run gcloud auth application-default login, or use --target local"
    )
    assert worst(found) == 5


def test_in_cloud_run_the_metadata_server_names_the_account(clinic, monkeypatch):
    # It would ask an address of Google's in a thread.
    monkeypatch.setattr(
        CredentialsWithRegionalAccessBoundary, "_maybe_start_regional_access_boundary_refresh", lambda *_: None
    )
    clinic.grant_all("predict")
    with metadata_server() as (variables, asked):
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "")
        monkeypatch.setenv("HOME", "/nonexistent")
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr("google.auth.compute_engine._metadata._GCE_METADATA_HOST", variables["GCE_METADATA_HOST"])
        credentials, _ = google.auth.default()
        clinic.log_in(credentials)
        said = clinic.look("predict")["credentials"].said
    assert said.startswith("predict@pipeline-local.iam.gserviceaccount.com; predict runs as ")
    assert any(path.endswith("/token") for path in asked)


def test_a_reservation_that_the_account_may_not_use_is_never_ok(clinic):
    clinic.grant_all("train")
    name = "projects/slots/locations/US/reservations/night"
    clinic.target = clinic.target.model_copy(update={"reservation": name})
    finding = clinic.look("train")["reservation"]
    assert finding.state == "note"
    assert finding.said.startswith("bigquery.reservations.use is not held on project slots; unless")
    assert "gcloud projects add-iam-policy-binding slots --member=serviceAccount:" in finding.said
    clinic.google.rights["project"].add("bigquery.reservations.use")
    assert (clinic.look("train")["reservation"].state, clinic.look("train")["reservation"].said) == ("ok", name)
    clinic.google.disabled.add(MANAGER)
    assert clinic.look("train")["reservation"].said.startswith("not known if bigquery.reservations.use is held")
