"""The check of a project with a broken statement: it names file and line, and sends nothing."""

from __future__ import annotations

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from pipeline.errors import RequestError
from pipeline.operate.sql import check
from pipeline.operate.sql.cache import Analysis, AnalysisCache, Finding
from pipeline.operate.sql.check import check_sql
from pipeline.project.project import Project
from pipeline.runs.session import Session
from pipeline.sql import Catalogue
from tests.operate.sql.conftest import ANALYZER, TARGET
from tests.support.dummy_project import edit
from tests.support.integration_fixtures import ROOT

LABELS = "sql/flight_delay/evaluate/labels_v1.sql"
EXAMPLES = "sql/flight_delay/preprocess/examples_v1.sql"
PUBLISHED, PUBLISH = "sql/phases/published_v1.sql", "sql/phases/publish_v1.sql"
REPORT, VERDICT = "sql/dashboard/report_v1.sql", "sql/ledger/verdict_of_v1.sql"
EVENTS, METRICS = "sql/ledger/events_v1.sql", "sql/ledger/metrics_v1.sql"
LOG_LOSS = "udf/binary_log_loss.sql"
UNUSED = "sql/flight_delay/evaluate/labels_v2.sql"
UNUSED_CHECKS = {"checks/count_of_v1"}
"""A part of checks (`rate`) that no job of this repository asks for."""
UNUSED_KINDS = {
    *(
        f"metrics/{name}_v1"
        for name in ("multiclass", "regression", "parts/weight", "parts/weight_above", "parts/cluster")
    ),
    "drift/age_v1",
}
"""Families, and kinds of columns, that no job of this repository has."""
SELECTED = "SELECT run_date, variant, metric, n, value\n"


@dataclass(frozen=True)
class Break:
    """One mistake: the old and the new text, the message, and a part of the line that is named."""

    file: str
    old: str
    new: str
    message: str
    at: str = ""


