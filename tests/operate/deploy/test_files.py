"""The files of a deployment, against golden files, schemas of Google's resources, and the command line."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
from collections import Counter
from datetime import timedelta
from pathlib import Path

import jsonschema
import pytest
import typer
import yaml
from zetasql.types import LanguageOptions

from pipeline.cli.app import app
from pipeline.operate.deploy.access import FOLDERS
from pipeline.operate.deploy.folder import files
from pipeline.operate.deploy.names import PARTS
from pipeline.operate.deploy.placed import placed_grants
from pipeline.operate.deploy.workflow import BODY
from pipeline.operate.sql.engine import open_service
from pipeline.project.resources import PHASES
from tests.operate.deploy.golden_files import COMMIT, COPIED, GOLDEN, IMAGE, deployment
from tests.operate.sql.conftest import ANALYZER
from tests.support.integration_fixtures import ROOT

SCHEMAS = {path.stem: yaml.safe_load(path.read_text()) for path in (Path(__file__).parent / "schemas").glob("*.yaml")}
JOBS = ("flight_delay", "item_recommend")
CLICK = typer.main.get_command(app)


@pytest.fixture(scope="module", params=JOBS)
def written(request) -> dict[str, str]:
    return files(deployment(request.param))


@pytest.fixture(scope="module")
def flights() -> dict[str, str]:
    return files(deployment("flight_delay"))


def check(content: object, schema: str) -> None:
    jsonschema.validate(content, SCHEMAS[schema], format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER)


@pytest.mark.parametrize("job", GOLDEN)
def test_files_equal_the_golden_ones(job):
    """To update them: `python -m tests.operate.deploy.remake`; review the difference before you commit it."""
    folder = GOLDEN[job]
    golden = {
        path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8")
        for path in folder.rglob("*")
        if path.is_file()
    }
    found = {name: text for name, text in files(deployment(job)).items() if name != COPIED}
    assert sorted(found) == sorted(golden)
    assert [name for name in found if found[name] != golden[name]] == []


def test_the_readme_names_every_file(written):
    for name in written:
        shown = "run_jobs/*.yaml" if name.startswith("run_jobs/") else name
        assert name == "README.md" or f"`{shown}`" in written["README.md"], name


def test_every_file_names_image_and_commit(written):
    for name, text in written.items():
        if name.endswith((".yaml", ".sql", ".md", ".sh")) or name == "deployment.json":
            assert IMAGE in text, name
            assert COMMIT in text, name


@pytest.mark.parametrize("part", PARTS)
def test_a_run_job_has_the_fields_of_cloud_run(written, part):
    check(yaml.safe_load(written[f"run_jobs/{part}.yaml"]), "run_job")


def test_the_schedule_has_the_fields_of_cloud_scheduler(written):
    content = yaml.safe_load(written["scheduler.yaml"])
    check(content, "scheduler_job")
    assert base64.b64decode(content["httpTarget"]["body"]).decode() == BODY == written["scheduler_body.json"].strip()
    assert json.loads(json.loads(BODY)["argument"]) == {}


def test_the_workflow_follows_the_schema_of_workflows(written):
    content = yaml.safe_load(written["workflow.yaml"])
    check(content, "workflow")
    for workflow in content.values():
        names = [name for step in workflow["steps"] for name in step]
        assert len(set(names)) == len(names)
        assert targets(workflow["steps"]) <= set(names)


def targets(steps: list[dict]) -> set[str]:
    found = [body for step in steps for body in step.values()]
    found += [case for body in found for case in body.get("switch", [])]
    return {body["next"] for body in found if "next" in body}


def test_the_workflow_runs_the_phases_in_order_and_outlasts_each(flights):
    steps = yaml.safe_load(flights["workflow.yaml"])["main"]["steps"]
    calls = {name: body["try"]["args"] for step in steps for name, body in step.items() if "try" in body}
    assert list(calls) == list(PHASES)
    for phase, given in calls.items():
        job = yaml.safe_load(flights[f"run_jobs/{phase}.yaml"])
        execution = job["spec"]["template"]["spec"]
        task = execution["template"]["spec"]
        assert given["job"] == job["metadata"]["name"]
        assert given["timeout"] >= task["timeoutSeconds"] * (task["maxRetries"] + 1) + 600
        assert execution["parallelism"] == execution["taskCount"]  # nothing waits for another task


def started(flights: dict[str, str], run_date: str, fails: str) -> tuple[list[str], str]:
    """Interpret the workflow while one phase fails; return the phases that it starts, and how it ends."""
    steps = {
        name: body for step in yaml.safe_load(flights["workflow.yaml"])["main"]["steps"] for name, body in step.items()
    }
    order, failed, done = [*steps, ""], [], []
    name = order[0]
    while name:
        body, following = steps[name], order[order.index(name) + 1]
        if "try" in body:
            done.append(name)
            failed += [name] * (name == fails)
        for case in body.get("switch", []):
            facts = {
                "${args == null}": False,
                '${run_date != "" and len(failed) > 0}': run_date != "" and bool(failed),
                "${len(failed) > 0}": bool(failed),
            }
            if facts.get(case["condition"], True) and "next" in case:
                following = case["next"]
        if "return" in body or "raise" in body:
            return done, str(body.get("return") or body["raise"])
        name = following
    raise AssertionError("the workflow has no end")


@pytest.mark.parametrize(
    ("run_date", "fails", "phases", "end"),
    [
        ("", "none", PHASES, "done"),
        ("2026-02-03", "none", PHASES, "done"),
        ("", "preprocess", PHASES, "${failed[0]}"),
        ("", "evaluate", PHASES, "${failed[0]}"),
        ("2026-02-03", "train", PHASES[:2], "${failed[0]}"),
        ("2026-02-03", "evaluate", PHASES, "${failed[0]}"),
    ],
)
def test_after_a_failure_only_a_night_goes_on(flights, run_date, fails, phases, end):
    assert started(flights, run_date, fails) == (list(phases), end)


def test_only_predict_has_several_tasks(flights):
    counts = {part: yaml.safe_load(flights[f"run_jobs/{part}.yaml"])["spec"]["template"]["spec"] for part in PHASES}
    assert {part for part, found in counts.items() if found["taskCount"] > 1} == {"predict"}


def parse(arguments: list[str]) -> None:
    """Parse arguments of the command line, and do nothing."""
    command, context = CLICK, typer.Context(CLICK)
    name, command, rest = command.resolve_command(context, list(arguments))
    command.make_context(name, rest, parent=context)


@pytest.mark.parametrize("part", PARTS)
def test_the_command_line_accepts_arguments_of_run_jobs(written, part):
    task = yaml.safe_load(written[f"run_jobs/{part}.yaml"])["spec"]["template"]["spec"]["template"]["spec"]
    parse(task["containers"][0]["args"])


@pytest.mark.parametrize("phase", PHASES)
def test_the_command_line_accepts_arguments_for_a_date(written, phase):
    steps = yaml.safe_load(written["workflow.yaml"])["main"]["steps"]
    dated = next(step[phase]["try"]["args"]["dated"] for step in steps if phase in step)
    parse([word.replace("${run_date}", "2013-07-01") for word in dated])
    assert "--catch-up" not in dated


def test_an_unknown_argument_is_refused():
    with pytest.raises(Exception, match="--run-dat"):
        parse(["train", "flight_delay", "--run-dat", "2013-07-01"])


def test_the_lifecycle_spares_other_jobs_claims_and_models(flights):
    rules = json.loads(flights["lifecycle.json"])["lifecycle"]["rule"]
    prefixes = [prefix for rule in rules for prefix in rule["condition"]["matchesPrefix"]]
    assert all(prefix.startswith("flight_delay/") and prefix.endswith("/") for prefix in prefixes)
    assert not {f"flight_delay/{kept}/" for kept in ("attempts", "models")} & set(prefixes)
    ages = {rule["condition"]["matchesPrefix"][0]: rule["condition"]["age"] for rule in rules}
    assert timedelta(days=ages["flight_delay/predictions/"]) > timedelta(days=90)
    assert set(FOLDERS) >= {"attempts", "failures", "models", "predictions", "rejects"}


@pytest.mark.parametrize("kind", ["dataset", "table"])
def test_rights_are_granted_in_few_changes_of_each_resource(kind):
    """Five changes in ten seconds: https://cloud.google.com/bigquery/quotas; one sets the labels of a dataset."""
    text = files(deployment("flight_delay"))[f"grants_on_{kind}s.sql"]
    statements = re.findall(r"GRANT `(\S+)` ON \w+ (\S+)\nTO\n([^;]+);", text)
    found = {(role, place, member) for role, place, members in statements for member in re.findall('"(.+)"', members)}
    wanted = [grant for grant in placed_grants(deployment("flight_delay")) if grant.kind == kind]
    assert found == {(grant.role, grant.address, grant.member) for grant in wanted}
    changes = Counter(place for _, place, _ in statements)
    assert max(changes.values()) <= 4


