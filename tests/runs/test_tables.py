from __future__ import annotations

import shutil
from dataclasses import replace

import pytest

from pipeline.errors import PermissionMissing, RequestError
from pipeline.runs.tables import ensure_dashboard, ensure_tables, function_name
from pipeline.sql import Catalogue
from tests.support.integration_fixtures import ROOT, edited, reader

VIEW = "sql/ledger/champion_predictions_v1.sql"


@pytest.fixture(scope="module")
def session(make_empty_session, job):
    session = make_empty_session()
    ensure_tables(session, job)
    return session


@pytest.fixture
def with_sql(session, tmp_path):
    """A session over a copy of the SQL, to be edited."""
    for name in ("sql", "udf"):
        shutil.copytree(ROOT / name, tmp_path / name)
    return lambda: replace(session, catalogue=Catalogue(tmp_path))


def names_in(session, dataset):
    return set(session.warehouse.tables.labels_in(dataset))


def test_all_tables_and_views_are_made_in_their_datasets(session):
    target = session.target
    assert names_in(session, target.dataset) == {
        *("flight_delay__predictions_v1", "flight_delay__predictions", "metrics_v1", "metrics", "verdicts_v1"),
        *("comparisons_v1", "comparisons", "drift_v1", "drift", "id_maps_v1"),
    }
    assert names_in(session, target.ledger_dataset) == {
        *("events_v1", "events", "models_v1", "models", "champions_v1", "champions")
    }
    assert names_in(session, target.runs_dataset) == set()
    for name in names_in(session, target.dataset):
        assert reader(session)(f"SELECT * FROM ml.{name}") == []


def test_dashboard_views_are_made_once_with_the_view_of_roles(session, job, requests_sent):
    ensure_dashboard(session, job)
    assert names_in(session, session.target.dashboard_dataset) == {
        *(f"dashboard_{name}" for name in ("latest", "history", "slices", "calibration")),
        *(f"dashboard_{name}" for name in ("comparison", "drift", "runs")),
    }
    assert "roles" in names_in(session, session.target.ledger_dataset)
    requests_sent.clear()
    ensure_dashboard(session, job)
    assert [sent.method for sent in requests_sent.sent] == ["GET", "GET"]


def test_a_predictions_table_with_other_columns_is_refused(session, job, requests_sent):
    columns = {**job.spec.predictions.columns, "rank": "INT64"}
    other = edited(job, predictions=job.spec.predictions.model_copy(update={"columns": columns}))
    with pytest.raises(RequestError, match=r"predictions_v1 has other columns .* - raise predictions.version in job"):
        ensure_tables(session, other)
    assert requests_sent.writes == []


def test_functions_are_named_by_their_digest_and_work(session):
    name = function_name(session, "binary_log_loss")
    assert name.name == f"binary_log_loss_{session.catalogue.function('binary_log_loss').digest}"
    assert name.name in session.warehouse.tables.functions()
    (row,) = reader(session)(f"SELECT `{name}`(1, 0.5) AS loss")
    assert row["loss"] == pytest.approx(0.6931471805599453, abs=1e-15)


def test_a_second_call_only_lists(session, job, requests_sent):
    ensure_tables(session, job)
    assert [sent for sent in requests_sent.sent if sent.method != "GET"] == []
    assert len(requests_sent.sent) == 3


def test_rows_stay_because_no_table_is_made_again(session, job):
    reader(session)(
        "INSERT INTO ledger.champions_v1 (job, variant, from_run_date, decided_at, reason)"
        " VALUES ('other', 'v', '2013-07-01', CURRENT_TIMESTAMP(), 'first')"
    )
    ensure_tables(session, job)
    assert len(reader(session)("SELECT * FROM ledger.champions")) == 1


def test_a_view_follows_changes_of_its_sql_there_and_back(session, job, with_sql, tmp_path):
    path, view = tmp_path / VIEW, session.target.table("flight_delay__predictions")
    before = session.warehouse.tables.labels_in(session.target.dataset)[view.name]
    text = path.read_text()
    path.write_text(text.replace("SELECT predictions.*", "SELECT predictions.*, 1 AS more"))
    for changed, columns in ((with_sql(), {"more"}), (session, set()), (with_sql(), {"more"})):
        ensure_tables(changed, job)
        fields = {field.name for field in session.warehouse._client.get_table(str(view)).schema}
        assert fields & {"more"} == columns
        after = session.warehouse.tables.labels_in(session.target.dataset)[view.name]
        assert (after == before) == (columns == set())
    ensure_tables(session, job)


def test_a_comment_in_sql_changes_nothing(job, with_sql, tmp_path, requests_sent):
    path = tmp_path / VIEW
    path.write_text(path.read_text().replace("What consumers read", "What everybody reads"))
    ensure_tables(with_sql(), job)
    assert [sent for sent in requests_sent.sent if sent.method != "GET"] == []


def test_another_function_body_does_not_replace_the_one_in_use(session, job, with_sql, tmp_path):
    path = next((tmp_path / "udf").glob("*.sql"))
    text = path.read_text()
    header, _, body = text.partition("*/\n")
    path.write_text(f"{header}*/\n-- another version\n{body}")
    before = session.warehouse.tables.functions()
    ensure_tables(with_sql(), job)
    after = session.warehouse.tables.functions()
    assert before < after
    assert len(after - before) == 1


def test_a_phase_that_may_not_make_tables_names_setup(make_empty_session, job, monkeypatch):
    session = make_empty_session()

    def refuse(*_, **__):
        raise PermissionMissing("Permission bigquery.tables.create denied")

    monkeypatch.setattr("pipeline.cloud.bigquery.tables.Tables.create", refuse)
    with pytest.raises(PermissionMissing, match=r"tables.create denied - pipeline setup flight_delay makes it"):
        ensure_tables(session, job)
