"""`pipeline sql`: exit codes, one-line errors, and what is printed."""

from __future__ import annotations

import json
import shlex
import shutil
import sys

import pytest

from pipeline.cli import app as cli
from tests.support.dummy_project import dummy_project, edit
from tests.support.integration_fixtures import ROOT

EXAMPLES, SQL = "dummy/preprocess/examples_v1", "sql/dummy/preprocess/examples_v1.sql"
PUBLISHED = "sql/phases/published_v1.sql"
LOCAL = ["--local-dir", str(ROOT / ".local")]


@pytest.fixture(autouse=True)
def _offline(monkeypatch):
    """Nothing may start the emulators or make a client."""
    for name in ("emulators.lifecycle.up", "cloud.bigquery.warehouse.Warehouse", "cloud.storage.store.Store"):
        monkeypatch.setattr(f"pipeline.{name}", lambda *_: pytest.fail("something was started"))


@pytest.fixture
def project(tmp_path, monkeypatch):
    with dummy_project(tmp_path) as root:
        monkeypatch.chdir(root)
        yield root


@pytest.fixture
def copied(tmp_path, monkeypatch):
    """The project of this repository as working folder, in a folder of its own."""
    for name in ("sql", "udf", "jobs/flight_delay"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "sql/released.json").unlink(missing_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    return tmp_path


@pytest.fixture
def sql(capsys):
    """Run a command that succeeds, and return the lines that it prints."""

    def run(*arguments):
        code = cli.run(["sql", *arguments])
        out, err = capsys.readouterr()
        assert (code, err) == (0, "")
        return out.splitlines()

    return run


@pytest.fixture
def fails(capsys):
    """Run a command that is wrong, and return its error: one line on stderr, nothing on stdout, exit code 2."""

    def run(*arguments):
        code = cli.run(["sql", *arguments])
        out, err = capsys.readouterr()
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert err.startswith("error: ")
        assert len(err) < 1100
        return err

    return run


def test_check_of_a_good_project_succeeds(copied, sql):
    found = sql("check", *LOCAL)
    assert [line for line in found if line.startswith("sql check: ")] == found[-1:]
    assert found[-1].endswith(" statements, all parse, resolve and return what they declare")


def test_findings_are_lines_on_stdout_and_one_error(copied, capsys):
    edit(copied / PUBLISHED, "SELECT run_date", "SELECT run_day")
    lines = (copied / PUBLISHED).read_text().splitlines()
    number = next(number for number, line in enumerate(lines, start=1) if "SELECT run_day" in line)
    assert cli.run(["sql", "check", *LOCAL]) == 2
    out, err = capsys.readouterr()
    assert out.splitlines()[0].startswith(f"{copied / PUBLISHED}:{number}: Unrecognized name: run_day")
    assert err.splitlines()[-1].startswith(f"error: sql check: {len(out.splitlines())} findings in ")


@pytest.mark.parametrize("command", ["list", "freeze"])  # sql check goes on: tests/operate/sql/test_check.py
@pytest.mark.parametrize("name", ["examples_v01", "Examples_v1", "examples_V1", "examples", "examples_v1.2"])
def test_other_spellings_of_a_version_are_refused(project, fails, command, name):
    shutil.copy(project / SQL, (project / SQL).with_name(f"{name}.sql"))
    assert f"{name}.sql: not the name of a version - write <name>_v<N>.sql in small letters" in fails(command)


@pytest.mark.parametrize("command", ["freeze", "check"])
@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("description: Examples.", "description: a: b", "examples_v1.sql:2: not valid YAML"),
        ("identifiers: {items: table}", "identifiers: {items: table", r"examples_v1.sql:5: not valid YAML"),
        ("columns:", "columns: {x: INT64}\ncolumns:", "examples_v1.sql:6: not valid YAML (key columns comes twice)"),
        ("/*\n", "", "examples_v1.sql:1: no comment header"),
        ("*/\n", "", "examples_v1.sql:1: no comment header"),
        ("as_of: TIMESTAMP", "as_of: DATETIME", "examples_v1.sql: key parameters.as_of"),
        ("items: table", "items: dataset", "examples_v1.sql: key identifiers.items"),
        ("changes:", "author: me\nchanges:", "examples_v1.sql: key author: not a known key"),
    ],
)
def test_broken_header_is_named(project, fails, command, old, new, message):
    edit(project / SQL, old, new)
    assert message in fails(command, *(LOCAL if command == "check" else []))


