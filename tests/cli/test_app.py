from __future__ import annotations

import json
import subprocess
import sys
from contextlib import nullcontext
from importlib import metadata

import click
import pytest
import typer

from pipeline import __version__
from pipeline.cli import app as cli
from pipeline.errors import CheckError, CloudError, PermissionMissing, RequestError
from pipeline.phases.train import train_from_path
from pipeline.project.imports import use_project_root
from tests.cli.conftest import run_process
from tests.support.dummy_project import dummy_project, edit

HEAVY = ("google", "pandas", "sklearn", "polars", "pyarrow", "numpy", "pydantic", "grpc", "bqemulator", "duckdb")
JOB = ["dummy", "--project-dir", "."]
RUN_DATE = ["--run-date", "2013-07-01"]
DATES = ["--from", "2013-07-01", "--to", "2013-07-02"]


def commands(group=None, path=()):
    group = group or typer.main.get_command(cli.app)
    for name, command in sorted(group.commands.items()):
        if isinstance(command, click.Group) or hasattr(command, "commands"):
            yield (*path, name)
            yield from commands(command, (*path, name))
        else:
            yield (*path, name)


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project as working folder; nothing may start the emulators."""
    with dummy_project(tmp_path) as root:
        monkeypatch.chdir(root)
        monkeypatch.setattr("pipeline.emulators.lifecycle.up", lambda *_: pytest.fail("emulators were started"))
        yield root


@pytest.fixture
def fails(project, capsys):
    """Run a wrong command and return its error: one line on stderr, nothing on stdout, exit code 2."""

    def run(*arguments: str) -> str:
        assert cli.run(list(arguments)) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert err.count("\n") == 1
        assert err.startswith("error: ")
        assert " - " in err
        return err

    return run


def test_commands_are_those_of_the_design():
    assert {" ".join(path) for path in commands()} >= {
        *"preprocess train predict load evaluate run backfill report status gc doctor fixtures sources local".split(),
        "sources load",
        "local up",
        "local down",
        "local status",
    }


@pytest.mark.parametrize("path", [(), *commands()], ids=" ".join)
def test_help_of_each_command_has_an_example(path, capsys):
    assert cli.run([*path, "--help"]) == 0
    out, err = capsys.readouterr()
    assert f"Example: pipeline {' '.join(path)}".rstrip() in " ".join(out.split())
    assert err == ""


@pytest.mark.parametrize("path", [(), ("models",), ("model",), ("sources",), ("local",), ("sql",)], ids=" ".join)
def test_group_alone_lists_its_commands_in_full(path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert cli.run([*path]) == 0
    listed = capsys.readouterr().out.partition("Commands:\n")[2]
    assert listed
    assert "..." not in listed


def test_version_is_that_of_the_package(capsys):
    assert cli.run(["--version"]) == 0
    assert capsys.readouterr().out == f"pipeline {__version__}\n"
    assert metadata.entry_points(group="console_scripts", name="pipeline")["pipeline"].value == "pipeline.cli:main"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["fly"], "No such command 'fly'"),
        (["sources", "fly"], "No such command 'fly'"),
        (["run", *JOB, *RUN_DATE, "--fly"], "No such option: --fly"),
        (["load", *JOB], "give --run-date or --catch-up"),
        (["run", *JOB], "give --run-date or --catch-up"),
        (["run", *JOB, "--catch-up", "--rerun"], "--rerun needs --run-date"),
        (["run", *RUN_DATE], "Missing argument 'JOB'"),
        (["fixtures", "dummy", "--out", "x", "--seed", "many"], "Invalid value for '--seed'"),
        (["run", *JOB, "--run-date"], "requires an argument"),
        *(
            (["gc", *JOB, "--older-than", days], "Invalid value for '--older-than'")
            for days in ("0", "-1", "0.5", "36501", "999999999", "1e3")
        ),
        *(
            (["run", *JOB, *RUN_DATE, "--max-reject-rate", rate], f"--max-reject-rate': {rate} is not a share from 0")
            for rate in ("nan", "-0.1", "1.01", "inf")
        ),
        (["run", *JOB, *RUN_DATE, "--max-reject-rate", "some"], "--max-reject-rate': Input should be a valid number"),
        (["predict", *JOB, *RUN_DATE, "--max-reject-rate", "nan"], "nan is not a share from 0 to 1"),
        (["backfill", *JOB, *DATES, "--max-reject-rate", "nan"], "nan is not a share from 0 to 1"),
        (["backfill", *JOB, *DATES, "--parallel", "0"], "Invalid value for '--parallel'"),
        (["backfill", *JOB, *DATES, "--max-failures", "0"], "Invalid value for '--max-failures'"),
        *(
            (["plan", *JOB, *DATES, "--budget", amount], f"{float(amount)} is not an amount of money")
            for amount in ("nan", "-1", "inf")
        ),
        (["plan", *JOB, *DATES[:2]], "Missing option '--to'"),
        (["dashboard", *JOB], "Missing option '--out'"),
        (["models", "promote", "dummy", "mean"], "Missing option '--reason'"),
        (["why", "a-2013-06-28-0123456789", "b-2013-06-28-0123456789", "--rows", "-1"], "Invalid value for '--rows'"),
        *(
            (["predict", *arguments], "--data goes with --model and --out only")
            for arguments in (
                ["--data", "a.csv"],
                ["--data", "a.csv", "--out", "b.jsonl"],
                ["dummy", "--model", "m", "--data", "a.csv", "--out", "b.jsonl"],
                [*RUN_DATE, "--model", "m", "--data", "a.csv", "--out", "b.jsonl"],
            )
        ),
        *(
            (["predict", *arguments], "give JOB and --run-date")
            for arguments in (["--model", "m"], ["dummy"], RUN_DATE)
        ),
    ],
)
def test_wrong_usage_names_the_help(fails, arguments, message):
    err = fails(*arguments)
    assert message in err
    assert "--help" in err


@pytest.mark.parametrize("command", ["preprocess", "train", "predict", "load", "run", "status"])
def test_bad_run_date_is_named(fails, command):
    assert "--run-date '01.07.2013' is not a date" in fails(command, *JOB, "--run-date", "01.07.2013")


@pytest.mark.parametrize(
    ("arguments", "option"),
    [
        (["evaluate", *JOB, "--as-of", "soon"], "--as-of 'soon'"),
        (["backfill", *JOB, "--from", "soon", "--to", "2013-07-01"], "--from 'soon'"),
        (["backfill", *JOB, "--from", "2013-07-01", "--to", "soon"], "--to 'soon'"),
        (["report", *JOB, "--from", "2013-07-01", "--to", "soon"], "--to 'soon'"),
        (["plan", *JOB, "--from", "soon", "--to", "2013-07-01"], "--from 'soon'"),
        (["dashboard", *JOB, "--out", "page.html", "--from", "soon"], "--from 'soon'"),
        (["models", "promote", *JOB, "mean", "--reason", "x", "--from", "soon"], "--from 'soon'"),
        (["run", *JOB, "--run-date", "0001-01-01"], "--run-date 0001-01-01 is out of range"),
    ],
)
def test_other_bad_dates_are_named(fails, arguments, option):
    assert option in fails(*arguments)


@pytest.mark.parametrize("arguments", [["backfill"], ["report"], ["plan"], ["dashboard", "--out", "page.html"]])
def test_dates_in_the_wrong_order_are_refused(fails, arguments):
    message = fails(*arguments, *JOB, "--from", "2013-07-02", "--to", "2013-07-01")
    assert "--from 2013-07-02 lies after --to 2013-07-01" in message


@pytest.mark.parametrize(
    "arguments",
    [
        ["run", "nope", *RUN_DATE],
        ["train", "nope", *RUN_DATE],
        ["evaluate", "nope", "--as-of", "2013-07-01"],
        ["backfill", "nope", "--from", "2013-07-01", "--to", "2013-07-01"],
        ["report", "nope", "--from", "2013-07-01", "--to", "2013-07-01"],
        ["sources", "load", "nope"],
        ["status", "nope"],
        ["gc", "nope"],
        ["plan", "nope", *DATES],
        ["why", "nope-2013-06-28-0123456789", "nope-2013-06-29-0123456789"],
        ["models", "list", "nope"],
        ["run", "../jobs", *RUN_DATE],
        ["fixtures", "nope", "--out", "x"],
    ],
    ids=" ".join,
)
def test_unknown_job_names_the_known_jobs(fails, arguments):
    message = fails(*arguments)
    assert "no job '" in message
    assert "the jobs are: dummy" in message


def test_folder_without_a_project_is_named(fails, tmp_path_factory):
    elsewhere = str(tmp_path_factory.mktemp("elsewhere"))
    assert f"{elsewhere}: no jobs/ folder here" in fails("run", "dummy", *RUN_DATE, "--project-dir", elsewhere)


@pytest.mark.parametrize("name", ["job.yaml", "mean.yaml"])
def test_unknown_yaml_key_is_named_with_its_file(fails, project, name):
    with (project / "jobs/dummy" / name).open("a") as file:
        file.write("colour: blue\n")
    assert f"{name}: key colour: " in fails("run", *JOB, *RUN_DATE)


def test_broken_yaml_is_named_with_its_line(fails, project):
    edit(project / "jobs/dummy/job.yaml", "time_zone: America/New_York", "time_zone: a: b")
    assert "job.yaml:2: not valid YAML" in fails("run", *JOB, *RUN_DATE)


@pytest.mark.parametrize("name", ["dummy/preprocess/examples_v1", "dummy/evaluate/labels_v1"])
@pytest.mark.parametrize("command", ["run", "preprocess"])
def test_missing_sql_file_is_named_before_anything_starts(fails, project, name, command):
    (project / f"sql/{name}.sql").unlink()
    assert f"{name}.sql: SQL file cannot be read" in fails(command, *JOB, *RUN_DATE)


def test_unknown_family_is_named_with_the_known_ones(fails, project):
    edit(project / "jobs/dummy/job.yaml", "family: binary_classification", "family: binry")
    message = fails("run", *JOB, *RUN_DATE)
    assert "job.yaml: key family: there is no 'binry' - the families are: binary_classification" in message


def test_slice_without_a_text_column_is_named(fails, project):
    path = project / "jobs/dummy/job.yaml"
    path.write_text(f"{path.read_text()}\nslices: [country]\n")
    assert "key slices: country is not a STRING column of dummy/evaluate/labels_v1" in fails("run", *JOB, *RUN_DATE)


def test_missing_or_wrong_target_file_is_named(fails, project):
    assert "none.yaml: cannot be read" in fails("run", *JOB, *RUN_DATE, "--target", "none.yaml")
    (project / "t.yaml").write_text("project: my-project\n")
    assert "t.yaml: key location: required, but missing" in fails("run", *JOB, *RUN_DATE, "--target", "t.yaml")


def test_fixtures_of_a_job_without_them_are_refused(fails):
    assert "key write_fixtures is not set" in fails("fixtures", "dummy", "--out", "x")


def raising(error):
    def command(*_, **__):
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (RequestError("bad", hint="fix it"), 2),
        (CheckError("bad", hint="fix it"), 3),
        (CloudError("bad", hint="fix it"), 4),
        (PermissionMissing("bad", hint="fix it"), 5),
    ],
)
def test_each_error_has_its_exit_code_and_one_line(monkeypatch, capsys, error, code):
    monkeypatch.setattr(cli, "app", raising(error))
    assert cli.run(["run"]) == code
    assert capsys.readouterr() == ("", "error: bad - fix it\n")


def test_verbose_prints_the_traceback_before_the_error(monkeypatch, capsys):
    monkeypatch.setattr(cli, "app", raising(CheckError("bad")))
    assert cli.run(["--verbose", "run"]) == 3
    err = capsys.readouterr().err
    assert err.startswith("Traceback")
    assert err.endswith("error: bad\n")


def test_bug_is_raised(monkeypatch):
    monkeypatch.setattr(cli, "app", raising(KeyError("x")))
    with pytest.raises(KeyError):
        cli.run(["run"])


def test_interrupted_command_says_how_to_resume(monkeypatch, capsys):
    monkeypatch.setattr(cli, "app", raising(KeyboardInterrupt()))
    assert cli.run(["run"]) == 130
    assert capsys.readouterr().err == "error: interrupted - run the same command again to resume\n"


def test_full_disk_is_one_line(monkeypatch, capsys):
    monkeypatch.setattr(cli, "app", raising(OSError(28, "No space left on device", "/data/x")))
    assert cli.run(["run"]) == 2
    assert capsys.readouterr().err == "error: /data/x: No space left on device - free space or name another folder\n"


@pytest.mark.usefixtures("project")
def test_main_exits_with_the_code_and_stops_openmp_spinning(monkeypatch, capsys):
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    monkeypatch.setattr(sys, "argv", ["pipeline", "run", "nope", *RUN_DATE])
    monkeypatch.setattr(cli, "end_on_sigterm", lambda: None)  # its handler and thread would stay in this process
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert stop.value.code == 2
    assert cli.os.environ["OMP_WAIT_POLICY"] == "passive"
    assert "no job 'nope'" in capsys.readouterr().err


def in_a_process(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)


def test_help_imports_nothing_heavy():
    code = """