BREAKS = {
    "column in SELECT": Break(PUBLISHED, "SELECT run_date", "SELECT run_day", "Unrecognized name: run_day"),
    "column in a CTE of the job": Break(EXAMPLES, "SELECT tailnum, year,", "SELECT tailnum, yeer,", "name: yeer"),
    "column in JOIN": Break(
        "sql/dashboard/history_v1.sql", "= roles.run_id", "= roles.run_ident", "run_ident not found inside roles"
    ),
    "column in WHERE": Break(LABELS, "known_at <= @as_of", "know_at <= @as_of", "Unrecognized name: know_at"),
    "column in MERGE": Break(PUBLISH, "old.variant =", "old.variety =", "variety not found"),
    "column of MERGE's insert": Break(PUBLISH, "INSERT (run_date,", "INSERT (run_day,", "run_day is not present"),
    "column in a view": Break("sql/ledger/events_latest_v1.sql", "BY event_id", "BY event_key", "name: event_key"),
    "column in a nested metric": Break(
        "sql/metrics/binary_classification_v1.sql", "WHERE known.label IS", "WHERE known.lable IS", "lable not found"
    ),
    "partition": Break(EVENTS, "PARTITION BY run_date", "PARTITION BY run_day", "Unrecognized name: run_day"),
    "cluster": Break(EVENTS, "CLUSTER BY job, phase", "CLUSTER BY job, fase", "Unrecognized name: fase"),
    "ungrouped column": Break(PUBLISHED, "variant, run_id, model_id\nORDER", "variant\nORDER", "grouped", "SELECT run"),
    "type of an inserted value": Break(
        "sql/ledger/append_verdict_v1.sql", "SELECT @job, @run_date", "SELECT @run_date, @job", "cannot be inserted"
    ),
    "number of inserted values": Break(
        "sql/ledger/append_verdict_v1.sql", "SELECT @job, @run_date", "SELECT @run_date", "wrong column count"
    ),
    "function": Break(LABELS, " IF(arr_delay", " IFF(arr_delay", "Function not found: IFF"),
    "function that BigQuery lacks": Break(PUBLISHED, "COUNT(*)", "ZEROIFNULL(COUNT(*))", "ZEROIFNULL"),
    "parameter that is not declared": Break(PUBLISHED, "@last_date", "@end_date", "'end_date' not found"),
    "parameter in a view": Break(
        "sql/ledger/champion_predictions_v1.sql", "ON champions.job =", "ON @job =", "parameters cannot be used"
    ),
    "table": Break(
        PUBLISHED, "FROM `{", "FROM `pipeline-local.ml.nothing` CROSS JOIN `{", "Table not found: `pipeline-local.ml.no"
    ),
    "syntax": Break("sql/phases/source_range_v1.sql", "FROM `{", "FORM `{", "Syntax error"),
    "two statements": Break(REPORT, "ORDER BY run_date", ";\nSELECT 1 AS run_date", "Syntax error", "SELECT 1"),
    "DROP": Break(METRICS, "CREATE TABLE IF NOT EXISTS", "DROP TABLE x;\nCREATE TABLE", "DropStmt", "DROP"),
    "header, type": Break(REPORT, "value: FLOAT64", "value: INT64", "declares value INT64 where", "/*"),
    "header, order": Break(
        REPORT, "run_date: DATE, variant: STRING", "variant: STRING, run_date: DATE", "declares variant STRING", "/*"
    ),
    "header, one less": Break(PUBLISHED, ", row_count: INT64", "", "declares no more columns", "/*"),
    "header, one more": Break(VERDICT, "reason: STRING}\nch", "reason: STRING, n: INT64}\nch", "no more columns", "/*"),
    "header, other name": Break(REPORT, "metric: STRING", "metrik: STRING", "declares metrik STRING", "/*"),
    "array instead of a number": Break(PUBLISHED, "COUNT(*)", "ANY_VALUE([1])", "returns row_count ARRAY", "/*"),
    "pipe at the end": Break(REPORT, "ORDER BY run_date", "|> ORDER BY run_date", "Pipe query syntax not supported"),
    "FLOAT": Break(METRICS, "  low FLOAT64", "  low FLOAT", "Type not found: FLOAT"),
    "INTEGER": Break(METRICS, "  n INT64", "  n INTEGER", "Type not found: INTEGER"),
    "INT32": Break(METRICS, "  n INT64", "  n INT32", "Type not found: INT32"),
    "UUID": Break(METRICS, "  note STRING", "  note UUID", "Type not found: UUID"),
    "MAP": Break(METRICS, "  note STRING", "  note MAP<STRING, INT64>", "Syntax error"),
    "lateral alias": Break(
        PUBLISHED,
        "COUNT(*) AS row_count",
        "COUNT(*) AS row_count, row_count + 1 AS more",
        "Unrecognized name: row_count",
    ),
    "pipe": Break(REPORT, SELECTED, "FROM `{metrics}` |> SELECT run_date\n", "FROM", "|>"),
    "expression with WITH": Break(REPORT, SELECTED, "SELECT WITH(a AS value, a)\n", "WITH expressions"),
    "array function": Break(PUBLISHED, "COUNT(*)", "ARRAY_LENGTH(ARRAY_ZIP([1], [2]))", "ARRAY_ZIP"),
    "generated column": Break(METRICS, "  note STRING", "  note STRING AS (job)", "Generated columns"),
    "types compared": Break(PUBLISHED, "WHERE run_date BETWEEN", "WHERE variant BETWEEN", "STRING, DATE"),
    "number of arguments": Break(LABELS, "@late_minutes, 1, 0)", "@late_minutes, 1)", "signature for function IF"),
    "type of an argument": Break(PUBLISHED, "COUNT(*)", "LENGTH(run_date)", "signature for function LENGTH"),
}


def line_of(text: str, part: str) -> int:
    """Return the number of the first line that holds a text."""
    return next(number for number, line in enumerate(text.splitlines(), start=1) if part in line)


def is_consequence(finding: Finding) -> bool:
    """Tell whether only a table or function is missing that the broken statement would make."""
    return "not found: `pipeline-local.ml" in finding.message


