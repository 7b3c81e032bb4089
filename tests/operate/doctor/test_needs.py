from __future__ import annotations

import pytest

from pipeline.cloud import roles
from pipeline.operate.deploy import access
from pipeline.operate.deploy.access import OPERATOR, Grant, grants_of, operator_grants
from pipeline.operate.deploy.names import PARTS
from pipeline.operate.doctor.needs import needs_of
from pipeline.project.target import local_target

TARGET = local_target().model_copy(update={"prefix": "p"})


def needs(grants, *jobs):
    return {str(need): set(need.permissions) for need in needs_of(grants, TARGET, jobs)}


def test_needs_of_a_phase_by_place(job):
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


def test_an_operator_needs_the_rights_of_all_phases(job):
    operator = needs(operator_grants(), job)
    for account in PARTS:
        for place, permissions in needs(grants_of(account), job).items():
            assert permissions <= operator[place], (account, place)
    assert "storage.objects.delete" in operator["folder p/flight_delay/models/"]
    assert {grant.account for grant in operator_grants()} == {OPERATOR}


@pytest.mark.parametrize("first", [True, False])
def test_a_right_of_every_night_goes_first(job, first):
    rights = [
        Grant("x", access.DATASET, "runs_dataset", roles.DATA_VIEWER, "reads"),
        Grant("x", access.DATASET, "runs_dataset", roles.DATA_EDITOR, "writes", "at times"),
    ]
    (need,) = needs_of(rights if first else rights[::-1], TARGET, [job])
    assert need.permissions["bigquery.tables.getData"].why == "reads"
    assert need.permissions["bigquery.tables.create"].when == "at times"


def test_places_that_jobs_share_are_listed_once(project, job):
    other = project.job("item_recommend")
    found = needs(grants_of("load"), job, other)
    assert {f"folder p/{name}/attempts/" for name in (job.name, other.name)} <= set(found)
    assert {f"table ml.{owner.predictions_table}" for owner in (job, other)} <= set(found)
    assert [place for place in found if place.startswith("dataset ")] == [
        "dataset ml",
        "dataset ml_ledger",
        "dataset ml_runs",
    ]
