from __future__ import annotations

import pytest

from pipeline.operate.deploy import access
from pipeline.operate.deploy.access import Grant, grants_of
from pipeline.operate.deploy.names import PHASES, SETUP
from pipeline.operate.deploy.roles import OPERATOR, operator_grants
from pipeline.operate.doctor.subject import needs_of
from pipeline.project.target import local_target

TARGET = local_target().model_copy(update={"prefix": "p"})


def needs(grants, *jobs):
    return {str(need): set(need.permissions) for need in needs_of(grants, TARGET, jobs)}


def test_a_phase_needs_what_its_rights_bring_where_they_hold(job):
    assert needs(grants_of("predict"), job) == {
        "project pipeline-local": {
            "bigquery.jobs.create",
            "bigquery.readsessions.create",
            "bigquery.readsessions.getData",
        },
        "dataset ml": {
            f"bigquery.{name}" for name in "datasets.get tables.get tables.list routines.get routines.list".split()
        },
        **{
            f"dataset {name}": {
                f"bigquery.{kind}" for kind in "datasets.get tables.get tables.list tables.getData".split()
            }
            for name in ("ml_ledger", "ml_runs")
        },
        "table ml.flight_delay__predictions_v1": {"bigquery.tables.getData"},
        **{
            f"folder p/flight_delay/{name}/": {"storage.objects.get", "storage.objects.list"}
            for name in ("attempts", "models")
        },
        **{
            f"folder p/flight_delay/{name}/": {f"storage.objects.{kind}" for kind in ("get", "list", "create")}
            for name in ("failures", "predictions", "rejects")
        },
    }


def test_an_operator_needs_all_that_setup_and_phases_need(job):
    operator = needs(operator_grants(), job)
    for account in (SETUP, *PHASES):
        for place, permissions in needs(grants_of(account), job).items():
            assert permissions <= operator[place], (account, place)
    assert "storage.objects.delete" in operator["folder p/flight_delay/models/"]
    assert {grant.account for grant in operator_grants()} == {OPERATOR}


@pytest.mark.parametrize("first", [True, False])
def test_a_right_of_every_night_goes_before_one_that_is_seldom_used(job, first):
    rights = [
        Grant("x", access.DATASET, "runs_dataset", access.READS, "reads"),
        Grant("x", access.DATASET, "runs_dataset", access.WRITES, "writes", "seldom"),
    ]
    (need,) = needs_of(rights if first else rights[::-1], TARGET, [job])
    assert need.permissions["bigquery.tables.getData"].why == "reads"
    assert need.permissions["bigquery.tables.create"].seldom == "seldom"


def test_places_of_jobs_stand_beside_each_other_and_shared_ones_once(project, job):
    other = project.job("item_recommend")
    found = needs(grants_of("load"), job, other)
    assert {f"folder p/{name}/attempts/" for name in (job.name, other.name)} <= set(found)
    assert {f"table ml.{each.predictions_table}" for each in (job, other)} <= set(found)
    assert [place for place in found if place.startswith("dataset ")] == [
        "dataset ml",
        "dataset ml_ledger",
        "dataset ml_runs",
    ]