@pytest.fixture(scope="module")
def repository():
    """The check of this repository."""
    return check_sql(Project(ROOT), TARGET, ANALYZER)


def test_this_repository_has_no_findings(repository):
    assert [str(finding) for finding in repository.findings] == []


def test_every_file_is_part_of_a_checked_statement(repository):
    assets = [asset for statement in repository.statements for asset in statement.assets]
    found = {part.name for asset in assets for part in (asset, *asset.functions)}
    assert set(Catalogue(ROOT).names()) - found == UNUSED_CHECKS | UNUSED_KINDS


@pytest.mark.usefixtures("no_requests")
def test_a_check_sends_nothing(copied, repository):
    found = check_sql(Project(copied), TARGET, ANALYZER)
    assert found.findings == []
    assert len(found.statements) > 100
    assert {statement.sql for statement in found.statements} <= {statement.sql for statement in repository.statements}


@pytest.mark.matrix(10)
@pytest.mark.parametrize("mistake", BREAKS.values(), ids=BREAKS)
def test_a_broken_statement_is_found_with_its_file_and_line(broken, mistake):
    path, found = broken(mistake.file, mistake.old, mistake.new)
    first, *others = found.findings
    line = line_of(path.read_text(), mistake.at or mistake.new.splitlines()[0])
    assert (first.path, first.line) == (path, line), str(first)
    assert mistake.message in first.message
    assert [str(finding) for finding in others if not is_consequence(finding)] == []
    assert all(str(finding).startswith(f"{finding.path}:{finding.line}: ") for finding in found.findings)
    assert not any("[at " in finding.message or "\n" in finding.message for finding in found.findings)


def test_a_function_in_javascript_is_found(broken, copied):
    body = Catalogue(copied).function("binary_log_loss").body
    signature = body[: body.index(" AS (")]
    path, found = broken(LOG_LOSS, body.strip(), f'{signature} LANGUAGE js AS "return 1"')
    first, *others = found.findings
    assert str(first) == f"{path}:{line_of(path.read_text(), 'LANGUAGE js')}: a function in js: write it in SQL"
    assert all("Function not found: `pipeline-local.ml.binary_log_loss_" in finding.message for finding in others)


def test_a_broken_condition_is_one_finding_a_statement(broken):
    _, found = broken("sql/checks/is_null_v1.sql", "IS NULL", "IS NUL")
    assert len(found.findings) == len({str(finding) for finding in found.findings})
    assert all("Syntax error" in finding.message for finding in found.findings)


def test_a_check_of_an_unknown_column_is_refused(broken):
    with pytest.raises(RequestError, match=r"examples_v1\.sql: key checks: accepted_values orign, .*: no column orign"):
        broken(EXAMPLES, "{column: origin,", "{column: orign,")


def test_two_mistakes_are_two_findings(broken):
    broken(VERDICT, "verdict, reason\nFROM", "verdict, raison\nFROM")
    _, found = broken(REPORT, SELECTED, SELECTED.replace("value", "valeu"))
    assert {finding.path.name for finding in found.findings} == {"verdict_of_v1.sql", "report_v1.sql"}
    assert len(found.findings) == 2


