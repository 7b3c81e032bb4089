from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest
from google.api_core import exceptions
from google.cloud.bigquery_storage_v1 import BigQueryReadClient

from pipeline.cloud.bigquery.billing_labels import labelled
from pipeline.cloud.bigquery.clients import ReadClient, read_client
from pipeline.cloud.bigquery.warehouse import Warehouse, _errors_of
from pipeline.errors import CloudError, RequestError, SqlError
from pipeline.project.target import Endpoints
from pipeline.rows.schema import Schema
from pipeline.sql import Asset, Catalogue, TableName, render
from pipeline.sql.header import Header
from tests.support.integration_fixtures import reader

SCHEMA = Schema.parse(
    {
        "id": "INT64 NOT NULL",
        "part": "INT64",
        "share": "FLOAT64",
        "name": "STRING",
        "open": "BOOL",
        "day": "DATE",
        "seen": "TIMESTAMP",
        "price": "NUMERIC",
    }
)
ROWS = """
    SELECT 3 AS id, NULL AS part, 0.1 AS share, 'c' AS name, TRUE AS open, DATE '2013-07-01' AS day,
      TIMESTAMP '2013-07-01 04:00:00+00' AS seen, NUMERIC '1.5' AS price, 'not asked for' AS more
    UNION ALL SELECT 1, 9007199254740993, NULL, NULL, NULL, NULL, NULL, NULL, ''
    UNION ALL SELECT 2, 5, -1e300, 'b', FALSE, DATE '0001-01-01', TIMESTAMP '1969-12-31 23:59:59.999999+00', 0, ''
"""


@pytest.fixture(scope="module")
def session(make_empty_session):
    return make_empty_session()


@pytest.fixture(scope="module")
def warehouse(session):
    return session.warehouse


@pytest.fixture(scope="module")
def table(session, warehouse):
    reader(session)(f"CREATE OR REPLACE TABLE ml.rows AS {ROWS}")
    return warehouse.target.table("rows")


def test_frames_come_through_the_storage_read_api_only(warehouse, table, requests_sent, monkeypatch):
    read_sessions = []
    create = BigQueryReadClient.create_read_session

    def record(self, *args, **kwargs):
        read_sessions.append(kwargs["read_session"])
        return create(self, *args, **kwargs)

    monkeypatch.setattr(BigQueryReadClient, "create_read_session", record)
    frame = warehouse.read_frame(table, SCHEMA, where="id > 1", order_by=["id"])
    assert frame["id"].to_list() == [2, 3]
    assert [session.read_options.row_restriction for session in read_sessions] == ["id > 1"]
    over_rest = [sent.path for sent in requests_sent.sent if re.search(r"/data$|/queries|/jobs", sent.path)]
    assert over_rest == []


def test_frames_have_the_declared_columns_types_and_order(warehouse, table):
    frame = warehouse.read_frame(table, SCHEMA, order_by=["id"])
    assert frame.dtypes.astype(str).to_dict() == {
        "id": "Int64",
        "part": "Int64",
        "share": "float64",
        "name": "string",
        "open": "boolean",
        "day": "date32[day][pyarrow]",
        "seen": "datetime64[us, UTC]",
        "price": "decimal128(38, 9)[pyarrow]",
    }
    assert list(frame.index) == [0, 1, 2]
    assert frame["id"].to_list() == [1, 2, 3]
    assert frame["part"].to_list() == [9007199254740993, 5, pd.NA]
    assert frame["share"].to_list()[1:] == [-1e300, 0.1]
    assert frame["day"].to_list()[1:] == [date(1, 1, 1), date(2013, 7, 1)]
    assert frame["seen"].to_list()[1:] == [
        pd.Timestamp("1969-12-31 23:59:59.999999+00:00"),
        pd.Timestamp("2013-07-01 04:00:00+00:00"),
    ]
    assert frame["price"].to_list()[1:] == [Decimal(0), Decimal("1.5")]
    assert frame.iloc[0].drop(["id", "part"]).isna().all()


def test_a_restriction_holds_for_one_read_only(warehouse, table):
    assert len(warehouse.read_frame(table, SCHEMA, where="part = 5", order_by=["id"])) == 1
    assert len(warehouse.read_frame(table, SCHEMA, order_by=["id"])) == 3