import json, sys
from pipeline.cli.app import run
code = run(["--help"])
print(json.dumps([code, sorted({name.split(".")[0] for name in sys.modules})]), file=sys.stderr)
"""
    code, modules = json.loads(in_a_process(code).stderr)
    assert code == 0
    assert set(modules).isdisjoint(HEAVY)
    assert {"pipeline", "typer"} <= set(modules)


def test_bug_exits_with_code_1_and_a_traceback():
    code = """
from pipeline.cli import app as cli
def broken(*_, **__): raise KeyError("x")
cli.app = broken
cli.main()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "Traceback" in done.stderr


def test_summaries_are_lines_or_one_json_object(capsys):
    from pipeline.cli.options import print_summaries, print_summary
    from pipeline.phases.summary import Summary

    print_summary(Summary("a", None, None), as_json=True)
    assert json.loads(capsys.readouterr().out)["job"] == "a"
    print_summaries([Summary("a", None, None), Summary("b", None, None)], as_json=True)
    assert [run["job"] for run in json.loads(capsys.readouterr().out)["runs"]] == ["a", "b"]
    print_summaries([Summary("a", None, None), Summary("b", None, None)], as_json=False)
    assert len(capsys.readouterr().out.splitlines()) == 2


NOISY = """
import ctypes, os, subprocess, sys
from pipeline.cli import app
from pipeline.cli.options import print_json

def noisy(arguments):
    print("print")
    os.write(1, b"descriptor\\n")
    subprocess.run(["echo", "child"])
    ctypes.CDLL(None).puts(b"compiled")
    print_json({"a": 1})
    print("after")
    return 0

app.run = noisy
sys.argv = ["pipeline", "run", "--json"]
app.main()
"""