def test_binary_sql_file_is_named(project, fails):
    (project / SQL).write_bytes(b"/*\n\xff\xfe*/\n")
    assert "examples_v1.sql:2: cannot be read: byte 0xff is not UTF-8 - save it as UTF-8" in fails("freeze")


def test_versions_are_listed_with_digest_and_state(project, sql):
    names = [line.split()[2] for line in sql("list")]
    assert names == sorted(names)
    assert {line.split()[1] for line in sql("list")} == {"-"}
    assert sql("freeze", EXAMPLES.replace("_v1", "@v1")) == [f"sql freeze: released {EXAMPLES}"]
    assert [line.split()[1:] for line in sql("list") if EXAMPLES in line] == [["released", EXAMPLES]]
    edit(project / SQL, "SELECT id", "SELECT 1 AS id")
    assert [line.split()[1:] for line in sql("list") if EXAMPLES in line] == [["CHANGED", EXAMPLES]]


def test_freezing_again_releases_nothing_new(project, sql):
    assert "udf/half" in sql("freeze")[0]
    assert sql("freeze") == ["sql freeze: released nothing new"]
    assert EXAMPLES in json.loads((project / "sql/released.json").read_text())


@pytest.mark.parametrize(
    "name", ["nope_v1", "nope@v1", EXAMPLES + "0", "../x@v1", "x" * 2000, "`; DROP", "\u0435xamples_v1"]
)
def test_unknown_version_is_not_frozen(project, fails, name):
    assert "no such version - see pipeline sql list" in fails("freeze", name) or len(name) > 1000
    assert not (project / "sql/released.json").exists()


def test_edited_or_removed_version_cannot_be_frozen(project, fails, sql):
    sql("freeze")
    edit(project / SQL, "SELECT id", "SELECT 1 AS id")
    assert "restore it and make dummy/preprocess/examples_v2" in fails("freeze")
    (project / SQL).unlink()
    assert "was released and is missing; restore it" in fails("freeze")


@pytest.mark.parametrize("command", ["list", "freeze"])
@pytest.mark.parametrize("content", ["{", "[]", '{"a": 1}', "<<<<<<< HEAD\n{}\n"])
def test_malformed_list_of_releases_is_named(project, fails, command, content):
    (project / "sql/released.json").write_text(content)
    assert "released.json: not " in (message := fails(command))
    assert message.endswith("restore it from git\n")


@pytest.mark.parametrize("spelling", ["flight_delay/evaluate/labels@v1", "flight_delay/evaluate/labels_v1"])
def test_version_is_shown_in_both_spellings(copied, sql, spelling):
    lines = sql("show", spelling, "--run-date", "2013-07-01")
    command = "\n".join(lines[: lines.index("  <<'SQL'")]).rstrip("\\")
    words = shlex.split(command)
    assert words[:2] == ["bq", "query"]
    assert "--parameter=last_date:DATE:2013-07-01" in words
    assert "--parameter=late_minutes:INT64:15" in words
    assert lines[-1] == "SQL"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["show"], "Missing argument 'NAME'"),
        (["show", "nope@v1"], "nope_v1.sql: SQL file cannot be read"),
        (["show", "x" * 5000], "error: "),
        (
            ["show", EXAMPLES.removesuffix("_v1")],
            "not the name of a version - write e.g. flight_delay/preprocess/examples_v1",
        ),
        (["show", "../../../../etc/passwd"], "'../../../../etc/passwd': not the name of a version"),
        (["show", "../../x@v1"], "'../../x_v1': not the name of a version"),
        (["show", "udf/../../x"], "udf/../../x.sql: not the name of a function - use small letters, digits and _"),
        (["show", "`;--@v1"], "'`;--_v1': not the name of a version"),
        (["show", EXAMPLES, "--run-date", "01.07.2013"], "--run-date '01.07.2013' is not a date"),
        (["show", EXAMPLES, "--target", "none.yaml"], "none.yaml: cannot be read"),
        (["check", "--target", "none.yaml"], "none.yaml: cannot be read"),
        (["check", "--project-dir", "nowhere"], "nowhere: no jobs/ folder here"),
        (["list", "--project-dir", "nowhere"], "nowhere: no jobs/ folder here"),
        (["freeze", "--project-dir", "nowhere"], "nowhere: no jobs/ folder here"),
        (["lineage", "dummy", "--project-dir", "nowhere"], "nowhere: no jobs/ folder here"),
        (["lineage", "dummy", "--target", "local"], "No such option: --target"),
        (["lineage", "nothing"], "nothing"),
        (["melt"], "No such command 'melt'"),
    ],
)
def test_wrong_requests_are_one_line(project, fails, arguments, message):
    assert message in fails(*arguments)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("{as_of: TIMESTAMP}", "{as_of: TIMESTAMP, late: INT64}", "examples_v1.sql: parameter late is missing"),
        ("`{items}`", "`{others}`", "`{others}` is not declared in the header"),
        ("{items: table}", "{items: table, more: table}", "identifier more is"),
        ("`{items}`", "`{items}` i", "source items has the alias i"),
    ],
)
def test_names_that_do_not_match_are_refused_by_show(project, fails, old, new, message):
    edit(project / SQL, old, new)
    assert message in fails("show", EXAMPLES)


