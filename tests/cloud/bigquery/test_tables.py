from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from pipeline.errors import RequestError
from pipeline.rows.schema import Schema
from tests.support.integration_fixtures import reader

COLUMNS = {"run_date": "DATE NOT NULL", "id": "INT64 NOT NULL", "share": "FLOAT64", "open": "BOOL", "name": "STRING"}


@pytest.fixture(scope="module")
def session(make_empty_session):
    return make_empty_session()


@pytest.fixture(scope="module")
def tables(session):
    return session.warehouse.tables


def test_a_table_is_made_once_partitioned_and_clustered(session, tables):
    table, schema = session.target.table("made"), Schema.parse(COLUMNS)
    tables.create(table, schema, partition_by="run_date", cluster_by=["id"])
    reader(session)("INSERT INTO ml.made (run_date, id) VALUES ('2013-07-01', 1)")
    tables.create(table, schema, partition_by="run_date", cluster_by=["id"])
    assert reader(session)("SELECT id FROM ml.made") == [{"id": 1}]
    found = session.warehouse._client.get_table(str(table))
    assert (found.time_partitioning.field, found.clustering_fields) == ("run_date", ["id"])
    assert tables.schema(table) == schema


def test_a_table_that_is_not_there(session, tables):
    table = session.target.table("nowhere")
    assert (tables.row_count(table), tables.exists(table)) == (None, False)
    with pytest.raises(RequestError, match=r"looking at .*nowhere.* - check the name"):
        tables.schema(table)


def test_a_column_of_a_type_that_frames_do_not_have_is_named(session, tables):
    reader(session)("CREATE OR REPLACE TABLE ml.arrays AS SELECT [1, 2] AS many")
    with pytest.raises(RequestError, match=r"arrays: column 'many'.* - select the other columns into a table"):
        tables.schema(session.target.table("arrays"))


def test_a_view_exists_without_rows(session, tables):
    reader(session)("CREATE OR REPLACE VIEW ml.seen AS SELECT 1 AS a")
    assert (tables.row_count(session.target.table("seen")), tables.exists(session.target.table("seen"))) == (
        0,
        True,
    )


def test_labels_are_set_and_listed(session, tables):
    reader(session)("CREATE OR REPLACE TABLE ml.labelled AS SELECT 1 AS a")
    tables.set_labels(session.target.table("labelled"), {"content": "Ab c"})
    assert tables.labels_in(session.target.dataset)["labelled"] == {"content": "ab_c"}


def test_a_run_table_gets_the_targets_labels_and_expires(session, tables, requests_sent):
    reader(session)("CREATE OR REPLACE TABLE runs.step AS SELECT 1 AS a")
    requests_sent.clear()
    tables.label_run_table(session.target.run_table("step"), {"run_id": "r1"})
    (sent,) = requests_sent.sent
    expires = datetime.fromtimestamp(int(sent.body["expirationTime"]) / 1000, UTC)
    assert timedelta(days=29) < expires - datetime.now(UTC) < timedelta(days=31)
    assert sent.body["labels"] == {"run_id": "r1"}
    assert tables.labels_in(session.target.runs_dataset)["step"] == {"run_id": "r1"}


def test_datasets_are_made_once_each(session, tables):
    tables.create_datasets()
    tables.create_datasets()
    target = session.target
    found = {item.dataset_id for item in session.warehouse._client.list_datasets()}
    assert set(target.datasets) <= found
    assert len(target.datasets) == 4


def test_tables_are_listed_looked_at_and_removed_once(session, tables):
    table, target = session.target.run_table("old"), session.target
    reader(session)("CREATE OR REPLACE TABLE runs.old AS SELECT 1 AS a")
    tables.set_labels(table, {"job": "j"})
    (listed,) = [item for item in tables.listed(target.runs_dataset) if item.name == table]
    assert listed.labels == {"job": "j"}
    age = datetime.now(UTC) - listed.created
    assert timedelta(seconds=-1) < age < timedelta(minutes=1)
    assert tables.look_at(table).modified >= listed.created
    assert [tables.delete(table), tables.delete(table)] == [True, False]
    assert tables.look_at(table) is None
    assert tables.listed("no_such_dataset") == []
    assert [session.warehouse.rights.location(name) for name in (target.runs_dataset, "no")] == ["US", None]