def test_only_the_result_reaches_the_stdout_of_json():
    done = in_a_process(NOISY)
    assert json.loads(done.stdout) == {"a": 1}
    assert sorted(done.stderr.split()) == ["after", "child", "compiled", "descriptor", "print"]


def test_prints_of_a_model_do_not_reach_json(project, tmp_path):
    prints = "print('noise')\n        import os\n        os.system('echo child')\n        return df[self"
    edit(project / "jobs/dummy/model.py", "return df[self", prints)
    (tmp_path / "rows.csv").write_text("id,day,label\n1,2013-07-01,0\n")
    use_project_root(project)
    train_from_path(project / "jobs/dummy/mean.yaml", tmp_path / "rows.csv", tmp_path / "bundle")
    given = {"--model": "bundle", "--data": "rows.csv", "--out": "out.jsonl"}
    options = [word for name, file in given.items() for word in (name, str(tmp_path / file))]
    done = run_process("predict", *options, "--json", "--project-dir", str(project))
    assert json.loads(done.out)["rows"] == 1
    assert {"noise", "child"} <= set(done.err.split())


def test_without_json_prints_stay_on_stdout():
    done = in_a_process(NOISY.replace(', "--json"', ""))
    assert {"print", "child", "after"} < set(done.stdout.split())


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-"])
def test_a_closed_stream_does_not_stop_json(closed, tmp_path):
    (tmp_path / "noisy.py").write_text(NOISY.replace("subprocess.run", "len"))
    command = f"{sys.executable} {tmp_path / 'noisy.py'} {closed}"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "" if closed == ">&-" else '{\n "a": 1\n}')


