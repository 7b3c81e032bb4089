from __future__ import annotations

import pytest
import yaml

from pipeline.base.strict_yaml import parse_yaml
from pipeline.errors import RequestError
from pipeline.project.job_yaml import JobSpec
from tests.support.dummy_project import FILES

SPEC = yaml.safe_load(FILES["jobs/dummy/job.yaml"])


def parse(**changed) -> JobSpec:
    return parse_yaml(yaml.safe_dump(SPEC | changed, sort_keys=False), JobSpec, origin="job.yaml")


def test_reads_a_job():
    spec = parse()
    assert spec.all_variants == ["mean", "double"]
    assert spec.sources["items"].typed_columns.names == ["id", "day", "known_at"]
    assert spec.predictions.typed_columns.names == ["score"]
    assert (spec.as_of_offset_minutes, spec.labels.delay_days) == (0, 2)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"time_zone": "New York"}, "key time_zone: .* IANA"),
        ({"time_zone": "localtime"}, "key time_zone: .* IANA"),
        ({"time_zone": "Factory"}, "key time_zone: .* IANA"),
        ({"as_of_offset_minutes": 1440}, "key as_of_offset_minutes"),
        ({"entity": []}, "key entity"),
        ({"entity": ["carrier"]}, "entity: every column must be part of prediction_key"),
        ({"family": "binary-classification"}, "key family"),
        ({"sources": {}}, "key sources"),
        ({"variants": []}, "key variants"),
        ({"variants": ["double"]}, "name a variant twice"),
        ({"write_sources": "jobs/dummy/sources.py"}, "key write_sources"),
        ({"label_delay": 2}, "key label_delay: not a known key"),
        ({"examples": {"sql": "dummy/examples", "history_days": 3}}, "key examples.sql"),
        ({"examples": {"sql": "../../secret_v1", "history_days": 3}}, "key examples.sql"),
        ({"examples": {"sql": "a_v1", "history_days": -1}}, "key examples.history_days"),
        ({"labels": {"sql": "a_v0", "delay_days": 1}}, "key labels.sql"),
        ({"labels": {"sql": "a_v1"}}, "key labels.delay_days: required, but missing"),
        ({"drift": {"psi": -1}}, "key drift.psi: .*greater than or equal to 0"),
        ({"drift": {"psi": float("inf")}}, "malformed|key drift.psi"),
        ({"drift": {"jensen_shannon": 1.5}}, "key drift.jensen_shannon: .*less than or equal to 1"),
        ({"drift": {"missing_rate": "much"}}, "key drift.missing_rate"),
        ({"drift": {"kolmogorov": 0.1}}, "key drift.kolmogorov: not a known key"),
        ({"predictions": {"version": 1, "shards": 0, "columns": {"s": "FLOAT64"}}}, "key predictions.shards"),
        ({"predictions": {"version": 1, "shards": 1, "columns": {"s": "DOUBLE"}}}, "key predictions.columns: .*DOUBLE"),
        ({"predictions": {"version": 1, "shards": 1, "columns": {}}}, "key predictions.columns"),
    ],
)
def test_what_is_wrong_is_named_with_file_and_key(changed, said):
    with pytest.raises(RequestError, match=f"^job.yaml: .*{said}"):
        parse(**changed)


def test_drift_has_defaults_and_each_can_be_set_alone():
    assert parse().drift.model_dump() == {
        "psi": 0.2,
        "jensen_shannon": 0.1,
        "missing_rate": 0.05,
        "unseen_rate": 0.05,
        "label_rate": 0.1,
    }
    assert parse(drift={"psi": 0.5}).drift.psi == 0.5
    assert parse(drift={"psi": 0.5}).drift.label_rate == 0.1


@pytest.mark.parametrize(("known_at", "kind"), [("known_at", "DATE"), ("knownat", "TIMESTAMP")])
def test_known_at_is_a_timestamp_of_the_source(known_at, kind):
    source = {"description": "x", "known_at": known_at, "columns": {"known_at": kind}}
    with pytest.raises(RequestError, match=r"key sources\.items: .*must be a TIMESTAMP column"):
        parse(sources={"items": source})


def test_types_may_be_in_small_letters():
    source = {"description": "x", "known_at": "t", "columns": {"t": "timestamp not null"}}
    assert parse(sources={"items": source}).sources["items"].known_at == "t"


def test_a_parameter_of_examples_and_labels_has_one_value():
    said = "parameter minutes is 15 in examples and 20 in labels; one statement joins both: give it one value or two"
    with pytest.raises(RequestError, match=said):
        parse(
            examples={"sql": "a/examples_v1", "history_days": 1, "parameters": {"minutes": 15}},
            labels={"sql": "a/labels_v1", "delay_days": 1, "parameters": {"minutes": 20}},
        )
