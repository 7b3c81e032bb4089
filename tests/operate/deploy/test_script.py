"""deploy.sh with stand-ins of gcloud and bq: once, twice, after a failure, and in a project that others use, too."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from pipeline.operate.deploy.folder import write_deployment
from tests.operate.deploy.golden_files import deployment
from tests.support.programs import program

STAND_IN = Path(__file__).parent / "stand_in.sh"
DATASET, BUCKET = "dataset my-project:ml", "bucket gs:__my-project-ml"
BASH = shutil.which("bash")
TOOLS = ("bash", "env", "cat", "cp", "dirname", "grep", "mktemp", "rm", "sed", "sleep", "wc")
STEPS = (
    "gcloud storage buckets create *",
    "bq * query *",
    "gcloud run jobs replace run_jobs/train.yaml *",
    "gcloud run jobs execute *",
    "gcloud workflows deploy *",
    "gcloud scheduler jobs create *",
)


@dataclass
class Cloud:
    """The state of the stand-ins."""

    folder: Path
    deployed: Path

    @property
    def state(self) -> dict[str, str]:
        return {path.name: path.read_text() for path in sorted((self.folder / "state").iterdir())}

    @property
    def calls(self) -> list[str]:
        log = self.folder / "log"
        return log.read_text().splitlines() if log.exists() else []

    def put(self, name: str, content: object) -> None:
        (self.folder / "state" / name.replace("/", "_").replace(" ", "_")).write_text(json.dumps(content))

    def get(self, name: str) -> dict:
        return json.loads(self.state[name.replace("/", "_").replace(" ", "_")])

    def deploy(self, fail: str = "nothing") -> subprocess.CompletedProcess[str]:
        (self.folder / "log").unlink(missing_ok=True)
        environment = {
            "PATH": str(self.folder / "bin"),  # and nothing else: no gcloud of this machine may run
            "STATE": str(self.folder / "state"),
            "LOG": str(self.folder / "log"),
            "FAIL": fail,
            "PAUSE": "0",
        }
        command = [BASH, str(self.deployed / "deploy.sh")]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture(scope="module")
def deployed(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("out") / "deployment"
    write_deployment(deployment("flight_delay"), out)
    return out


@pytest.fixture
def cloud(tmp_path, deployed) -> Cloud:
    (tmp_path / "bin").mkdir()
    for name in TOOLS:
        (tmp_path / "bin" / name).symlink_to(shutil.which(name))
    (tmp_path / "bin" / "python3").symlink_to(sys.executable)
    for name in ("gcloud", "bq"):
        shutil.copy(STAND_IN, tmp_path / "bin" / name)
        (tmp_path / "bin" / name).chmod(0o755)
    (tmp_path / "state").mkdir()
    return Cloud(tmp_path, deployed)


@pytest.fixture(scope="module")
def once(tmp_path_factory, deployed) -> dict[str, str]:
    """The state after one deployment without a failure."""
    found = cloud.__wrapped__(tmp_path_factory.mktemp("once"), deployed)
    done = found.deploy()
    assert done.returncode == 0, done.stderr
    return found.state


@pytest.mark.parametrize("script", ["deploy.sh", STAND_IN])
def test_the_scripts_pass_shellcheck(deployed, script):
    command = [program("shellcheck"), deployed / script]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_cdpath_does_not_change_the_folder(tmp_path, deployed):
    (tmp_path / "elsewhere" / deployed.name).mkdir(parents=True)
    environment = {"PATH": "/usr/bin:/bin", "CDPATH": str(tmp_path / "elsewhere")}
    lines = (deployed / "deploy.sh").read_text().splitlines()
    head = "\n".join(lines[: next(number for number, line in enumerate(lines) if line.startswith("PROJECT="))])
    (deployed / "head.sh").write_text(f"{head}\npwd\n")
    command, where = [BASH, f"{deployed.name}/head.sh"], deployed.parent
    done = subprocess.run(command, env=environment, cwd=where, capture_output=True, text=True, check=True)
    (deployed / "head.sh").unlink()
    assert done.stdout == f"{deployed}\n"


def test_every_resource_is_made(cloud, once):
    done = cloud.deploy()
    assert done.returncode == 0, done.stderr
    assert [line for line in done.stdout.splitlines() if line.startswith("== ")] == [
        *("== services of the project", "== service accounts", "== rights on the project", "== bucket"),
        *("== rights in the bucket", "== datasets", "== Cloud Run jobs", "== tables, functions and views"),
        *("== workflow", "== schedule", "== done: flight_delay starts at 0 4 * * * (America/New_York)"),
    ]
    kinds = [name.split("_")[0] for name in once]
    counts = {
        kind: kinds.count(kind) for kind in ("account", "bucket", "folder", "dataset", "job", "workflow", "schedule")
    }
    assert counts == {"account": 8, "bucket": 1, "folder": 5, "dataset": 4, "job": 6, "workflow": 1, "schedule": 1}


def test_a_second_deployment_changes_nothing(cloud, once):
    cloud.deploy()
    done = cloud.deploy()
    assert (done.returncode, cloud.state) == (0, once), done.stderr
    assert [call for call in cloud.calls if " create " in call or " mk " in call or "--source=/" in call] == []
    assert [call for call in cloud.calls if "--lifecycle-file" in call] == []


@pytest.mark.parametrize("step", STEPS)
def test_a_failed_deployment_can_be_repeated(cloud, once, step):
    failed = cloud.deploy(fail=step)
    assert failed.returncode != 0, step
    assert "asked to fail" in failed.stderr
    assert [
        name for name in cloud.state if name.startswith("schedule")
    ] == []  # nothing is scheduled before all else exists
    done = cloud.deploy()
    assert (done.returncode, cloud.state) == (0, once), done.stderr


def test_bindings_of_a_new_account_are_retried(cloud, once, tmp_path):
    """The first three bindings of an account fail, as they do until Google knows it everywhere."""
    stub = tmp_path / "bin" / "gcloud"
    stub.rename(tmp_path / "bin" / "gcloud.real")
    stub.write_text(
        "#!/usr/bin/env bash\n"
        f'case "$*" in "projects add-iam-policy-binding"*setup*)\n'
        f'  echo >>"{tmp_path}/tries"; [ "$(wc -l <"{tmp_path}/tries")" -gt 3 ] || exit 1 ;;\nesac\n'
        f'exec -a gcloud bash "{tmp_path}/bin/gcloud.real" "$@"\n'
    )
    stub.chmod(0o755)
    (tmp_path / "bin" / "gcloud.real").write_text(STAND_IN.read_text().replace("program=${0##*/}", "program=gcloud"))
    assert cloud.deploy().returncode == 0
    assert len((tmp_path / "tries").read_text().splitlines()) == 4
    assert cloud.state == once


def test_settings_of_others_stay(cloud):
    rule = {"action": {"type": "Delete"}, "condition": {"age": 7, "matchesPrefix": ["other/"]}}
    everyone = {"action": {"type": "AbortIncompleteMultipartUpload"}, "condition": {"age": 1}}
    older = {"action": {"type": "Delete"}, "condition": {"age": 1, "matchesPrefix": ["flight_delay/rejects/"]}}
    cloud.put(BUCKET.replace("gs:__", "gs://"), {"lifecycle": {"rule": [rule, everyone, older]}})
    reader = {"role": "READER", "groupByEmail": "analysts@example.com"}
    view = {"dataset": {"dataset": {"projectId": "my-project", "datasetId": "theirs"}, "targetTypes": ["VIEWS"]}}
    cloud.put(DATASET, {"etag": "7", "access": [reader, view], "description": "ours"})
    done = cloud.deploy()
    assert done.returncode == 0, done.stderr
    rules = cloud.get(BUCKET)["lifecycle"]["rule"]
    assert rules[:2] == [rule, everyone]
    assert [rule["condition"]["age"] for rule in rules[2:]] == [30, 30, 30, 90, 365]
    found = cloud.get(DATASET)
    assert found["access"][:2] == [reader, view]
    assert found["access"][2]["dataset"]["dataset"]["datasetId"] == "ml_dashboard"
    assert len(found["access"]) == 3


def test_an_update_changes_the_schedule_last(cloud):
    cloud.deploy()
    cloud.deploy()
    assert "scheduler jobs update" in cloud.calls[-1]


def test_without_gcloud_nothing_is_called(cloud):
    (cloud.folder / "bin" / "gcloud").unlink()
    done = cloud.deploy()
    assert (done.returncode, done.stderr) == (2, "deploy.sh: gcloud is not installed\n")
    assert cloud.calls == []


def test_every_account_that_acts_is_made(deployed, once):
    text = (deployed / "deploy.sh").read_text() + (deployed / "grants_on_tables.sql").read_text()
    for name in once:
        if name.startswith("account_"):
            assert name.removeprefix("account_") in text