def test_a_reader_that_leaves_ends_json_silently(tmp_path):
    code = NOISY.replace('{"a": 1}', "list(range(10**6))").replace(
        "\nsys.argv", "\nimport time; time.sleep(0.5)\nsys.argv"
    )
    (tmp_path / "noisy.py").write_text(
        code.replace("app.run = noisy", "app.run = as_typer(noisy)").replace(
            "def noisy",
            """
def as_typer(call):
    def run(arguments):
        try:
            return call(arguments)
        except BrokenPipeError:
            return 1
    return run

def noisy""",
        )
    )
    command = f"{sys.executable} {tmp_path / 'noisy.py'} | true"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=60, check=False)
    assert sorted(done.stderr.split()) == ["child", "compiled", "descriptor", "print"]


def test_fixtures_need_no_target(project, capsys):
    with (project / "jobs/dummy/model.py").open("a") as file:
        file.write("\n\ndef write(folder, seed):\n    (folder / 'items.jsonl').write_text(str(seed))\n")
    with (project / "jobs/dummy/job.yaml").open("a") as file:
        file.write("write_fixtures: jobs.dummy.model:write\n")
    assert cli.run(["fixtures", "dummy", "--out", "tiny/more", "--seed", "9"]) == 0
    assert (project / "tiny/more/items.jsonl").read_text() == "9"
    assert "items.jsonl in tiny/more" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["run", "predict", "backfill"])