def test_only_declared_columns_are_read(warehouse, table, monkeypatch):
    asked, create = [], ReadClient.create_read_session

    def record(self, *args, **kwargs):
        asked.append(list(kwargs["read_session"].read_options.selected_fields))
        return create(self, *args, **kwargs)

    monkeypatch.setattr(ReadClient, "create_read_session", record)
    frame = warehouse.read_frame(table, SCHEMA.select(["id", "share"]), where="part = 5", order_by=["id"])
    assert frame["id"].to_list() == [2]
    assert asked == [["id", "share"]]


def test_no_rows_are_a_frame_of_the_same_types(warehouse, table):
    empty = warehouse.read_frame(table, SCHEMA, where="id > 99", order_by=["id"])
    assert len(empty) == 0
    assert list(empty.dtypes) == list(warehouse.read_frame(table, SCHEMA, order_by=["id"]).dtypes)


def test_rows_are_sorted_by_the_whole_key(session, warehouse):
    reader(session)(
        "CREATE OR REPLACE TABLE ml.many AS SELECT MOD(n * 7919, 5) AS a, MOD(n * 104729, 20011) AS b"
        " FROM UNNEST(GENERATE_ARRAY(1, 20000)) AS n"
    )
    schema = Schema.parse({"a": "INT64", "b": "INT64"})
    frame = warehouse.read_frame(warehouse.target.table("many"), schema, order_by=["a", "b"])
    assert len(frame) == 20000
    assert frame.equals(frame.sort_values(["a", "b"], ignore_index=True))
    assert frame["a"].nunique() == 5


def test_missing_table_or_column_is_a_request_error(warehouse, table):
    with pytest.raises(RequestError, match=r"rows: column colour is missing"):
        warehouse.read_frame(table, Schema.parse({"id": "INT64", "colour": "STRING"}), order_by=["id"])
    with pytest.raises(RequestError, match=r"reading .*nowhere.* - check the name and the target"):
        warehouse.read_frame(warehouse.target.table("nowhere"), SCHEMA, order_by=["id"])


def test_a_wrong_restriction_is_an_error_and_no_frame(warehouse, table):
    with pytest.raises((RequestError, CloudError), match="rows"):
        warehouse.read_frame(table, SCHEMA, where="no_such_column = 1", order_by=["id"])


ASSET = """/*
description: Appends a number.
parameters: {number: INT64}
identifiers: {table: table}
changes: {v1: first version}
*/
INSERT INTO `{table}` (number) SELECT @number
"""
COPY = """/*
description: Doubles the numbers.
identifiers: {table: table}
changes: {v1: first version}
*/
INSERT INTO `{table}` (number) SELECT number FROM `{table}`
"""
READ = """/*
description: Returns what it is given.
parameters:
  {whole: INT64, share: FLOAT64, day: DATE, moment: TIMESTAMP, words: [STRING], pairs: [{a: INT64, b: STRING}]}
columns: {whole: INT64, share: FLOAT64, day: DATE, moment: TIMESTAMP, words: INT64, a: INT64, b: STRING}
changes: {v1: first version}
*/
SELECT @whole AS whole, @share AS share, @day AS day, @moment AS moment, ARRAY_LENGTH(@words) AS words, pair.a, pair.b
FROM UNNEST(@pairs) AS pair
ORDER BY pair.a
"""


@pytest.fixture
def catalogue(tmp_path):
    for name, text in {"append": ASSET, "copy": COPY, "read": READ}.items():
        path = tmp_path / "sql" / "tests" / f"{name}_v1.sql"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Catalogue(tmp_path)


@pytest.fixture
def numbers(session, warehouse):
    reader(session)("CREATE OR REPLACE TABLE ml.numbers (number INT64)")
    return warehouse.target.table("numbers")


def append(catalogue, table, number):
    return render(catalogue.get("tests/append_v1"), {"table": table}, {"number": number})


def count(session):
    return reader(session)("SELECT COUNT(*) AS n FROM ml.numbers")[0]["n"]


