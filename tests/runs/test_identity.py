from __future__ import annotations

import json
from datetime import date

import pytest

from pipeline.errors import RequestError
from pipeline.project.project import Project
from pipeline.runs.identity import (
    RunName,
    changes,
    parse_run_id,
    run_definition,
    run_id_of,
    sql_digests,
    variants_to_train,
)
from pipeline.sql import Catalogue
from tests.support.dummy_project import dummy_project, edit, forget_modules

DAY = date(2013, 7, 1)


@pytest.fixture
def root(tmp_path):
    with dummy_project(tmp_path) as root:
        yield root


def definition(root):
    return run_definition(Project.open(root).job("dummy"), Catalogue(root))


def run_id(root, day=DAY, generation=1) -> str:
    return run_id_of(Project.open(root).job("dummy"), day, definition(root), generation)


def test_a_run_id_fits_into_a_billing_label(root):
    found = run_id(root)
    assert found.startswith("dummy-2013-07-01-")
    assert len(found.rsplit("-", 1)[-1]) == 10
    assert found == run_id(root)


CHANGES = [
    ("jobs/dummy/job.yaml", "time_zone: America/New_York", "time_zone: UTC"),
    ("jobs/dummy/job.yaml", "time_zone:", "as_of_offset_minutes: 60\ntime_zone:"),
    ("jobs/dummy/job.yaml", "history_days: 3", "history_days: 4"),
    ("jobs/dummy/job.yaml", "history_days: 3", "history_days: 3, parameters: {days: 7}"),
    ("jobs/dummy/job.yaml", "delay_days: 2", "delay_days: 2, parameters: {late_minutes: 15}"),
    ("jobs/dummy/job.yaml", "shards: 2", "shards: 3"),
    ("jobs/dummy/job.yaml", "score: FLOAT64", "score: NUMERIC"),
    ("jobs/dummy/job.yaml", "version: 1", "version: 2"),
    ("jobs/dummy/job.yaml", "id: INT64 NOT NULL", "id: STRING NOT NULL"),
    ("jobs/dummy/job.yaml", "baselines: [double]", "baselines: []"),
    ("jobs/dummy/double.yaml", "factor: 2.0", "factor: 2.5"),
    ("jobs/dummy/model.py", "float(", "0.5 * float("),
    ("sql/dummy/preprocess/examples_v1.sql", "known_at <=", "known_at <"),
    ("sql/dummy/preprocess/examples_v1.sql", "day: DATE, example_as_of", "day: DATE, more: INT64, example_as_of"),
    ("sql/dummy/preprocess/examples_v1.sql", "columns: {id: INT64, day: DATE,", "columns: {day: DATE, id: INT64,"),
    ("sql/dummy/preprocess/examples_v1.sql", "day: DATE, example", "day: STRING, example"),
    ("sql/dummy/evaluate/labels_v1.sql", "label: INT64", "label: FLOAT64"),
    ("sql/dummy/evaluate/labels_v1.sql", "1 AS label", "0 AS label"),
    ("sql/phases/examples_v1.sql", "SELECT id", "SELECT DISTINCT id"),
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change[2])
def test_a_change_that_decides_predictions_changes_the_run(root, change):
    path, old, new = change
    before = run_id(root)
    edit(root / path, old, new)
    assert run_id(root) != before


@pytest.mark.parametrize(
    "change",
    [
        ("jobs/dummy/job.yaml", "description: A dummy.", "description: Another."),
        ("jobs/dummy/job.yaml", "description: Items.", "description: Things."),
        ("jobs/dummy/job.yaml", "headline: [auc]", "headline: [log_loss]"),
        ("jobs/dummy/job.yaml", "delay_days: 2", "delay_days: 3"),
        ("jobs/dummy/job.yaml", "headline:", "slices: [id]\nheadline:"),
        ("jobs/dummy/double.yaml", "params:", "# why\nparams:"),
        ("sql/dummy/preprocess/examples_v1.sql", "description: Examples.", "description: Rows."),
        ("sql/metrics/binary_classification_v1.sql", "AS value", "AS v"),
    ],
    ids=lambda change: change[2],
)
def test_a_change_that_decides_nothing_keeps_the_run(root, change):
    path, old, new = change
    before = run_id(root)
    edit(root / path, old, new)
    assert run_id(root) == before


def test_run_date_and_generation_make_another_run(root):
    assert len({run_id(root), run_id(root, date(2013, 7, 2)), run_id(root, generation=2)}) == 3