def test_reject_rate_reaches_the_phases(command, monkeypatch, capsys):
    from pipeline.phases.backfill import Backfill
    from pipeline.phases.summary import Summary

    given = []

    def record(*_, **options):
        given.append(options["max_reject_rate"])
        return Summary("dummy", None, None)

    def record_work(session, job, days, work, **_):
        given.append(work.max_reject_rate)
        return Backfill("dummy")

    monkeypatch.setattr("pipeline.cli.options.Where.open_job", lambda *_: (None, None))
    monkeypatch.setattr("pipeline.cli.options.attempt", lambda *_: nullcontext())
    monkeypatch.setattr("pipeline.phases.backfill.backfill_job", record_work)
    monkeypatch.setattr("pipeline.phases.run.run_job", record)
    monkeypatch.setattr("pipeline.phases.run.run_phase", record)
    days = ["--from", "2013-07-01", "--to", "2013-07-01"] if command == "backfill" else RUN_DATE
    assert cli.run([command, *JOB, *days]) == 0
    assert cli.run([command, *JOB, *days, "--max-reject-rate", "0.25"]) == 0
    assert given == [0.0, 0.25]


def test_sigterm_unwinds_and_is_one_line():
    """The command cleans up; its exit code is that of a process that a signal ended."""
    code = """
import time
from pipeline.cli import app
def work(*_, **__):
    try:
        print("ready", flush=True)
        time.sleep(60)
    finally:
        print("cleaned up", flush=True)
app.app = work
app.main()
"""
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    process.terminate()
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (143, "cleaned up\n")
    assert err == "error: ended by SIGTERM - run the same command again to resume\n"


def test_job_that_exits_the_process_has_failed(monkeypatch, capsys):
    def ends(*_, **__):
        sys.exit(0)

    monkeypatch.setattr(cli, "app", ends)
    assert cli.run(["run", "x"]) == 2
    assert capsys.readouterr().err.startswith("error: the job's code ended the process: SystemExit 0 - raise")


def test_broken_pipe_exits_silently(monkeypatch, capsys):
    def ends(*_, **__):
        ended = SystemExit(1)
        ended.__context__ = BrokenPipeError()  # as Typer does
        raise ended

    monkeypatch.setattr(cli, "app", ends)
    with pytest.raises(SystemExit):
        cli.run(["run", "x"])
    assert capsys.readouterr().err == ""