@pytest.mark.parametrize("name", ["grants_on_datasets.sql", "grants_on_tables.sql"])
def test_grants_parse_as_googlesql(written, name):
    statements = re.findall(r"^GRANT[^;]+;", written[name], re.MULTILINE)
    assert len(statements) == written[name].count("GRANT `")
    for statement in statements:
        open_service(ANALYZER).parse(sql_statement=statement, options=LanguageOptions())


def test_no_statement_grants_rights_to_all_users(written):
    for name in ("grants_on_datasets.sql", "grants_on_tables.sql"):
        words = written[name]
        assert "allUsers" not in words
        assert "allAuthenticatedUsers" not in words
        assert words.count("GRANT `roles/bigquery.") == words.count("\nTO\n") == words.count(";\n") > 5


def test_the_command_is_fast_and_imports_no_client(tmp_path):
    code = (
        "import sys, time\nbegin = time.perf_counter()\nfrom pipeline.cli.app import run\n"
        f"code = run(['deploy', 'flight_delay', '--target', 'targets/example.yaml', '--image', '{IMAGE}', '--out', "
        f"{str(tmp_path / 'd')!r}])\n"
        "took = time.perf_counter() - begin\n"
        "loaded = [n for n in sys.modules if n.startswith(('google.cloud', 'google.auth', 'pandas', 'bqemulator'))]\n"
        "print(code, took < 3, loaded)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.splitlines()[-1] == "0 True []", done.stdout + done.stderr
