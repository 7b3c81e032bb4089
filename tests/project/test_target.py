from __future__ import annotations

import pytest
import yaml
from pydantic import ValidationError

from pipeline.errors import RequestError
from pipeline.project.target import Endpoints, Target, local_target, read_target

TARGET = {
    "project": "my-project",
    "location": "EU",
    "region": "europe-west1",
    "dataset": "ml",
    "runs_dataset": "ml_runs",
    "ledger_dataset": "ml",
    "dashboard_dataset": "ml_dashboard",
    "bucket": "my-bucket",
}
ENDPOINTS = {"bigquery": "http://127.0.0.1:1", "bigquery_storage": "127.0.0.1:2", "storage": "http://127.0.0.1:3"}


@pytest.fixture
def read(tmp_path):
    def reading(**changed):
        (tmp_path / "t.yaml").write_text(yaml.safe_dump({k: v for k, v in (TARGET | changed).items() if v is not None}))
        return read_target(tmp_path / "t.yaml")

    return reading


def test_reads_a_target_with_its_defaults(read):
    target = read()
    assert (target.prefix, target.priority, target.labels) == ("", "INTERACTIVE", {})
    assert target.maximum_bytes_billed is None
    assert target.endpoints is None


def test_every_dataset_is_named_once(read):
    assert read().datasets == ["ml", "ml_runs", "ml_dashboard"]


@pytest.mark.parametrize("key", TARGET)
def test_every_place_has_to_be_named(read, key):
    with pytest.raises(RequestError, match=rf"t\.yaml: key {key}: required, but missing"):
        read(**{key: None})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("project", "My Project"),
        ("project", "p`; DROP"),
        ("dataset", "a-b"),
        ("bucket", "Bucket"),
        ("prefix", "/a"),
        ("prefix", "a//b"),
        ("prefix", "a/"),
        ("priority", "LOW"),
        ("maximum_bytes_billed", 0),
        ("price_per_tib", -1),
        ("datset", "ml"),
    ],
)
def test_malformed_and_unknown_keys_are_named(read, key, value):
    with pytest.raises(RequestError, match=f"key {key}:"):
        read(**{key: value})


@pytest.mark.parametrize("labels", [{"Team": "ml"}, {"1st": "ml"}, {"team": "ML"}, {"team": "m" * 64}, {"": "ml"}])
def test_labels_that_bigquery_would_refuse_are_refused_here(read, labels):
    with pytest.raises(RequestError, match=r"key labels\."):
        read(labels=labels)


def test_a_target_file_cannot_lead_to_emulators(read):
    with pytest.raises(RequestError, match="key endpoints: not allowed in a target file"):
        read(endpoints=ENDPOINTS)


def test_local_target_has_its_own_names_and_endpoints():
    target = local_target(Endpoints(**ENDPOINTS))
    assert (target.project, target.bucket, target.location) == ("pipeline-local", "pipeline-local", "US")
    assert target.datasets == ["ml", "ml_runs", "ml_ledger", "ml_dashboard"]
    assert target.endpoints.storage == "http://127.0.0.1:3"


@pytest.mark.parametrize("prefix", ["..", "a/../b", ".", "a/.", "..."])
def test_a_prefix_leads_nowhere_else(prefix):
    with pytest.raises(ValidationError, match="a part must not consist of dots"):
        Target.model_validate({**local_target().model_dump(), "prefix": prefix})
    assert Target.model_validate({**local_target().model_dump(), "prefix": "a.b/.c"}).prefix == "a.b/.c"