def test_a_statement_of_one_step_runs_once(session, warehouse, catalogue, numbers):
    statement, step = append(catalogue, numbers, 1), "once-1"
    assert warehouse.execute(statement, step=step) == 1
    assert warehouse.execute(statement, step=step) == 1
    assert count(session) == 1
    warehouse.execute(append(catalogue, numbers, 2), step=step)
    warehouse.execute(statement, step="once-2")
    assert count(session) == 3


def test_a_finished_statement_whose_effect_is_gone_runs_again(session, warehouse, catalogue, numbers):
    statement = append(catalogue, numbers, 7)
    warehouse.execute(statement, step="gone")
    reader(session)("DELETE FROM ml.numbers WHERE TRUE")
    warehouse.execute(statement, step="gone", verify=lambda: count(session) > 0)
    assert count(session) == 1


def test_next_command_retries_a_permanently_failed_statement(session, warehouse, catalogue, numbers):
    statement = append(catalogue, numbers, 3)
    reader(session)("DROP TABLE ml.numbers")
    with pytest.raises(RequestError, match=r"tests/append_v1 \(fixed\): .*numbers"):
        warehouse.execute(statement, step="fixed")
    reader(session)("CREATE TABLE ml.numbers (number INT64)")
    warehouse.execute(statement, step="fixed")
    assert count(session) == 1


def test_jobs_carry_labels_and_an_id_of_our_own(warehouse, catalogue, numbers, requests_sent):
    statement = append(catalogue, numbers, 4)
    with labelled(run_id="Flight-2013 07"):
        warehouse.execute(statement, step="labelled")
    (sent,) = requests_sent.jobs
    assert re.fullmatch(r"labelled-[0-9a-f]{16}-a1", sent.body["jobReference"]["jobId"])
    labels = sent.body["configuration"]["labels"]
    sql = {"sql_version": "tests_append_v1", "sql_digest": statement.digest}
    assert labels == {"pipeline": "1", **sql, "run_id": "flight-2013_07"}
    assert "@number" in sent.statement


def test_statement_above_the_byte_limit_names_the_limit(warehouse, catalogue, numbers, requests_sent):
    warehouse.execute(append(catalogue, numbers, 8), step="within")
    limited = Warehouse(warehouse.target.model_copy(update={"maximum_bytes_billed": 1_000_000}))
    requests_sent.clear()
    copy = render(catalogue.get("tests/copy_v1"), {"table": numbers}, {})
    words = (
        r"tests/copy_v1 \(copy\): would be billed for 10,485,760 bytes; the limit is 1,000,000 - raise maximum_bytes_bi"
    )
    with pytest.raises(RequestError, match=words):
        limited.execute(copy, step="copy")
    assert len(requests_sent.sent) == 1
    assert limited.dry_run(copy) == 10_485_760
    assert warehouse.execute(copy, step="copy") == 1


def test_parameters_arrive_typed(warehouse, catalogue):
    values = {
        "whole": 9007199254740993,
        "share": 0.1,
        "day": date(2013, 7, 1),
        "moment": datetime(2013, 7, 1, 4, tzinfo=UTC),
        "words": ["a", "b"],
        "pairs": [{"a": 1, "b": "x"}, {"a": 2, "b": "'; DROP TABLE t; --"}],
    }
    rows = warehouse.rows(render(catalogue.get("tests/read_v1"), {}, values))
    once = {name: values[name] for name in ("whole", "share", "day", "moment")} | {"words": 2}
    assert rows == [once | pair for pair in values["pairs"]]


LOADED = Schema.parse({"id": "INT64 NOT NULL", "score": "FLOAT64"})


@pytest.fixture
def upload(session, tmp_path):
    def put(name, text):
        (tmp_path / name).write_text(text)
        uri = session.store.uri(tmp_path.name, name)
        session.store.put_file(tmp_path / name, uri)
        return uri

    return put


def test_a_load_of_one_step_runs_once_and_replaces_the_table(session, warehouse, upload, requests_sent):
    table = warehouse.target.run_table("loaded")
    first = upload("a.jsonl", '{"id": 1, "score": 0.1}\n{"id": 2, "score": null}\n')
    requests_sent.clear()
    assert [warehouse.load_jsonl([first], table, LOADED, step="load-1") for _ in range(2)] == [2, 2]
    ids = [sent.body["jobReference"]["jobId"] for sent in requests_sent.jobs]
    assert len(set(ids)) == 1
    assert reader(session)("SELECT * FROM runs.loaded ORDER BY id") == [
        {"id": 1, "score": 0.1},
        {"id": 2, "score": None},
    ]
    other = upload("b.jsonl", '{"id": 3}\n')
    assert warehouse.load_jsonl([other], table, LOADED, step="load-2") == 1
    assert reader(session)("SELECT id FROM runs.loaded") == [{"id": 3}]


