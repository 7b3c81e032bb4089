"""The lint finds statements in Python on their line, but not prose, docstrings and the SQL of emulators."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tools.lint_sql import check

ROOT = Path(__file__).resolve().parents[2]

REFUSED = [
    'sql = "SELECT a, b FROM t"',
    'sql = "  SELECT 1 FROM `p.d.t` WHERE x = 1"',
    'sql = """\nSELECT a\nFROM t\n"""',
    'sql = "SELECT a " "FROM t"',
    "client.query('SELECT COUNT(*) FROM t')",
    'sql = f"SELECT {column} FROM t"',
    'sql = f"SELECT {a} " f"FROM {table}"',
    'sql = f"""\nSELECT a\nFROM {table}\n"""',
    'sql = "WITH c AS (SELECT 1) SELECT * FROM c"',
    'sql = f"WITH {{c}} AS (SELECT 1)".format(c=1) or "WITH c AS ("',
    'sql = "INSERT INTO t (a) VALUES (1)"',
    'sql = "INSERT t (a) VALUES (1)"',
    'sql = "MERGE `p.d.t` USING x ON FALSE"',
    'sql = "MERGE INTO t USING x ON FALSE"',
    'sql = f"MERGE {table} USING x"',
    'sql = "DELETE FROM t WHERE TRUE"',
    'sql = "UPDATE t SET a = 1 WHERE TRUE"',
    'sql = "CREATE TABLE t (a INT64)"',
    'sql = "CREATE TABLE IF NOT EXISTS `p.d.t` (a INT64)"',
    'sql = "CREATE OR REPLACE VIEW v AS SELECT 1"',
    'sql = f"CREATE OR REPLACE TABLE {table} AS SELECT 1"',
    'sql = "CREATE FUNCTION f(x INT64) AS (x)"',
    'sql = "CREATE SCHEMA d"',
    'sql = "DROP TABLE IF EXISTS t"',
    'sql = f"DROP VIEW {name}"',
    'sql = f"{comment}DELETE FROM t"',
    'sql = "ALTER TABLE t ADD COLUMN x INT64"',
    'def f(sql="SELECT a FROM t"): pass',
    'x = {"sql": ["SELECT a FROM t"]}',
]

ALLOWED = [
    'text = "select one from these"',
    'text = "Selects what is known FROM sources"',
    'text = "the statement SELECT a FROM t is refused"',
    'text = "SELECT"',
    'text = "FROM t SELECT a"',
    'text = "with c as (select 1)"',
    'text = "UPDATE"',
    'text = "delete from the list"',
    'text = "a MERGE prunes by them"',
    'text = "CREATE OR REPLACE FUNCTION"',
    'text = "CREATE"',
    'if sql.startswith("CREATE OR REPLACE "): pass',
    'if sql.startswith(("INSERT", "MERGE")): pass',
    'KINDS = {"CREATE_TABLE", "MERGE", "SELECT"}',
    'word = re.compile(r"\\A(?:CREATE OR REPLACE TABLE|MERGE)")',
    'def f():\n    """SELECT a FROM t."""',
    '"""SELECT a FROM t."""',
    'class A:\n    x: int\n    """SELECT a FROM t."""',
    "# SELECT a FROM t",
    'text = f"{sql} FROM t"',
    'text = b"SELECT a FROM t"',
]


def found(source, path="pipeline/module.py"):
    return sorted({(finding.path, finding.line) for finding in check(ast.parse(source), path)})


@pytest.mark.parametrize("source", REFUSED)
def test_statements_are_found_on_their_line(source):
    assert found(f"import x\n\n{source}") == [("pipeline/module.py", 3)]


@pytest.mark.parametrize("source", ALLOWED)
def test_other_texts_pass(source):
    assert found(f"import x\n\n{source}") == []


@pytest.mark.parametrize("path", ["pipeline/emulators/a.py", "pipeline/emulators/inner/b.py"])
def test_sql_of_the_emulators_passes(path):
    assert found('sql = "DELETE FROM t"', path) == []


@pytest.mark.parametrize(
    "path", ["pipeline/locale/a.py", "pipeline/emulators.py", "jobs/a/model.py", "x/pipeline/local/a.py"]
)
def test_other_folders_are_checked(path):
    assert found('sql = "DELETE FROM t"', path) == [(path, 1)]


def test_every_statement_of_a_file_is_found():
    source = 'a = "DELETE FROM t"\n\nb = 1\nc = "DROP TABLE t"\n'
    assert [line for _, line in found(source)] == [1, 4]


@pytest.mark.parametrize(
    "source",
    [
        pytest.param(source, marks=pytest.mark.xfail(raises=AssertionError, reason=reason), id=name)
        for name, source, reason in [
            ("plus", 'sql = "SELECT a " + "FROM t"', "joined texts are checked one by one"),
            ("join", 'sql = " ".join(["SELECT a", "FROM t"])', "joined texts are checked one by one"),
            ("no FROM", 'sql = "SELECT 1 AS x"', "SELECT without FROM could be prose"),
            ("small letters", 'sql = "select a from t"', "small letters could be prose"),
            ("comment", 'sql = "-- all of it\\nDELETE FROM t"', "the text begins with a comment"),
            ("recursive", 'sql = "WITH RECURSIVE c AS (SELECT 1)"', "WITH RECURSIVE is not matched"),
            ("TEMP", 'sql = "CREATE TEMP FUNCTION f(x INT64) AS (x)"', "TEMP is not matched"),
            ("TRUNCATE", 'sql = "TRUNCATE TABLE t"', "TRUNCATE is not matched"),
        ]
    ],
)
def test_statements_that_the_lint_misses(source):
    assert found(source) == [("pipeline/module.py", 1)]


@pytest.mark.parametrize("source", ['sql = f"DELETE FROM {table}"', 'sql = f"SELECT a FROM {table}"'])
def test_a_statement_is_found_once(source):
    assert len(list(check(ast.parse(source), "pipeline/module.py"))) == 1


def run(*folders):
    command = [sys.executable, "-m", "tools.lint_sql", *map(str, folders)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)


def test_the_command_names_file_and_line_and_fails(tmp_path):
    module = tmp_path / "inner" / "module.py"
    module.parent.mkdir()
    module.write_text('def f(client):\n    return client.query("SELECT a FROM t")\n')
    ended = run(tmp_path)
    assert ended.returncode == 1
    assert ended.stdout == f"{module}:2: SQL in Python: move it to a file below sql/ and render it\n"


def test_this_repository_has_no_statements_in_python():
    ended = run()
    assert (ended.returncode, ended.stdout) == (0, "")
