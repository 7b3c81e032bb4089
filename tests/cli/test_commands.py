from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys

import pytest

from pipeline.emulators import lifecycle
from pipeline.emulators.processes import LocalFolder
from pipeline.emulators.state import read_state
from tests.support.integration_fixtures import COMMAND, ROOT

DAY = "2013-07-05"
SUMMARY = ["job", "run_date", "run_id", "status", "models", "tables", "uris", "rows", "seconds", "evaluated", "failed"]
# Servers that are gone are given up sooner than in earnest.
IMPATIENT = "import pipeline.cloud.retries as r; r.UNREACHABLE_DEADLINE = 1.0; from pipeline.cli import main; main()"


@pytest.fixture(scope="session")
def first_run(process, loaded_dir):
    return process("run", "flight_delay", "--run-date", DAY, "--json", "--local-dir", str(loaded_dir))


def test_json_is_one_object_with_the_documented_keys(first_run):
    assert first_run.code == 0, first_run.err
    summary = json.loads(first_run.out)
    assert list(summary) == SUMMARY
    assert (summary["job"], summary["run_date"], summary["status"]) == ("flight_delay", DAY, "done")
    assert summary["run_id"].startswith(f"flight_delay-{DAY}-")
    assert summary["rows"]["load"] == summary["rows"]["predict"] == 64
    assert {tuple(model) for model in summary["models"]} == {("variant", "model_id", "uri")}
    assert set(summary["seconds"]) == {"preprocess", "train", "predict", "load", "evaluate"}


def test_progress_is_plain_lines_without_a_terminal(first_run):
    lines = first_run.err.splitlines()
    assert len(lines) >= 5
    assert all(re.fullmatch(rf"{DAY} [\w ]+(: .+)? \(\d+\.\d s\)", line) for line in lines), first_run.err


def test_second_run_is_already_done(here, loaded_dir, first_run):
    done = here("run", "flight_delay", "--run-date", DAY, "--local-dir", str(loaded_dir))
    assert (done.code, done.err) == (0, "")
    assert re.fullmatch(rf"flight_delay {DAY}: already done.* \(\d\.\d s\)\n", done.out)


# Google's BigQuery client imports pandas, pyarrow and pandas-gbq itself.
WAREHOUSE = {"google.cloud.bigquery", "pandas", "pandas_gbq", "pyarrow"}
CLIENTS = WAREHOUSE | {"google.cloud.storage"}
SLOW = {
    *CLIENTS,
    *("altair", "duckdb", "jinja2", "joblib", "polars", "scipy.special", "scipy.stats", "sklearn", "sqlglot"),
    *("vl_convert", "wasmtime"),
}
SHOW_MODULES = """
import json, sys
from pipeline.cli.app import run
code = run(sys.argv[1:])
print(json.dumps([code, sorted(sys.modules)]), file=sys.stderr)
"""


@pytest.mark.matrix(3)
@pytest.mark.parametrize(
    ("arguments", "modules"),
    [
        (["fixtures", "flight_delay", "--help"], set()),
        (["status", "flight_delay"], CLIENTS),
        (["status", "flight_delay", "--run-date", DAY], CLIENTS),
        (["plan", "flight_delay", "--from", DAY, "--to", DAY], WAREHOUSE),
        (["models", "list", "flight_delay"], CLIENTS),
        (["report", "flight_delay", "--from", DAY, "--to", DAY], CLIENTS),
        (["sources", "load", "flight_delay", "--from", "FIXTURES"], CLIENTS),
        (["backfill", "flight_delay", "--from", DAY, "--to", DAY], CLIENTS),
        # The gate judges by Student's t.
        (["run", "flight_delay", "--run-date", DAY], CLIENTS | {"scipy.special"}),
        (["evaluate", "flight_delay", "--as-of", DAY], CLIENTS | {"scipy.special"}),
    ],
    ids=lambda value: " ".join(value[:2]) if isinstance(value, list) else "",
)
def test_command_without_work_imports_only_what_it_needs(
    process, loaded_dir, first_run, fixtures_folder, arguments, modules
):
    given = [str(fixtures_folder) if argument == "FIXTURES" else argument for argument in arguments]
    where = [] if "--help" in given else ["--local-dir", str(loaded_dir)]
    done = process(*given, *where, command=[sys.executable, "-c", SHOW_MODULES])
    code, imported = json.loads(done.err.splitlines()[-1])
    assert code == 0, done.err
    assert SLOW & set(imported) == modules


