from __future__ import annotations

import re
import subprocess

import pytest
import yaml

from pipeline.errors import RequestError
from pipeline.operate.deploy.deployment import HELD, Deployment
from pipeline.operate.deploy.names import ACCOUNTS, account_id, resource_name
from pipeline.operate.deploy.placed import placed_grants
from pipeline.operate.deploy.texts import readme
from pipeline.project.project import Project
from tests.operate.deploy.golden_files import IMAGE, TARGET
from tests.support.dummy_project import FILES
from tests.support.integration_fixtures import ROOT
from tests.support.programs import program

CONTENT = yaml.safe_load(TARGET.read_text())
PROJECT = CONTENT["project"]


@pytest.fixture
def root(tmp_path):
    """A project with a job and a target."""
    for path, text in FILES.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    (tmp_path / "targets").mkdir()
    return tmp_path


def deployed(root, *, image=IMAGE, place="targets/t.yaml", without=(), **changed) -> Deployment:
    content = {key: value for key, value in (CONTENT | changed).items() if key not in without}
    (root / place).write_text(yaml.safe_dump(content))
    return Deployment.of(Project(root).job("dummy"), root / place, image)


def test_target_file_is_the_path_in_the_image(root):
    assert deployed(root).target_file == "targets/t.yaml"
    (root / "targets" / "eu").mkdir()
    assert deployed(root, place="targets/eu/t-1.yaml").target_file == "targets/eu/t-1.yaml"


def test_a_target_that_the_image_lacks_is_refused(root):
    with pytest.raises(RequestError, match=r"--target t\.yaml: the image holds only jobs, sql, targets, udf of"):
        deployed(root, place="t.yaml")
    lines = (ROOT / "Dockerfile").read_text().rpartition("FROM ")[2].splitlines()
    copied = [line.split()[1] for line in lines if line.startswith("COPY ") and "--from" not in line]
    assert tuple(sorted(name.rstrip("/") for name in copied)) == HELD


@pytest.mark.parametrize("name", ["a\ntouch x #.yaml", "${sys.get_env('X')}.yaml", "a b.yaml", "a`b`.yaml", "ü.yaml"])
def test_a_path_with_special_characters_is_refused(root, name):
    with pytest.raises(RequestError, match="holds other characters than letters"):
        deployed(root, place=f"targets/{name}")


@pytest.mark.parametrize(
    "image",
    [
        "us-docker.pkg.dev/p/r/pipeline",
        "us-docker.pkg.dev/p/r/pipeline:v1",
        "us-docker.pkg.dev/p/r/pipeline@sha256:abc",
        f"pipeline{IMAGE[IMAGE.index('@') :]}",
        f"{IMAGE}; rm -rf /",
        f" {IMAGE}",
    ],
)
def test_an_image_without_its_digest_is_refused(root, image):
    with pytest.raises(RequestError, match="not an image with its digest"):
        deployed(root, image=image)


@pytest.mark.parametrize(
    "image", [IMAGE, IMAGE.replace("@", ":v1.2@"), IMAGE.replace("us-docker", "localhost:5000/us")]
)
def test_an_image_with_its_digest_is_accepted(root, image):
    assert deployed(root, image=image).image == image


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"region": "US"}, "region: US is not a region"),
        ({"dashboard_dataset": "ml"}, "must be four datasets"),
        ({"runs_dataset": "ml_ledger"}, "must be four datasets"),
        (
            {"service_accounts": {"trainer": "a@b.example.com"}},
            "trainer is not an account of a deployment - they are: setup, preprocess",
        ),
        ({"service_accounts": {"train": "name"}}, "service_accounts.train: 'name' is not an email address"),
        ({"service_accounts": {"train": "a@b.example.com", "load": "a@b.example.com"}}, "load, train are one account"),
        ({"service_accounts": {"train": "a@b.example.com", "load": "A@b.example.com"}}, "load, train are one account"),
        (
            {"service_accounts": {"train": f"dummy-load@{PROJECT}.iam.gserviceaccount.com"}},
            "load, train are one account",
        ),
        (
            {"service_accounts": {"train": "a@b.example.com", "dashboard": "a@b.example.com"}},
            "dashboard, train are one",
        ),
    ],
)
def test_an_incomplete_target_is_refused(root, changed, message):
    with pytest.raises(RequestError, match=message):
        deployed(root, **changed)


