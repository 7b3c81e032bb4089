"""A project at the stand-in for Google, as `pipeline deploy` deploys it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from google.auth.credentials import AnonymousCredentials

from pipeline.cloud.roles import PERMISSIONS
from pipeline.operate.deploy import access
from pipeline.operate.deploy.access import grants_of, operator_grants
from pipeline.operate.deploy.names import account_emails
from pipeline.operate.doctor import CLOUD, diagnose
from pipeline.operate.doctor.needs import needs_of
from pipeline.operate.doctor.result import CheckResult
from pipeline.project.project import Job
from pipeline.project.target import Endpoints, Target, local_target
from tests.operate.doctor.google_stand_in import Google, serve
from tests.support.integration_fixtures import ROOT

PROJECT, BUCKET = "my-project", "my-bucket"
SETTINGS = {
    "iamConfiguration": {"uniformBucketLevelAccess": {"enabled": True}, "publicAccessPrevention": "enforced"},
    "softDeletePolicy": {"retentionDurationSeconds": "604800"},
}
TABLES = {
    "ml": ["flights", "metrics_v1", "comparisons_v1", "drift_v1", "verdicts_v1", "id_maps_v1"],
    "ml_runs": ["x__examples"],
    "ml_ledger": ["models", "events_v1", "models_v1", "champions_v1"],
    "ml_dashboard": ["dashboard_runs"],
}


class Named(AnonymousCredentials):
    """Credentials of a service account, without a token."""

    def __init__(self, email: str = "") -> None:
        super().__init__()
        self.service_account_email = email

    def refresh(self, request: object) -> None:
        """Need none."""


@dataclass
class Cloud:
    """A stand-in for Google, and the results of the doctor there."""

    google: Google
    target: Target
    job: Job
    patch: pytest.MonkeyPatch

    def log_in(self, credentials: object) -> None:
        self.patch.setattr("pipeline.cloud.bigquery.clients.credentials_of", lambda _: credentials)

    def account(self, phase: str) -> str:
        return account_emails(self.job.name, PROJECT, {})[phase]

    def grant_all(self, phase: str = "") -> None:
        """Give an account the rights that deploy.sh gives it."""
        self.google.rights.clear()
        for need in needs_of(grants_of(phase) if phase else operator_grants(), self.target, [self.job]):
            place = {access.PROJECT: "project", access.BUCKET: "bucket"}.get(need.kind, need.name)
            self.google.rights[place] = set().union(*(PERMISSIONS[grant.role] for grant in need.grants))
            if need.kind == access.FOLDER:
                self.google.folders.add(need.name)
        self.log_in(Named(self.account(phase) if phase else "me@example.com"))

    def look(self, phase: str = "") -> dict[str, CheckResult]:
        results = diagnose(ROOT, lambda: self.target, CLOUD, job=self.job.name, phase=phase)
        return {result.check: result for result in results}


@pytest.fixture
def cloud(job: Job, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    tables = {name: list(tables) for name, tables in TABLES.items()}
    tables["ml"] += [job.predictions_table, *job.spec.sources]
    columns = {
        name: {column.name: column.type for column in source.typed_columns.columns}
        for name, source in job.spec.sources.items()
    }
    google = Google(PROJECT, BUCKET, tables=tables, columns=columns, functions={"ml": ["f_0"]}, settings=dict(SETTINGS))
    with serve(google) as (http, grpc_address):
        monkeypatch.setattr("pipeline.operate.doctor.google.RESOURCE_MANAGER", http)
        endpoints = Endpoints(bigquery=http, bigquery_storage=grpc_address, storage=http)
        target = local_target(endpoints, PROJECT).model_copy(update={"bucket": BUCKET, "prefix": "p"})
        yield Cloud(google, target, job, monkeypatch)