def test_sql_over_rest_shows_the_rows(loaded_dir, first_run):
    import requests

    endpoint = lifecycle.status(loaded_dir).endpoints
    sql = f"SELECT COUNT(*) FROM ml.flight_delay__predictions WHERE run_date = '{DAY}'"
    url = f"{endpoint.bigquery}/bigquery/v2/projects/{endpoint.project}/queries"
    answer = requests.post(url, json={"query": sql, "useLegacySql": False}, timeout=20).json()
    assert answer["rows"] == [{"f": [{"v": "16"}]}]


def test_evaluate_and_report_show_the_metrics(here, loaded_dir, first_run):
    where = ("--local-dir", str(loaded_dir))
    done = here("evaluate", "flight_delay", "--as-of", "2013-07-07", "--json", *where)
    summary = json.loads(done.out)
    assert (done.code, list(summary), summary["status"]) == (0, SUMMARY, "done")
    (evaluated,) = summary["evaluated"]
    assert list(evaluated) == ["run_date", "metrics", "verdict"]
    assert (evaluated["run_date"], evaluated["verdict"]) == (DAY, "first")
    overall = {row["metric"]: row["value"] for row in evaluated["metrics"] if row["slice_name"] == ""}
    assert {"auc", "log_loss", "brier_score"} <= set(overall)

    report = here("report", "flight_delay", "--from", "2013-07-01", "--to", "2013-07-07", *where)
    assert report.code == 0
    assert all(name in report.out for name in ("flight_delay: auc by run date", "gradient_boosting", "constant_rate"))
    assert re.search(rf"{DAY} +\d+ +\d\.\d{{4}}", report.out)
    assert "Where to look next" in report.out

    nothing = here("report", "flight_delay", "--from", "2012-07-01", "--to", "2012-07-07", *where)
    assert nothing.out == "flight_delay: nothing evaluated from 2012-07-01 to 2012-07-07\n"


def test_each_phase_is_a_command_of_its_own(here, loaded_dir, quick_project):
    where = ("--project-dir", str(quick_project), "--local-dir", str(loaded_dir))
    first = here("train", "flight_quick", "--run-date", "2013-07-05", "--json", *where)
    model = json.loads(first.out)["models"][0]["uri"]
    for phase, *more in (["preprocess"], ["predict", "--model", model], ["train"], ["predict"], ["load"]):
        done = here(phase, "flight_quick", "--run-date", "2013-07-06", *more, *where)
        assert done.code == 0, done.err
        assert done.out.startswith("flight_quick 2013-07-06: done, ")


def test_wrong_request_exits_with_2_and_verbose_adds_a_traceback(process, here, tmp_path):
    arguments = ["run", "flight_delai", "--run-date", DAY, "--local-dir", str(tmp_path / "local")]
    done = process(*arguments)
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert done.error.startswith("error: no job 'flight_delai'")
    verbose = here("--verbose", *arguments)
    assert verbose.code == 2
    assert verbose.err.startswith("Traceback")
    assert verbose.err.splitlines()[-1] == done.error


def test_date_outside_the_data_names_their_range(here, loaded_dir):
    done = here("run", "flight_delay", "--run-date", "2014-01-01", "--json", "--local-dir", str(loaded_dir))
    assert (done.code, done.out) == (2, "")
    assert "2014-01-01: nothing to score; flights_schedule was known from 2013-06-01 to 2013-07-10" in done.error
    assert done.error.endswith(" - load the sources of that date")


@pytest.mark.parametrize("place", ["a file", "a read-only place"])
def test_unusable_local_directory_is_one_line(here, tmp_path, place):
    local_dir = tmp_path / "local"
    if place == "a file":
        local_dir.write_text("")
    else:
        local_dir = "/proc/local"  # also root cannot write there
    done = here("run", "flight_delay", "--run-date", DAY, "--local-dir", str(local_dir))
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1), done.err
    assert str(local_dir) in done.error


def test_full_disk_is_one_line(process, tmp_path):
    local_dir = tmp_path / "local"
    # Coverage would write its data there too, and fail in its own words.
    unmeasured = ["env", "-u", "COVERAGE_PROCESS_START", "-u", "COVERAGE_PROCESS_CONFIG"]
    command = [*unmeasured, "sh", "-c", 'ulimit -f 8; trap "" XFSZ; exec "$@"', "sh", *COMMAND]
    done = process("run", "flight_delay", "--run-date", DAY, "--local-dir", str(local_dir), command=command)
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1), done.err
    assert str(local_dir) in done.error
    assert lifecycle.status(local_dir).running is False


@pytest.fixture(scope="module")
def own_dir(tmp_path_factory):
    """A local directory of the tests below, which end and kill its emulators."""
    local_dir = tmp_path_factory.mktemp("own")
    yield local_dir
    lifecycle.down(local_dir)