def test_one_load_takes_many_files(warehouse, upload):
    uris = [upload(f"{number}.jsonl", f'{{"id": {number}}}\n') for number in range(3)]
    assert warehouse.load_jsonl(uris, warehouse.target.run_table("many"), LOADED, step="many") == 3


@pytest.mark.parametrize(
    "row", ['{"score": 1.0}', '{"id": "x"}', '{"id": 1, "colour": 1}', '{"id": 1, "score": NaN}', "[]"]
)
def test_a_bad_row_is_named_and_the_table_stays(session, warehouse, upload, row):
    table = warehouse.target.run_table("kept")
    warehouse.load_jsonl([upload("good.jsonl", '{"id": 1}\n')], table, LOADED, step=f"good-{row}"[:20].replace('"', ""))
    bad = upload("bad.jsonl", f'{{"id": 2}}\n{row}\n')
    with pytest.raises(RequestError, match=r"loading .*kept: .*bad\.jsonl.* - fix"):
        warehouse.load_jsonl([bad], table, LOADED, step="bad")
    assert reader(session)("SELECT id FROM runs.kept") == [{"id": 1}]


def test_a_file_that_is_not_there_is_named(warehouse, session):
    uri = session.store.uri("nowhere.jsonl")
    with pytest.raises(RequestError, match=r"nowhere\.jsonl"):
        warehouse.load_jsonl([uri], warehouse.target.run_table("nothing"), LOADED, step="nothing")


def test_tables_are_named_by_their_dataset(warehouse):
    target = warehouse.target
    names = {
        warehouse.target.table("x"): target.dataset,
        warehouse.target.run_table("x"): target.runs_dataset,
        warehouse.target.ledger_table("x"): target.ledger_dataset,
    }
    assert list(names) == [TableName(target.project, dataset, "x") for dataset in names.values()]


def test_a_server_that_is_gone_is_an_error_within_seconds(warehouse, monkeypatch, catalogue):
    monkeypatch.setattr("pipeline.cloud.retries.UNREACHABLE_DEADLINE", 0.5)
    nowhere = Endpoints(bigquery="http://127.0.0.1:9", bigquery_storage="127.0.0.1:9", storage="http://127.0.0.1:9")
    gone = Warehouse(warehouse.target.model_copy(update={"endpoints": nowhere}))
    with pytest.raises(CloudError, match=r"looking at .*rows: .* - run the same command again") as caught:
        gone.tables.row_count(gone.target.table("rows"))
    assert caught.value.exit_code == 4
    with pytest.raises(CloudError, match="tests/append_v1"):
        gone.execute(append(catalogue, gone.target.table("numbers"), 1), step="gone")


def test_cloud_read_client_is_the_same_class(warehouse):
    client = read_client(warehouse.target)
    assert isinstance(client, ReadClient)
    client.transport.close()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("Unrecognized name: x at [2:5]", "a.sql:8: a_v1: Unrecognized name: x - fix"),
        ("Syntax error at [99:1]", "a.sql:9: a_v1: Syntax error - fix"),
        ('Binder Error: no column "x"\n\nLINE 1: SELECT x FROM "y"', 'a_v1: Binder Error: no column "x" - fix'),
    ],
)
def test_a_mistake_in_sql_names_the_line_of_its_file(words, said):
    header = Header(description="x", changes={"v1": "x"})
    asset = Asset("a_v1", Path("a.sql"), header, "SELECT\n  x\nFROM y\n", "", first_line=7)
    with pytest.raises(SqlError) as caught, _errors_of(render(asset, {}, {})):
        raise exceptions.BadRequest(words, errors=[{"reason": "invalidQuery"}])
    assert str(caught.value) == f"{said} the SQL or the data it reads"
    assert words not in caught.value.loggable
