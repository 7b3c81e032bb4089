"""`pipeline doctor` at a stand-in for Google: a project that is ready, and each fault of one."""

from __future__ import annotations

import google.auth
import pytest
from google.auth.credentials import AnonymousCredentials, CredentialsWithRegionalAccessBoundary
from google.auth.exceptions import RefreshError

from pipeline.errors import CloudError, PermissionMissing
from pipeline.operate.deploy.names import PARTS, SETUP
from pipeline.operate.doctor.google import log_in, member_of
from pipeline.operate.doctor.held import held_on
from pipeline.operate.doctor.needs import Account
from pipeline.operate.doctor.permissions import judge
from pipeline.operate.doctor.result import worst
from tests.cli.metadata_server import metadata_server
from tests.operate.doctor.conftest import Named
from tests.operate.doctor.google_stand_in import BIGQUERY, MANAGER, STORAGE, STREAMS

ACCOUNTS = ["", *PARTS]
ENABLE = "run gcloud services enable {0} --project=my-project, and wait a few minutes"


def summaries(results, state):
    return {check: result.summary for check, result in results.items() if result.state == state}


@pytest.mark.parametrize("phase", ACCOUNTS)
def test_the_rights_of_deploy_are_enough(cloud, phase, monkeypatch):
    monkeypatch.setattr("pipeline.operate.doctor.project.git_commit", lambda _: ("0a" * 20, False))  # else a note more
    cloud.grant_all(phase)
    results = cloud.look(phase)
    assert summaries(results, "error") == {}
    why = "not known: datasets.update: only a change of the dataset would tell"
    owns = {f"rights on dataset {name}": why for name in ("ml", "ml_ledger")} if phase in ("", SETUP) else {}
    unseen = {"bucket my-bucket": f"{phase} sees no settings of it and needs none"}
    assert summaries(results, "note") == owns | (unseen if phase not in ("", "load") else {})
    assert results["credentials"].summary == (cloud.account(phase) if phase else "me@example.com")
    assert not any(asked.startswith(("PUT", "PATCH", "DELETE")) for asked in cloud.google.asked)


@pytest.mark.parametrize("phase", ACCOUNTS[1:])
def test_a_missing_right_is_named_with_its_command(cloud, connect, phase):
    cloud.grant_all(phase)
    account = Account(connect(cloud.target), [cloud.job], phase, cloud.account(phase))
    for need in account.needs:
        place = {"project": "project", "bucket": "bucket"}.get(need.kind, need.name)
        held, cloud.google.rights[place] = cloud.google.rights[place], set()
        result = judge(account, need, held_on(account, need, set(need.permissions)))
        cloud.google.rights[place] = held
        is_optional = all(grant.when for grant in need.grants)
        assert (result.state, result.exit_code) == (("note", 0) if is_optional else ("error", 5))
        assert result.summary.startswith("missing ")
        assert f"serviceAccount:{cloud.account(phase)}" in result.summary
        assert any(grant.role in result.summary for grant in need.grants)


def test_commands_that_grant_rights(cloud):
    cloud.grant_all("evaluate")
    cloud.google.rights["ml_runs"].discard("bigquery.tables.create")
    cloud.google.rights["ml_ledger.events_v1"] = set()
    cloud.google.rights["project"] = set()
    cloud.google.rights["p/flight_delay/attempts/"] = {"storage.objects.get"}
    cloud.google.folders.discard("p/flight_delay/models/")
    results = cloud.look("evaluate")
    member = f"serviceAccount:{cloud.account('evaluate')}"
    grant = "bq query --use_legacy_sql=false 'GRANT `roles/bigquery.dataEditor` ON"
    folder = "gs://my-bucket/p/flight_delay/{0}/"
    role = f"--member={member} --role=roles/storage.objectViewer"
    binding = f"gcloud storage managed-folders add-iam-policy-binding {folder} {role}"
    assert {check: summary for check, summary in summaries(results, "error").items() if check.startswith("rights")} == {
        "rights on project my-project": "missing bigquery.jobs.create (evaluate runs queries) - "
        f"gcloud projects add-iam-policy-binding my-project --member={member}"
        " --role=roles/bigquery.jobUser --condition=None",
        "rights on dataset ml_runs": "missing bigquery.tables.create (evaluate makes tables of labels) - "
        f'{grant} SCHEMA `my-project`.`ml_runs` TO "{member}";\'',
        "rights on table ml_ledger.events_v1": "missing bigquery.tables.updateData (evaluate appends events) - "
        f'{grant} TABLE `my-project`.`ml_ledger`.`events_v1` TO "{member}";\'',
        "rights on folder p/flight_delay/attempts/": "missing storage.objects.list "
        f"(evaluate finds a run by its claim) - {binding.format('attempts')}",
        "rights on folder p/flight_delay/models/": "missing storage.objects.get, storage.objects.list "
        "(evaluate compares scores with those of the training rows) - gcloud storage managed-folders create "
        f"{folder.format('models')} && {binding.format('models')}",
    }
    assert results["clock"].exit_code == 5
    assert "grant roles/bigquery.jobUser for bigquery.jobs.create" in results["clock"].summary


