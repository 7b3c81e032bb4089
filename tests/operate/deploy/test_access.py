"""Rights against what phases do: every call is allowed, and nothing is allowed that an ordinary night does without."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest
from google.auth.transport.requests import AuthorizedSession

from jobs.item_recommend.fixtures import write_fixtures as write_shop
from pipeline.cli.cloud_run.execution import Execution, remembered
from pipeline.cloud.bigquery.clients import RestrictedReadClient
from pipeline.errors import RequestError
from pipeline.operate.deploy import access
from pipeline.operate.deploy.access import FOLDERS, Grant, grants, grants_of, roles_table
from pipeline.operate.deploy.names import DASHBOARD, PHASES, SETUP, WORKFLOW
from pipeline.operate.deploy.roles import PERMISSIONS, WEAKER
from pipeline.operate.sources import load_sources
from pipeline.phases.catch_up import catch_up_phase
from pipeline.phases.run import run_phase
from pipeline.phases.task import Task
from pipeline.project.project import Job
from pipeline.runs.ledger.usage import Clock
from pipeline.runs.session import Session
from pipeline.runs.tables import ensure_dashboard, ensure_tables
from tests.operate.deploy.remake import BEGIN, END, PAGE
from tests.operate.deploy.rights import Need, Places, covered, needs_of_call, needs_of_sql
from tests.support.integration_fixtures import quick

RUN_DATE, SHOP_DATE = dt.date(2013, 6, 11), dt.date(2026, 2, 1)


@dataclass(frozen=True)
class Night:
    """What each account needed in one night."""

    session: Session
    job: Job
    needs: dict[str, set[Need]]

    def missing(self, account: str, held: list[Grant]) -> list[Need]:
        places = (self.session.target, self.job.name, self.job.predictions_table)
        return sorted(need for need in self.needs[account] if not covered(need, held, *places))


@pytest.fixture(scope="module")
def night(make_empty_session, connect, job, fixtures_folder) -> Night:
    """One run date of a job with a challenger, each phase with a session of its own; what was sent by each."""
    first, quick_job = make_empty_session(), quick(job, variants=("logistic_regression", "gradient_boosting"))
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
    """Carry out a phase in the night of a day as the second attempt of a task."""
    moment = job.as_of(day) + dt.timedelta(hours=4)
    execution = Execution(f"{job.name}-{phase}-x1", Task(attempt=1))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pipeline.phases.catch_up.read_clock", lambda _: Clock(moment, 0.0))
        with remembered(execution, session.store, job.name, session.reporter):
            list(catch_up_phase(session, job, phase))


def recorded(act: Callable[[Session], object], session: Session) -> list[tuple]:
    """Every call over HTTP, and every table that was read as a stream."""
    calls: list[tuple] = []
    with pytest.MonkeyPatch.context() as patch:
        request, stream = AuthorizedSession.request, RestrictedReadClient.create_read_session

        def send(self, method, url, data=None, **options):
            calls.append((method, url, data))
            return request(self, method, url, data=data, **options)

        def read(self, *args, **options):
            calls.append(("READ", options["read_session"].table, None))
            return stream(self, *args, **options)

        patch.setattr(AuthorizedSession, "request", send)
        patch.setattr(RestrictedReadClient, "create_read_session", read)
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


@pytest.mark.parametrize("account", [SETUP, *PHASES])
def test_every_call_of_a_phase_is_within_its_rights(night, account):
    assert night.missing(account, grants_of(account)) == []


def test_a_phase_that_fails_for_good_is_within_its_rights_too(night, connect):
    """Nothing to score: the run is given up, unless something has predicted, and the failure is remembered."""
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


def test_training_a_model_with_id_maps_is_within_its_rights_and_needs_those_for_them(
    make_empty_session, connect, project, tmp_path
):
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
        if grant.seldom == "for models with id<->index tables":
            others = [other for other in held if other is not grant]
            assert trained.missing("train", others), f"spared: {grant}"


@pytest.mark.parametrize("account", [SETUP, *PHASES])
def test_no_right_can_be_spared_and_no_weaker_role_would_do(night, account):
    held = [grant for grant in grants_of(account) if not grant.seldom]
    before = len(night.missing(account, held))
    for grant in held:
        others = [other for other in held if other is not grant]
        assert len(night.missing(account, others)) > before, f"spared: {grant}"
        if grant.role in WEAKER and grant.role != access.OWNS:  # the emulator knows no authorised views
            weaker = [*others, replace(grant, role=WEAKER[grant.role])]
            assert len(night.missing(account, weaker)) > before, f"too strong: {grant}"


def writers(*permissions: str) -> set[str]:
    return {grant.account for grant in grants() if set(permissions) & PERMISSIONS.get(grant.role, set())}


def test_who_predicts_writes_no_table():
    assert "predict" not in writers("bigquery.tables.updateData", "bigquery.tables.create", "bigquery.tables.delete")


def test_who_loads_reads_no_model():
    assert [grant for grant in grants_of("load") if grant.resource == "models"] == []
    whole_bucket = {grant.role for grant in grants() if grant.kind == access.BUCKET}
    assert whole_bucket == {access.SEES_BUCKET}  # which shows no object


def test_dashboards_read_the_dataset_of_views_alone():
    assert {(grant.kind, grant.resource) for grant in grants_of(DASHBOARD)} == {
        (access.PROJECT, ""),
        (access.DATASET, "dashboard_dataset"),
    }


def test_only_the_workflow_may_override_arguments_and_never_those_of_the_setup():
    found = [grant for grant in grants() if grant.role.startswith("roles/run.") and grant.role != access.SEES_RUNS]
    assert {(grant.account, grant.resource) for grant in found} == {(WORKFLOW, phase) for phase in PHASES}


def test_nobody_replaces_or_deletes_objects():
    assert writers("storage.objects.delete") == set()
    assert {grant.role for grant in grants() if grant.kind == access.FOLDER} == {
        access.READS_OBJECTS,
        access.CREATES_OBJECTS,
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


def test_the_page_on_security_shows_every_right():
    """To write it anew: `python -m tests.operate.deploy.remake`."""
    shown = PAGE.read_text(encoding="utf-8").split(BEGIN)[1].split(END)[0]
    assert shown.strip() == roles_table(grants()).strip()


def test_what_a_statement_needs():
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