def test_local_up_status_and_down(process, here, own_dir):
    where = ("--local-dir", str(own_dir))
    assert here("local", "status", *where).out == "local target is down\n"
    up = process("local", "up", *where)
    assert (up.code, up.out.split(":")[0]) == (0, "local target up")
    status = json.loads(here("local", "status", "--json", *where).out)
    assert list(status) == ["running", "project", "bigquery", "bigquery_storage", "storage"]
    assert (status["running"], status["project"]) == (True, "pipeline-local")
    assert status["bigquery"].startswith("http://127.0.0.1:")
    assert here("local", "status", *where).out.startswith(f"local target is up: BigQuery {status['bigquery']}")
    assert here("local", "down", *where).out == "local target down\n"
    assert json.loads(here("local", "status", "--json", *where).out) == {"running": False}
    assert here("local", "down", *where).out == "local target was not running\n"


def test_missing_source_table_is_named(here, own_dir):
    done = here("run", "flight_delay", "--run-date", DAY, "--local-dir", str(own_dir))
    assert (done.code, done.out) == (2, "")
    assert re.search(r"^error: .*flights_schedule", done.error)


def test_command_resumes_after_an_emulator_died(here, own_dir, quick_project, fixtures_folder):
    where = ("--project-dir", str(quick_project), "--local-dir", str(own_dir))
    assert here("sources", "load", "flight_quick", "--from", str(fixtures_folder), *where).code == 0
    arguments = ["run", "flight_quick", "--run-date", DAY, *where]
    with started([sys.executable, "-c", IMPATIENT, *arguments]) as command:
        wait_for_line(command, f"{DAY} preprocess")
        os.kill(read_state(LocalFolder(own_dir).state).bigquery.pid, signal.SIGKILL)
        out, err = command.communicate(timeout=60)
    assert (command.returncode, out) == (4, ""), err
    assert [line.startswith("error:") for line in err.splitlines()].count(True) == 1
    assert err.splitlines()[-1].startswith("error:")
    assert err.endswith(" - run the same command again\n")
    assert "Traceback" not in err

    done = here(*arguments)
    assert done.code == 0, done.err
    assert f"{DAY} preprocess:" not in done.err
    assert done.out.startswith(f"flight_quick {DAY}: done, ")


@pytest.mark.long
def test_interrupted_command_resumes_the_next_time(here, own_dir, quick_project, fixtures_folder):
    where = ["--project-dir", str(quick_project), "--local-dir", str(own_dir)]
    assert here("sources", "load", "flight_quick", "--from", str(fixtures_folder), *where).code == 0
    arguments = ["run", "flight_quick", "--run-date", "2013-07-06", *where]
    with started([*COMMAND, *arguments]) as command:
        wait_for_line(command, "2013-07-06 preprocess")
        command.send_signal(signal.SIGINT)
        _, err = command.communicate(timeout=60)
    assert command.returncode == 130, err
    assert err.splitlines()[-1] == "error: interrupted - run the same command again to resume"
    done = here(*arguments)
    assert (done.code, done.out.split(",")[0]) == (0, "flight_quick 2013-07-06: done")


def started(command):
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for_line(command, start):
    for line in command.stderr:
        if line.startswith(start):
            return
    pytest.fail(f"the command never printed {start!r}")


def test_fixtures_of_one_seed_are_the_same_bytes(process, here, tmp_path):
    done = process("fixtures", "flight_delay", "--out", str(tmp_path / "first"), "--seed", "7")
    assert (done.code, done.err) == (0, "")
    assert here("fixtures", "flight_delay", "--out", str(tmp_path / "again"), "--seed", "7").code == 0
    assert here("fixtures", "flight_delay", "--out", str(tmp_path / "other"), "--seed", "8").code == 0
    first, again, other = (
        {path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in ("first", "again", "other")
    )
    assert sorted(first) == [
        f"{n}.jsonl" for n in ("airports", "flight_outcomes", "flights_schedule", "planes", "weather")
    ]
    assert first == again
    assert first["flight_outcomes.jsonl"] != other["flight_outcomes.jsonl"]


def test_sources_load_prints_the_rows_of_each_source(here, loaded_dir, fixtures_folder):
    done = here(
        "sources", "load", "flight_delay", "--from", str(fixtures_folder), "--local-dir", str(loaded_dir), "--json"
    )
    rows = json.loads(done.out)["rows"]
    assert (rows["flights_schedule"], rows["planes"]) == (640, 18)
    assert "flight_delay load planes: 18 rows, unchanged" in done.err