def test_rights_on_the_bucket_are_enough_for_missing_folders(cloud):
    cloud.grant_all()
    cloud.google.folders.clear()
    cloud.google.rights["bucket"] |= {f"storage.objects.{name}" for name in ("get", "list", "create", "delete")}
    assert summaries(cloud.look(), "error") == {}


def test_unneeded_rights_to_write_are_a_note(cloud):
    cloud.grant_all("predict")
    cloud.google.rights["ml_runs"] |= {"bigquery.tables.create", "bigquery.tables.updateData"}
    cloud.google.rights["bucket"] = {"storage.objects.delete"}
    result = cloud.look("predict")["no more rights"]
    assert (result.state, result.exit_code) == ("note", 0)
    assert (
        "predict does not need bigquery.tables.create on dataset ml_runs, bigquery.tables.updateData on dataset ml_runs"
        in result.summary
    )
    assert "storage.objects.delete on folder p/flight_delay/models/" in result.summary


def test_missing_places_are_no_missing_rights(cloud):
    cloud.grant_all("train")
    del cloud.google.tables["ml_runs"]
    cloud.google.tables["ml"], cloud.google.functions["ml"] = [], []
    results = cloud.look("train")
    assert summaries(results, "error") == {
        "dataset ml_runs": "does not exist - bq --location=US mk --dataset my-project:ml_runs"
    }
    notes = summaries(results, "note")
    assert notes["rights on dataset ml_runs"].endswith("the dataset does not exist")
    assert "no table yet to ask about" in notes["rights on dataset ml"]
    assert "routines.get: there is no function yet" in notes["rights on dataset ml"]
    assert notes["rights on table ml.id_maps_v1"].endswith("the table does not exist yet; pipeline setup makes it")


@pytest.mark.parametrize(
    ("service", "check"), [(BIGQUERY, "api bigquery"), (STORAGE, "api storage"), (STREAMS, "api bigquerystorage")]
)
def test_a_disabled_api_is_the_last_result(cloud, service, check):
    cloud.grant_all("predict")
    cloud.google.disabled = {service}
    results = cloud.look("predict")
    assert list(summaries(results, "error")) == [check]
    assert results[check].exit_code == 5
    assert f"API {service} is not enabled in project my-project - {ENABLE.format(service)}" in results[check].summary
    assert list(results)[-1].startswith("api ")


def test_resource_manager_may_be_disabled(cloud):
    cloud.grant_all("predict")
    cloud.google.disabled = {MANAGER}
    results = cloud.look("predict")
    assert summaries(results, "error") == {}
    summary = results["rights on project my-project"].summary
    assert summary.startswith("not known: jobs.create, readsessions.create, readsessions.getData: ")
    assert ENABLE.format(MANAGER) in summary


def test_other_bucket_settings(cloud):
    cloud.grant_all()
    cloud.google.location = "EU"
    cloud.google.settings = {"versioning": {"enabled": True}, "softDeletePolicy": {"retentionDurationSeconds": "0"}}
    results = cloud.look()
    update = "gcloud storage buckets update gs://my-bucket"
    assert results["uniform access"].exit_code == 2
    assert results["uniform access"].summary.endswith(f"{update} --uniform-bucket-level-access")
    notes = summaries(results, "note")
    assert notes["public access prevention"].endswith(f"{update} --public-access-prevention")
    assert notes["soft delete"].endswith(f"{update} --soft-delete-duration=7d")
    assert notes["versioning"].endswith(f"{update} --no-versioning")
    assert "loads into US take files from everywhere" in notes["location of bucket my-bucket"]
    assert "no query finds it" in summaries(results, "error")["location of dataset ml"]