def test_digests_are_of_the_sql_that_makes_examples(root):
    found = sql_digests(Project.open(root).job("dummy"), Catalogue(root))
    assert set(found) == {"dummy/preprocess/examples_v1", "dummy/evaluate/labels_v1", "phases/examples_v1"}
    assert all(len(digest) == 16 for digest in found.values())


def test_missing_sql_is_a_request_error(root):
    (root / "sql/dummy/evaluate/labels_v1.sql").unlink()
    with pytest.raises(RequestError, match=r"labels_v1\.sql: SQL file cannot be read"):
        definition(root)


@pytest.mark.parametrize(
    ("path", "old", "new", "said"),
    [
        ("jobs/dummy/job.yaml", "shards: 2", "shards: 3", ["shards"]),
        ("jobs/dummy/job.yaml", "history_days: 3", "history_days: 4", ["examples"]),
        ("jobs/dummy/job.yaml", "  items:\n", "  items:\n    # a comment\n", []),
        ("jobs/dummy/job.yaml", "time_zone: America/New_York", "time_zone: UTC", ["time zone"]),
        ("jobs/dummy/job.yaml", "baselines: [double]", "baselines: []", ["variants"]),
        ("jobs/dummy/model.py", "factor < 0", "factor <= 0", ["code or library versions"]),
        ("sql/dummy/preprocess/examples_v1.sql", "<= @as_of", "< @as_of", ["SQL dummy/preprocess/examples@v1"]),
        ("sql/dummy/preprocess/examples_v1.sql", "day: DATE, example", "day: STRING, example", ["example columns"]),
        ("jobs/dummy/job.yaml", "id: INT64 NOT NULL, day", "id: INT64, day", ["source items"]),
    ],
)
def test_differences_of_definitions_in_words(root, path, old, new, said):
    before = json.loads(json.dumps(definition(root)))
    edit(root / path, old, new)
    forget_modules()
    assert changes(before, definition(root)) == said


@pytest.mark.parametrize(
    ("path", "old", "new", "trained"),
    [
        ("jobs/dummy/job.yaml", "shards: 2", "shards: 3", []),
        ("jobs/dummy/double.yaml", "factor: 2.0", "factor: 3.0", ["double"]),
        ("jobs/dummy/model.py", "factor < 0", "factor <= 0", ["mean", "double"]),
        ("jobs/dummy/model.py", '"""Predicts', '"""Returns', []),
        ("jobs/dummy/job.yaml", "history_days: 3", "history_days: 4", ["mean", "double"]),
        ("sql/dummy/preprocess/examples_v1.sql", "<= @as_of", "< @as_of", ["mean", "double"]),
    ],
)
def test_variants_that_another_definition_trains(root, path, old, new, trained):
    before = json.loads(json.dumps(definition(root)))
    edit(root / path, old, new)
    forget_modules()
    assert variants_to_train(before, definition(root)) == trained


def test_a_variant_with_another_configuration_is_named(root):
    before = definition(root)
    edit(root / "jobs/dummy/double.yaml", "factor: 2.0", "factor: 3.0")
    (said,) = changes(before, definition(root))
    assert said.startswith("variant double@")


def test_a_key_that_one_definition_lacks_is_a_difference():
    assert changes({"shards": 1, "old": 1}, {"shards": 1, "sql": {"a_v1": "d"}}) == ["old", "SQL a@v1"]


def test_a_run_id_names_job_and_run_date():
    text = "flight_delay-2013-07-01-0a1b2c3d4e"
    assert parse_run_id(text) == RunName(text, "flight_delay", date(2013, 7, 1))


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "x",
            "flight_delay",
            "flight_delay-2013-07-01",
            "flight_delay-2013-07-01-0a1b2c3d4",
            "-2013-07-01-0a1b2c3d4e",
        ),
        *("flight_delay-2013-07-01-0A1B2C3D4E", "flight_delay-2013-7-1-0a1b2c3d4e", "a/b-2013-07-01-0a1b2c3d4e"),
        *("flight_delay-2013-07-01-0a1b2c3d4e\n", "flight_delay-٢٠١٣-07-01-0a1b2c3d4e", "../x-2013-07-01-0a1b2c3d4e"),
    ],
)
def test_a_text_of_another_form_is_not_a_run_id(text):
    with pytest.raises(RequestError, match="is not a run id - write <job>-<run date>-<hash>"):
        parse_run_id(text)


@pytest.mark.parametrize("day", ["2013-02-30", "0001-01-01", "9999-01-01"])
def test_a_run_id_with_an_impossible_date_is_refused(day):
    with pytest.raises(RequestError, match=f"{day}"):
        parse_run_id(f"flight_delay-{day}-0a1b2c3d4e")
