"""Rights compared with the calls of phases: every call is allowed, and every right is used in an ordinary night."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest
from google.auth.transport.requests import AuthorizedSession

from jobs.item_recommend.fixtures import write_fixtures as write_shop
from pipeline.cli.cloud_run.execution import Execution, remembered
from pipeline.cloud import roles
from pipeline.cloud.bigquery.clients import ReadClient
from pipeline.cloud.roles import PERMISSIONS
from pipeline.errors import RequestError
from pipeline.operate.deploy import access
from pipeline.operate.deploy.access import FOLDERS, Grant, grants, grants_of
from pipeline.operate.deploy.names import DASHBOARD, PARTS, SETUP, WORKFLOW
from pipeline.operate.sources import load_sources
from pipeline.phases.catch_up import catch_up_phase
from pipeline.phases.run import run_phase
from pipeline.phases.task import Task
from pipeline.project.project import Job
from pipeline.project.resources import PHASES
from pipeline.runs.ledger.usage import Clock
from pipeline.runs.session import Session
from pipeline.runs.tables import ensure_dashboard, ensure_tables
from tests.operate.deploy.remake import BEGIN, END, PAGE
from tests.operate.deploy.rights import Need, Places, covered, needs_of_call, needs_of_sql, roles_table
from tests.support.integration_fixtures import quick

RUN_DATE, SHOP_DATE = dt.date(2013, 6, 11), dt.date(2026, 2, 1)
WEAKER = {
    roles.DATA_OWNER: roles.DATA_EDITOR,
    roles.DATA_EDITOR: roles.DATA_VIEWER,
    roles.DATA_VIEWER: roles.METADATA_VIEWER,
}
"""The next role with fewer permissions."""


@dataclass(frozen=True)
class Night:
    """The permissions that each account needed in one night."""

    session: Session
    job: Job
    needs: dict[str, set[Need]]

    def missing(self, account: str, held: list[Grant]) -> list[Need]:
        places = (self.session.target, self.job.name, self.job.predictions_table)
        return sorted(need for need in self.needs[account] if not covered(need, held, *places))


@pytest.fixture(scope="module")
def night(make_empty_session, connect, job, fixtures_folder) -> Night:
    """One run date of a job with a challenger, each phase with its own session; the permissions that each needed."""
    first, quick_job = make_empty_session(), quick(job, variants=("logistic_regression", "carrier_hour_rate"))
    load_sources(first, quick_job, fixtures_folder)
    matured = RUN_DATE + dt.timedelta(days=quick_job.spec.labels.delay_days)
    sent = {SETUP: recorded(lambda session: set_up(session, quick_job), connect(first.target))}
    for phase in PHASES:
        day = matured if phase == "evaluate" else RUN_DATE
        sent[phase] = recorded(lambda session, at=(phase, day): repeat(session, quick_job, *at), connect(first.target))
    places = known_places(first)
    needs = {account: {need for call in calls for need in _needs(call, places)} for account, calls in sent.items()}
    return Night(first, quick_job, needs)


def set_up(session: Session, job: Job) -> None:
    ensure_tables(session, job)
    ensure_dashboard(session, job)


def repeat(session: Session, job: Job, phase: str, day: dt.date) -> None:
    """Run a phase in the night of a day as the second attempt of a task."""
    moment = job.as_of(day) + dt.timedelta(hours=4)
    execution = Execution(f"{job.name}-{phase}-x1", Task(attempt=1))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pipeline.phases.catch_up.read_clock", lambda _: Clock(moment, 0.0))
        with remembered(execution, session.store, job.name, session.reporter):
            list(catch_up_phase(session, job, phase))


def recorded(act: Callable[[Session], object], session: Session) -> list[tuple]:
    """Return every call over HTTP, and every table that was read as a stream."""
    calls: list[tuple] = []
    with pytest.MonkeyPatch.context() as patch:
        request, stream = AuthorizedSession.request, ReadClient.create_read_session

        def send(self, method, url, data=None, **options):
            calls.append((method, url, data))
            return request(self, method, url, data=data, **options)

        def read(self, *args, **options):
            calls.append(("READ", options["read_session"].table, None))
            return stream(self, *args, **options)

        patch.setattr(AuthorizedSession, "request", send)
        patch.setattr(ReadClient, "create_read_session", read)
        act(session)
    return calls


def known_places(session: Session) -> Places:
    client, places = session.warehouse._client, Places()
    for dataset in session.target.datasets:
        places.functions |= {f"{dataset}.{item.routine_id}" for item in client.list_routines(dataset)}
        for item in client.list_tables(dataset):
            if item.table_type == "VIEW":
                sql = client.get_table(item.reference).view_query
                places.views[f"{dataset}.{item.table_id}"] = sql
    return places


def _needs(call: tuple, places: Places) -> list[Need]:
    method, url, data = call
    if method == "READ":
        _, _, _, dataset, _, table = url.split("/")
        streams = [Need(f"bigquery.readsessions.{name}", "project") for name in ("create", "getData")]
        return [*streams, Need("bigquery.tables.getData", f"{dataset}.{table}")]
    return needs_of_call(method, url, data, places)


@pytest.mark.parametrize("account", PARTS)
def test_every_call_of_a_phase_is_within_its_rights(night, account):
    assert night.missing(account, grants_of(account)) == []


def test_recording_a_permanent_failure_is_within_its_rights(night, connect):
    """Nothing to score: the run is given up if it has no predictions, and the failure is recorded."""
    failing, places = connect(night.session.target), known_places(night.session)

    def fail(session: Session) -> None:
        execution = Execution("x2", Task(attempt=0))
        with (
            pytest.raises(RequestError, match="nothing to score"),
            remembered(execution, session.store, night.job.name, session.reporter),
        ):
            run_phase(session, night.job, dt.date(2016, 1, 1), "preprocess")

    needs = {need for call in recorded(fail, failing) for need in _needs(call, places)}
    seen = {need.place.split("/")[3] for need in needs if need.permission.startswith("storage.")}
    assert seen == {"attempts", "failures", "predictions"}
    assert replace(night, needs={"preprocess": needs}).missing("preprocess", grants_of("preprocess")) == []


def test_id_maps_need_exactly_the_rights_listed_for_them(make_empty_session, connect, project, tmp_path):
    first, shop = make_empty_session(), project.job("item_recommend")
    write_shop(tmp_path, 7)
    load_sources(first, shop, tmp_path)
    run_phase(first, shop, SHOP_DATE, "preprocess")
    calls = recorded(lambda session: run_phase(session, shop, SHOP_DATE, "train"), connect(first.target))
    places = known_places(first)
    trained = Night(first, shop, {"train": {need for call in calls for need in _needs(call, places)}})
    assert trained.missing("train", grants_of("train")) == []
    held = grants_of("train")
    for grant in held:
        if grant.when == "for models with id<->index tables":
            others = [other for other in held if other is not grant]
            assert trained.missing("train", others), f"not needed: {grant}"


@pytest.mark.parametrize("account", PARTS)
def test_each_right_is_needed_with_no_weaker_role(night, account):
    held = [grant for grant in grants_of(account) if not grant.when]
    before = len(night.missing(account, held))
    for grant in held:
        others = [other for other in held if other is not grant]
        assert len(night.missing(account, others)) > before, f"not needed: {grant}"
        if grant.role in WEAKER and grant.role != roles.DATA_OWNER:  # the emulator knows no authorised views
            weaker = [*others, replace(grant, role=WEAKER[grant.role])]
            assert len(night.missing(account, weaker)) > before, f"too strong: {grant}"


def writers(*permissions: str) -> set[str]:
    return {grant.account for grant in grants() if set(permissions) & PERMISSIONS.get(grant.role, set())}


def test_predict_writes_no_table():
    assert "predict" not in writers("bigquery.tables.updateData", "bigquery.tables.create", "bigquery.tables.delete")


def test_load_reads_no_model():
    assert [grant for grant in grants_of("load") if grant.resource == "models"] == []
    whole_bucket = {grant.role for grant in grants() if grant.kind == access.BUCKET}
    assert whole_bucket == {roles.BUCKET_VIEWER}  # which shows no object


def test_dashboards_read_only_the_dataset_of_views():
    assert {(grant.kind, grant.resource) for grant in grants_of(DASHBOARD)} == {
        (access.PROJECT, ""),
        (access.DATASET, "dashboard_dataset"),
    }


def test_only_the_workflow_may_override_arguments_of_phases():
    found = [grant for grant in grants() if grant.role.startswith("roles/run.") and grant.role != roles.RUN_VIEWER]
    assert {(grant.account, grant.resource) for grant in found} == {(WORKFLOW, phase) for phase in PHASES}


def test_no_account_replaces_or_deletes_objects():
    assert writers("storage.objects.delete") == set()
    assert {grant.role for grant in grants() if grant.kind == access.FOLDER} == {
        roles.OBJECT_VIEWER,
        roles.OBJECT_CREATOR,
    }


def test_rights_on_the_project_reach_no_data():
    reach = {
        permission
        for grant in grants()
        if grant.kind == access.PROJECT
        for permission in PERMISSIONS.get(grant.role, ())
    }
    assert {name for name in reach if ".tables." in name or ".objects." in name} == set()


def test_every_folder_of_a_phase_is_made(night):
    assert {grant.resource for grant in grants() if grant.kind == access.FOLDER} == set(FOLDERS)


def test_docs_security_lists_every_right():
    """To update it: `python -m tests.operate.deploy.remake`."""
    shown = PAGE.read_text(encoding="utf-8").split(BEGIN)[1].split(END)[0]
    assert shown.strip() == roles_table(grants()).strip()


def test_permissions_that_a_statement_needs():
    places = Places(functions={"d.f_0"}, views={"d.v": "`p-roject.d.w`"})
    sql = "INSERT INTO `p-roject.d.t` (a) SELECT `p-roject.d.f_0`(a) FROM `p-roject.d.v` WHERE x"
    assert set(needs_of_sql(sql, places)) == {
        Need("bigquery.tables.updateData", "d.t"),
        Need("bigquery.tables.getData", "d.t"),
        Need("bigquery.routines.get", "d"),
        Need("bigquery.tables.getData", "d.v"),
        Need("bigquery.tables.getData", "d.w"),
    }
    assert set(needs_of_sql("CREATE OR REPLACE TABLE `p-roject.d.t` AS SELECT 1", places)) == {
        Need("bigquery.tables.create", "d")
    }