def test_a_target_without_a_limit_of_bytes_is_refused(root):
    with pytest.raises(RequestError, match="maximum_bytes_billed is missing"):
        deployed(root, without=["maximum_bytes_billed"])


def test_a_target_outside_of_the_project_is_refused(root, tmp_path_factory):
    outside = tmp_path_factory.mktemp("elsewhere") / "t.yaml"
    outside.write_text(yaml.safe_dump(CONTENT))
    job = Project(root).job("dummy")
    with pytest.raises(RequestError, match="lies outside of the project's folder"):
        Deployment.of(job, outside, IMAGE)
    (root / "targets" / "link.yaml").symlink_to(outside)
    with pytest.raises(RequestError, match="lies outside of the project's folder"):
        Deployment.of(job, root / "targets" / "link.yaml", IMAGE)


def test_accounts_that_the_target_names_are_used(root):
    deployment = deployed(root, service_accounts={"train": "fits@other-project.iam.gserviceaccount.com"})
    assert deployment.emails["train"] == "fits@other-project.iam.gserviceaccount.com"
    assert deployment.emails["load"] == "dummy-load@my-project.iam.gserviceaccount.com"
    assert set(deployment.made_accounts) == set(ACCOUNTS) - {"train"}


def test_rights_of_dashboards_need_a_named_group(root):
    assert "dashboard" not in {grant.account for grant in placed_grants(deployed(root, without=["service_accounts"]))}
    members = {grant.member for grant in placed_grants(deployed(root)) if grant.account == "dashboard"}
    assert members == {"group:ml-readers@example.com"}


@pytest.mark.parametrize("job", ["a", "flight_delay", "x" * 40, f"{'long_' * 7}name", f"{'y' * 30}_1", "trailing_"])
def test_names_keep_the_limits_of_their_services(job):
    found = [account_id(job, account) for account in ACCOUNTS]
    assert len(set(found)) == len(found)
    assert all(re.fullmatch(r"[a-z][a-z0-9-]{4,28}[a-z0-9]", name) for name in found), found
    assert all(re.fullmatch(r"[a-z][a-z0-9-]{0,47}[a-z0-9]", resource_name(job, name)) for name in ACCOUNTS)


def test_long_names_that_begin_alike_stay_different():
    assert account_id(f"{'z' * 30}_a", "train") != account_id(f"{'z' * 30}_b", "train")


def test_the_prefix_of_the_target_is_part_of_every_folder(root):
    folders = {grant.address for grant in placed_grants(deployed(root, prefix="a/b")) if grant.kind == "folder"}
    assert {folder.rsplit("/", 2)[0] for folder in folders} == {"gs://my-project-ml/a/b/dummy"}


def test_tasks_are_at_most_ten_unless_job_yaml_asks_for_more(root):
    deployment = deployed(root)
    assert deployment.tasks == deployment.job.spec.predictions.shards == 2
    text = FILES["jobs/dummy/job.yaml"].replace("shards: 2", "shards: 400")
    (root / "jobs/dummy/job.yaml").write_text(text)
    assert deployed(root).tasks == 10
    (root / "jobs/dummy/job.yaml").write_text(f"{text}resources: {{predict: {{tasks: 100}}}}\n")
    assert deployed(root).tasks == 100


def test_readme_names_the_right_that_deploy_sh_cannot_grant(root):
    slots = "projects/admin/locations/US/reservations/nightly"
    assert f"`bigquery.reservations.use` on `{slots}`" in readme(deployed(root, reservation=slots))
    assert "reservations" not in readme(deployed(root, without=["reservation"]))


def test_an_uncommitted_target_is_refused(root):
    subprocess.run([program("git"), "init", "--quiet", str(root)], check=True)
    with pytest.raises(RequestError, match="not committed, so the image of this commit does not hold it - commit"):
        deployed(root)
    subprocess.run(["git", "-C", str(root), "add", "."], check=True)
    assert deployed(root).target_file.startswith("targets/")