def test_a_mistake_in_crlf_has_the_same_line(broken, copied):
    path = copied / REPORT
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    try:
        _, found = broken(REPORT, "slice_name = ''", "slice_nome = ''")
        assert (found.findings[0].path, found.findings[0].line) == (path, line_of(path.read_text(), "slice_nome"))
    finally:
        shutil.copy(ROOT / REPORT, path)


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        (LABELS, "changes:", "changs:", r"labels_v1\.sql: key changes: required, but missing; key changs"),
        (LABELS, "  label: INT64", "  label: INTEGER", r"labels_v1\.sql: key columns: .*'INTEGER' is not one of"),
        (LABELS, "  label: INT64", "  label: FLOAT", r"labels_v1\.sql: key columns: .*'FLOAT' is not one of"),
        (LABELS, "identifiers:\n", "identifiers: {\n", r"labels_v1\.sql:\d+: not valid YAML"),
        (LABELS, "/*", "--", r"labels_v1\.sql:1: no comment header"),
        (LABELS, "`{flight_outcomes}`", "`{flights}`", r"`\{flights\}` is not declared in the header"),
        (LABELS, "`{flight_outcomes}`", "`{flight_outcomes}` AS o", "source flight_outcomes has the alias AS"),
        (LABELS, "flight_outcomes: table", "flight_outcomes: function", "flight_outcomes.sql: SQL file cannot be read"),
        (VERDICT, "run_date: DATE}", "run_date: DATE, more: DATE}", "verdict_of_v1.sql: parameter more is missing"),
        (VERDICT, ", run_date: DATE}", "}", "verdict_of_v1.sql: parameter run_date is not declared in the header"),
        ("jobs/flight_delay/job.yaml", "{late_minutes: 15}", "{late_minutes: 15, n: 1}", "parameter n is not declared"),
        (
            "jobs/flight_delay/job.yaml",
            "late_minutes: 15",
            "late_minutes: fifteen",
            r"v1\.sql: parameter late_minutes is declared INT64; 'fifteen' is not - fix the value in job\.yaml",
        ),
        ("jobs/flight_delay/job.yaml", "late_minutes: 15", "late_minutes: 15.5", "declared INT64; 15.5 is not"),
        ("jobs/flight_delay/job.yaml", "late_minutes: 15", "late_minutes: true", "declared INT64; True is not"),
        ("jobs/flight_delay/job.yaml", "prior_flights: 20.0", "prior_flights: [20.0]", "declared FLOAT64; "),
        ("jobs/flight_delay/job.yaml", "prior_flights: 20.0", "prior: 20.0", "parameter prior_flights is missing"),
        (
            "jobs/flight_delay/job.yaml",
            "family: binary_c",
            "family: ternary_c",
            "there is no .ternary_classification",
        ),
    ],
)
def test_an_unreadable_file_is_named(broken, file, old, new, message):
    with pytest.raises(RequestError, match=message):
        broken(file, old, new)


@pytest.mark.parametrize("name", ["labels_v01", "Labels_v1", "labels_v1_old", "labels", "labels_v0", "labels v2"])
def test_other_spellings_of_a_version_are_findings(copied, name):
    path = (copied / LABELS).with_name(f"{name}.sql")
    shutil.copy(copied / LABELS, path)
    try:
        (found,) = check_sql(Project(copied), TARGET, ANALYZER).findings
        assert found.path == path
        assert found.message.startswith("not the name of a version: write <name>_v<N>.sql")
    finally:
        path.unlink()


@pytest.mark.usefixtures("no_requests")
def test_broken_releases_are_findings(copied):
    digest = Session.open(Project(copied), TARGET).catalogue.get("dashboard/report_v1").digest
    released = {"dashboard/report_v1": digest, "flight_delay/evaluate/labels_v1": "0" * 16, "udf/gone": "0" * 16}
    path = copied / "sql/released.json"
    path.write_text(json.dumps(released))
    try:
        found = [str(finding) for finding in check_sql(Project(copied), TARGET, ANALYZER).findings]
    finally:
        path.unlink()
    edited = "flight_delay/evaluate/labels_v1 was released with another body"
    assert found == [
        f"{copied / LABELS}:1: {edited}; restore it and make flight_delay/evaluate/labels_v2",
        f"{copied / 'udf/gone.sql'}:1: udf/gone was released and is missing; restore it",
    ]


def test_statements_of_every_job_are_checked(copied):
    alone = check_sql(Project(copied), TARGET, ANALYZER)
    second = copied / "jobs/second"
    shutil.copytree(copied / "jobs/flight_delay", second)
    try:
        edit(second / "job.yaml", "slices: [origin, carrier]", "slices: [origin]")
        found = check_sql(Project(copied), TARGET, ANALYZER)
    finally:
        shutil.rmtree(second)
    assert [finding for finding in found.findings if finding.path.suffix == ".sql"] == []
    assert len(found.statements) == 2 * len(alone.statements)
    assert sum("second__predictions" in statement.sql for statement in found.statements) > 5


