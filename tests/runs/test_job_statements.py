from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from pipeline.errors import RequestError
from pipeline.project.job_checks import check_assets
from pipeline.project.project import Project
from pipeline.runs.job_statements import QueryScope, job_query
from pipeline.runs.session import Session
from pipeline.runs.tables import function_name
from pipeline.sql import Catalogue
from tests.support.dummy_project import dummy_project, edit, offline_target
from tests.support.integration_fixtures import ROOT, edited

DAY, MOMENT = date(2013, 7, 5), datetime(2013, 7, 5, 4, tzinfo=UTC)
EXAMPLES = "sql/dummy/preprocess/examples_v1.sql"


@pytest.fixture
def root(tmp_path):
    with dummy_project(tmp_path) as root:
        yield root


def query(root, asked):
    """The examples query of a freshly read project."""
    session = Session.open(Project.open(root), offline_target())
    job = session.project.job("dummy")
    return session, job_query(session, job, job.spec.examples, asked)


def test_functions_of_a_jobs_sql_are_named_by_their_digest(root):
    edit(root / EXAMPLES, "{items: table}", "{items: table, half: function}")
    edit(root / EXAMPLES, "SELECT id, day", "SELECT id, `{half}`(day) AS day")
    session, statement = query(root, QueryScope(DAY, DAY, DAY, MOMENT, MOMENT))
    name = function_name(session, "half")
    assert name.name == f"half_{session.catalogue.function('half').digest}"
    assert f"{name.quoted}(day) AS day" in statement.sql
    assert statement.sql.count("FOR SYSTEM_TIME") == 1


def test_another_function_body_gives_the_query_another_digest(root):
    edit(root / EXAMPLES, "{items: table}", "{items: table, half: function}")
    edit(root / EXAMPLES, "SELECT id, day", "SELECT id, `{half}`(day) AS day")
    _, before = query(root, QueryScope(DAY, DAY, DAY, MOMENT))
    edit(root / "udf/half.sql", "SELECT 0.5", "SELECT 0.25")
    assert query(root, QueryScope(DAY, DAY, DAY, MOMENT))[1].digest != before.digest


def test_declared_engine_values_and_snapshots_of_sources(root):
    asked = QueryScope(DAY, date(2013, 7, 1), date(2013, 7, 4), MOMENT, MOMENT)
    _, statement = query(root, asked)
    assert statement.values == {"as_of": MOMENT}
    everything = "as_of: TIMESTAMP, run_date: DATE, first_date: DATE, last_date: DATE, time_zone: STRING"
    edit(root / EXAMPLES, "{as_of: TIMESTAMP}", f"{{{everything}, history_days: INT64}}")
    session, statement = query(root, asked)
    assert statement.values == {
        "as_of": MOMENT,
        "run_date": DAY,
        "first_date": date(2013, 7, 1),
        "last_date": date(2013, 7, 4),
        "time_zone": "America/New_York",
        "history_days": 3,
    }
    assert f"{session.target.table('items').quoted} FOR SYSTEM_TIME AS OF" in statement.sql


@pytest.mark.parametrize(("family", "column"), [("binary_classification", "score"), ("regression", "value")])
def test_predictions_need_the_columns_of_the_metric_family(family, column):
    project = Project.open(ROOT)
    job = project.job("flight_delay")
    predictions = job.spec.predictions.model_copy(update={"columns": {"points": "FLOAT64 NOT NULL"}})
    other = edited(job, family=family, predictions=predictions, headline=[], gate=None)
    said = f"key predictions: no column {column}, which metrics/{family}_v1 needs - give"
    with pytest.raises(RequestError, match=said):
        check_assets(Catalogue(ROOT), other)