def test_undeclared_parameters_of_the_job_are_refused(project, fails):
    edit(project / "jobs/dummy/job.yaml", "history_days: 3}", "history_days: 3, parameters: {late: 1}}")
    assert "examples_v1.sql: parameter late is not declared in the header" in fails("show", EXAMPLES)


@pytest.mark.parametrize("value", ["fifteen", "1.5", "true", "[1]"])
def test_parameter_of_another_type_is_refused(project, fails, value):
    edit(project / SQL, "{as_of: TIMESTAMP}", "{as_of: TIMESTAMP, late: INT64}")
    edit(project / "jobs/dummy/job.yaml", "history_days: 3}", f"history_days: 3, parameters: {{late: {value}}}}}")
    message = fails("show", EXAMPLES)
    assert "examples_v1.sql: parameter late is declared INT64; " in message
    assert message.endswith(" is not - fix the value in job.yaml, or the header\n")


@pytest.mark.parametrize("command", ["list", "freeze"])
def test_deeply_nested_list_of_releases_is_named(project, fails, command):
    (project / "sql/released.json").write_text("[" * 200_000)
    message = fails(command)
    assert "released.json: not valid JSON (" in message
    assert message.endswith("restore it from git\n")


@pytest.mark.parametrize("name", ["Zero", "z-ero", "0zero", "z ero", "z.v1", "z" * 101])
def test_wrong_name_of_a_function_is_one_line(project, fails, name):
    shutil.copy(project / "udf/half.sql", project / f"udf/{name}.sql")
    assert f"udf/{name}.sql: not the name of a function - use small letters, digits and _" in fails("list")


def test_unreadable_file_is_one_line(project, fails):
    (project / "udf/zero.sql").write_text("SELECT 0")  # the last of the list
    assert "zero.sql:1: no comment header" in fails("list")


@pytest.mark.parametrize("options", [[], ["--mermaid"]])
def test_lineage_has_the_names_of_the_local_target(copied, sql, options):
    text = "\n".join(sql("lineage", "flight_delay", *options))
    assert text.startswith("graph LR\n" if options else "ml_ledger.events\n  by   ledger/events_latest_v1\n")
    assert "ml_runs.flight_delay__DATE__RUN__examples" in text


def test_lineage_is_written_into_the_readme_of_the_job(copied, sql):
    readme = copied / "jobs/flight_delay/README.md"
    before = readme.read_text()
    edit(readme, "ml_runs.flight_delay__DATE__RUN__labels", "elsewhere")
    sql("lineage", "flight_delay", "--write")
    assert readme.read_text() == before


def test_lineage_is_not_written_without_a_place(copied, fails):
    (copied / "jobs/flight_delay/README.md").unlink()
    assert "README.md: no section to write - add the lines <!-- lineage:" in fails("lineage", "flight_delay", "--write")
