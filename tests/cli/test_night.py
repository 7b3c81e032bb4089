"""A night as Cloud Run and its scheduler make it: phases one after the other, tasks at once, killed and repeated.

Each task is a process with Cloud Run's variables and the credentials of a metadata server on this machine.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from pipeline.cli.app import run
from pipeline.cli.cloud_run.execution import EXECUTION
from pipeline.emulators import lifecycle
from pipeline.phases.task import ATTEMPT, COUNT, INDEX
from tests.cli.metadata_server import TOKEN, metadata_server
from tests.cli.parcels import CANARY, write_project, write_sources
from tests.support.integration_fixtures import ROOT

TODAY = datetime.now(UTC).date()
MISSED, LAST_DONE = TODAY - timedelta(days=1), TODAY - timedelta(days=2)
AS_IN_CLOUD_RUN = """
import pipeline.cloud.storage.store, pipeline.cloud.bigquery.clients
for module in (pipeline.cloud.storage.store, pipeline.cloud.bigquery.clients):
    module.AnonymousCredentials = lambda: None  # Application Default Credentials, at the emulators too
from google.auth.credentials import CredentialsWithRegionalAccessBoundary as Located
Located._maybe_start_regional_access_boundary_refresh = lambda *_: None  # it asks an address of Google's in a thread
from pipeline.cli import main
main()
"""


@dataclass
class Night:
    """Runs tasks, and keeps what they logged."""

    root: Path
    local_dir: Path
    environment: dict[str, str]
    manifests: Path
    logged: list[str] = field(default_factory=list)

    def deployed(self, phase):
        """The specification of a phase's tasks, as it is deployed."""
        return yaml.safe_load((self.manifests / f"run_jobs/{phase}.yaml").read_text())["spec"]["template"]["spec"]

    def arguments(self, phase):
        """The arguments of a phase as they are deployed, at emulators instead of the target."""
        deployed = self.deployed(phase)["template"]["spec"]["containers"][0]["args"]
        places = {"targets/cloud.yaml": "local", "/app": str(self.root)}
        return [*(places.get(word, word) for word in deployed), "--local-dir", str(self.local_dir)]

    def start(self, phase, *, index=0, count=1, attempt=0, execution="night-1"):
        task = {EXECUTION: f"{phase}-{execution}", INDEX: str(index), COUNT: str(count), ATTEMPT: str(attempt)}
        command = [sys.executable, "-c", AS_IN_CLOUD_RUN, *self.arguments(phase)]
        return subprocess.Popen(
            command,
            cwd=ROOT,
            env={**self.environment, **task},
            stderr=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def end(self, process):
        out, err = process.communicate(timeout=60)
        self.logged += [out, err]
        assert process.returncode == 0, err
        return [json.loads(line)["message"] for line in err.splitlines()]

    def do(self, phase, **task):
        return self.end(self.start(phase, **task))


def deploy(root):
    """What `pipeline deploy` writes for the job."""
    target = root / "targets" / "cloud.yaml"
    target.parent.mkdir()
    target.write_text((ROOT / "targets" / "example.yaml").read_text())
    image = f"us-docker.pkg.dev/p/r/n@sha256:{'0' * 64}"
    arguments = ["deploy", "parcels", "--target", str(target), "--image", image, "--out", str(root / "deployed")]
    assert run([*arguments, "--project-dir", str(root)]) == 0
    return root / "deployed"


@pytest.fixture(scope="module")
def night(prepare, emulators_dir, tmp_path_factory):
    root = tmp_path_factory.mktemp("night")
    write_project(root, fails=f"wait {root / 'waiting'}")
    folder = write_sources(root / "data", TODAY)
    where = ["--local-dir", str(emulators_dir), "--project-dir", str(root)]
    assert prepare("sources", "load", "parcels", "--from", str(folder), *where).code == 0
    (root / "waiting").touch()
    assert prepare("run", "parcels", "--run-date", str(LAST_DONE), *where).code == 0
    (root / "waiting").unlink()
    manifests = deploy(root)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GOOGLE_")}
    with metadata_server() as (variables, asked):
        yield Night(root, emulators_dir, {**kept, **variables, "HOME": str(root)}, manifests), asked


def rows_of(local_dir, sql):
    import requests

    endpoint = lifecycle.status(local_dir).endpoints
    url = f"{endpoint.bigquery}/bigquery/v2/projects/{endpoint.project}/queries"
    answer = requests.post(url, json={"query": sql, "useLegacySql": False}, timeout=30).json()
    return [[cell["v"] for cell in row["f"]] for row in answer.get("rows", [])]


def published(local_dir):
    return rows_of(
        local_dir,
        "SELECT CAST(run_date AS STRING), COUNT(*), COUNT(DISTINCT parcel), COUNT(DISTINCT run_id) "
        f"FROM ml.parcels__predictions_v1 WHERE run_date >= '{LAST_DONE}' GROUP BY 1 ORDER BY 1",
    )


def the_one_that_waits(tasks, root):
    """The task whose model waits, once all others have ended."""
    until = time.monotonic() + 60
    while (waiting := [task for task in tasks if task.poll() is None]) != waiting[:1] or not (
        root / "waiting"
    ).exists():
        assert time.monotonic() < until, "more than one task still runs"
        time.sleep(0.05)
    return waiting[0]


def evaluated(local_dir):
    own = f"job = 'parcels' AND run_date >= '{LAST_DONE}'"
    return rows_of(local_dir, f"SELECT DISTINCT CAST(run_date AS STRING) FROM ml.metrics_v1 WHERE {own} ORDER BY 1")


@pytest.mark.long
def test_night_survives_a_missed_day_and_a_killed_task(night, emulators_dir):
    at_night, asked = night
    for phase in ("preprocess", "train"):
        at_night.do(phase)
    assert at_night.deployed("predict")["taskCount"] == 4
    indexes = [0, 1, 2, 3, 2]
    tasks = [at_night.start("predict", index=index, count=4) for index in indexes]
    doomed = the_one_that_waits(tasks, at_night.root)
    doomed.kill()
    at_night.logged += doomed.communicate(timeout=20)
    for task in tasks:
        if task is not doomed:
            at_night.end(task)
    at_night.do("predict", index=indexes[tasks.index(doomed)], count=4, attempt=1)
    assert [line for line in at_night.do("load") if f"parcels {MISSED}: done, load 100 rows" in line]
    at_night.do("evaluate")
    assert published(emulators_dir) == [[str(day), "100", "100", "1"] for day in (LAST_DONE, MISSED, TODAY)]
    assert evaluated(emulators_dir) == [[str(day)] for day in (LAST_DONE, MISSED)]  # today's labels come tomorrow

    # the scheduler delivers again
    for phase in ("preprocess", "train", "predict", "load"):
        assert at_night.do(phase, execution="night-2") == [f"parcels {phase}: no run date is due"]
    assert at_night.do("evaluate", execution="night-2")[-1].startswith("parcels: already done")
    assert published(emulators_dir) == [[str(day), "100", "100", "1"] for day in (LAST_DONE, MISSED, TODAY)]
    logged = "".join(at_night.logged)
    assert (CANARY in logged, TOKEN in logged) == (False, False)
    assert any(path.endswith("/token") for path in asked)