def test_jobs_are_analyzed_in_processes_if_nothing_is_known(tmp_path, monkeypatch):
    analyzed = []
    monkeypatch.setattr("pipeline.operate.sql.engine.open_service", lambda _: None)
    monkeypatch.setattr(check, "ProcessPoolExecutor", lambda processes, _: ThreadPoolExecutor(processes))
    monkeypatch.setattr(check, "_check_job", lambda _, name, *__: analyzed.append(name))
    monkeypatch.setattr(check, "_parse_unused", lambda *_: [])
    check_sql(Project(ROOT), TARGET, tmp_path)
    assert sorted(analyzed) == ["flight_delay", "flight_delay", "item_recommend", "item_recommend"]
    AnalysisCache(tmp_path).keep({"sql": "SELECT 1"}, Analysis())
    check_sql(Project(ROOT), TARGET, tmp_path)
    assert analyzed[4:] == ["flight_delay", "item_recommend"]


def test_an_unused_version_needs_a_header(copied):
    path = copied / UNUSED
    path.write_text("nonsense")
    try:
        with pytest.raises(RequestError, match=r"labels_v2\.sql:1: no comment header"):
            check_sql(Project(copied), TARGET, ANALYZER)
    finally:
        path.unlink()


def test_an_unused_version_is_parsed(broken, copied):
    path = copied / UNUSED
    shutil.copy(copied / LABELS, path)
    try:
        _, found = broken(UNUSED, "known_at <= @as_of", "know_at <= @as_of")
        assert found.findings == []  # without its tables it is only parsed
        _, found = broken(UNUSED, "know_at <= @as_of", "know_at <= <= @as_of")
        assert [finding.path for finding in found.findings] == [path]
        assert found.findings[0].message.startswith("Syntax error: ")
    finally:
        path.unlink()


def test_an_unused_part_is_not_parsed(broken):
    name = min(UNUSED_CHECKS)
    path, found = broken(f"sql/{name}.sql", "*/\n", "*/\n) (")
    assert path.is_file()
    assert found.findings == []


def test_an_unused_function_is_analyzed(copied):
    path = copied / "udf/unused.sql"
    shutil.copy(copied / LOG_LOSS, path)
    try:
        edit(path, Catalogue(copied).function("unused").body, "CREATE OR REPLACE TABLE `{function}` AS SELECT 1 AS x\n")
        found = check_sql(Project(copied), TARGET, ANALYZER).findings
        line = line_of(path.read_text(), "CREATE OR REPLACE TABLE")
        assert [str(finding) for finding in found] == [f"{path}:{line}: udf/ holds all functions, and nothing else"]
    finally:
        path.unlink()


def test_odd_names_are_findings_and_the_other_jobs_are_checked(copied, no_requests, tmp_path):
    root = tmp_path / "project"
    shutil.copytree(copied, root)
    shutil.copytree(root / "jobs/flight_delay", root / "jobs/My-Flights")
    (root / "sql/my-flights").mkdir()
    (root / "sql/my-flights/examples.sql").write_text("SELECT 1", encoding="utf-8")
    (root / "jobs/broken").mkdir()
    (root / "jobs/broken/job.yaml").write_text("time_zone: 12\n", encoding="utf-8")
    edit(root / LABELS, "known_at <= @as_of", "know_at <= @as_of")
    said = [str(finding) for finding in check_sql(Project(root), TARGET, ANALYZER).findings]
    assert any("My-Flights/job.yaml" in line and "small letters, digits and _" in line for line in said)
    assert any("my-flights/examples.sql" in line and "not the name of a version" in line for line in said)
    assert any("broken/job.yaml" in line and "required, but missing" in line for line in said)
    assert any("labels_v1.sql" in line and "Unrecognized name: know_at" in line for line in said)