def test_a_missing_bucket(cloud):
    cloud.grant_all()
    cloud.target = cloud.target.model_copy(update={"bucket": "none"})
    results = cloud.look()
    assert results["bucket none"].summary == (
        "does not exist - gcloud storage buckets create gs://none --location=US --uniform-bucket-level-access"
        " --public-access-prevention"
    )
    assert "The specified bucket does not exist" in results["rights on bucket none"].summary


def test_another_account_than_the_phases_is_a_note(cloud):
    cloud.grant_all("predict")
    cloud.log_in(Named())  # BigQuery has to say
    result = cloud.look("predict")["credentials"]
    runs = cloud.account("predict")
    assert (result.state, result.summary) == (
        "note",
        f"person@example.com; predict runs as {runs}, which is not checked here",
    )


def test_credentials_without_a_name(cloud):
    cloud.log_in(Named())
    results = cloud.look()
    assert results["credentials"].summary == "an account that neither the credentials nor BigQuery name"
    assert "--member=ACCOUNT " in results["rights on project my-project"].summary


def test_refused_credentials_are_the_last_result(cloud, monkeypatch):
    def expired(self, request):
        raise RefreshError("invalid_grant")

    monkeypatch.setattr(Named, "refresh", expired)
    cloud.log_in(Named())
    results = list(cloud.look().values())
    assert str(results[-1]) == (
        "error credentials: logging in to Google: no valid Google credentials found"
        " - run gcloud auth application-default login, or use --target local"
    )
    assert worst(results) == 5


def test_the_metadata_server_names_the_account(cloud, monkeypatch):
    # It would ask an address of Google's in a thread.
    monkeypatch.setattr(
        CredentialsWithRegionalAccessBoundary, "_maybe_start_regional_access_boundary_refresh", lambda *_: None
    )
    cloud.grant_all("predict")
    with metadata_server() as (variables, asked):
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "")
        monkeypatch.setenv("HOME", "/nonexistent")
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr("google.auth.compute_engine._metadata._GCE_METADATA_HOST", variables["GCE_METADATA_HOST"])
        credentials, _ = google.auth.default()
        cloud.log_in(credentials)
        summary = cloud.look("predict")["credentials"].summary
    assert summary.startswith("predict@pipeline-local.iam.gserviceaccount.com; predict runs as ")
    assert any(path.endswith("/token") for path in asked)


def test_a_reservation_that_may_not_be_used_is_a_note(cloud):
    cloud.grant_all("train")
    name = "projects/slots/locations/US/reservations/night"
    cloud.target = cloud.target.model_copy(update={"reservation": name})
    result = cloud.look("train")["reservation"]
    assert result.state == "note"
    assert result.summary.startswith("bigquery.reservations.use is not held on project slots; unless it is held on")
    assert "gcloud projects add-iam-policy-binding slots --member=serviceAccount:" in result.summary
    cloud.google.rights["project"].add("bigquery.reservations.use")
    assert (cloud.look("train")["reservation"].state, cloud.look("train")["reservation"].summary) == ("ok", name)
    cloud.google.disabled.add(MANAGER)
    assert cloud.look("train")["reservation"].summary.startswith("not known whether bigquery.reservations.use is held")


class Credentials:
    def __init__(self, **names):
        self.asked = []
        vars(self).update(names)

    def refresh(self, request):
        self.asked.append(request.keywords["timeout"])


@pytest.mark.parametrize(
    ("names", "account"),
    [
        ({"service_account_email": "a@p.iam.gserviceaccount.com"}, "a@p.iam.gserviceaccount.com"),
        ({"account": "me@example.com"}, "me@example.com"),
        ({"account": ""}, ""),  # as gcloud writes it for application default credentials
        ({"service_account_email": None}, ""),  # a federated identity
        ({}, ""),
    ],
)
def test_logging_in_asks_for_a_token_and_returns_the_account(names, account):
    credentials = Credentials(**names)
    assert log_in(credentials) == account
    assert credentials.asked == [60.0]


def test_credentials_without_a_token_are_refused():
    with pytest.raises((CloudError, PermissionMissing)):
        log_in(AnonymousCredentials())


def test_members_have_the_form_of_iam():
    assert member_of("a@p.iam.gserviceaccount.com") == "serviceAccount:a@p.iam.gserviceaccount.com"
    assert member_of("12-compute@developer.gserviceaccount.com").startswith("serviceAccount:")
    assert member_of("me@example.com") == "user:me@example.com"
    assert member_of("") == "ACCOUNT"
