from __future__ import annotations

import pytest

from pipeline.errors import RequestError
from pipeline.project.project import Project, read_variant
from tests.support.dummy_project import dummy_project, edit


@pytest.fixture
def root(tmp_path):
    with dummy_project(tmp_path) as root:
        yield root


def test_job_is_read_with_its_variants_and_baselines(root):
    job = Project.open(root).job("dummy")
    assert [variant.name for variant in job.variants] == ["mean", "double"]
    assert (job.predictions_table, job.predictions_view) == ("dummy__predictions_v1", "dummy__predictions")


def test_prediction_key_has_the_sources_types_and_no_null(root):
    schema = Project.open(root).job("dummy").prediction_schema
    assert [(c.name, c.type, c.required) for c in schema.columns] == [
        ("id", "INT64", True),
        ("day", "DATE", True),
        ("score", "FLOAT64", True),
    ]


def test_key_column_of_no_source_names_file_and_column(root):
    edit(root / "jobs/dummy/job.yaml", "prediction_key: [id, day]", "prediction_key: [id, rank]")
    with pytest.raises(RequestError, match=r"job\.yaml: key prediction_key: no source declares the column rank"):
        _ = Project.open(root).job("dummy").key_schema


def test_id_of_a_variant_is_that_of_its_configuration(root):
    before = read_variant(root / "jobs/dummy/mean.yaml").id
    (root / "jobs/dummy/mean.yaml").write_text("# a comment\n" + (root / "jobs/dummy/mean.yaml").read_text())
    assert read_variant(root / "jobs/dummy/mean.yaml").id == before
    edit(root / "jobs/dummy/mean.yaml", "columns", "params: {factor: 3.0}\ncolumns")
    after = read_variant(root / "jobs/dummy/mean.yaml").id
    assert after != before
    assert after.startswith("mean@")
    assert len(after) == len("mean@") + 8


@pytest.mark.parametrize("name", ["nope", "", "..", "../dummy", "Dummy", "dummy/", "/etc", "."])
def test_unknown_job_names_the_jobs_there_are(root, name):
    with pytest.raises(RequestError, match=r"no job .* the jobs are: dummy"):
        Project.open(root).job(name)


def test_missing_variant_file_is_named(root):
    (root / "jobs/dummy/double.yaml").unlink()
    with pytest.raises(RequestError, match=r"job\.yaml: keys variants and baselines: double\.yaml is missing"):
        Project.open(root).job("dummy")


def test_folder_without_jobs_is_no_project(tmp_path):
    with pytest.raises(RequestError, match="no jobs/ folder here - run in the project's folder"):
        Project.open(tmp_path)


def test_folders_without_job_yaml_are_no_jobs(root):
    (root / "jobs/other").mkdir()
    assert Project.open(root).job_names() == ["dummy"]


RULE = "a name of small letters, digits and _, a letter first, at most 40 characters"


@pytest.mark.parametrize("name", ["my-churn", "Churn", "2nd", "_x", "a b"])
def test_a_folder_that_is_not_named_like_a_job_is_told_the_rule(root, name):
    (root / "jobs/dummy").rename(root / "jobs" / name)
    project = Project.open(root)
    assert project.job_names() == []
    assert list(project.misnamed()) == [root / "jobs" / name / "job.yaml"]
    said = (
        f"no job '{name}' .*: the folder {name} is not named like a job, which has {RULE}; rename the folder - the jobs"
    )
    with pytest.raises(RequestError, match=f"{said} are: none$"):
        project.job(name)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("family: binary_classification", "family: my-family", f"key family: 'my-family' is not {RULE}"),
        ("variants: [mean]", "variants: [Mean-1]", r"key variants\.0: 'Mean-1' is not a name of small letters"),
        ("  items:", "  my-items:", "'my-items' is not a source's name of letters, digits and _"),
        ("  items:", "  metrics:", "key sources.*: metrics is a table of the pipeline itself: choose another name"),
        ("  items:", "  Dummy__predictions:", "Dummy__predictions is a table of the pipeline itself"),
        ("columns: {id:", "columns: {order-id:", "column 'order-id': not a column's name, which has letters, digits"),
        (
            "dummy/preprocess/examples_v1",
            "my-dummy/examples",
            "key examples.sql: .* is not the name of a SQL file below",
        ),
        ("headline: [auc]", "schedule: {daily_at: 4:30}", "daily_at: '4:30' is not a time of day with two digits"),
    ],
)
def test_rules_for_names_are_told_in_words(root, old, new, said):
    edit(root / "jobs/dummy/job.yaml", old, new)
    with pytest.raises(RequestError, match=said) as caught:
        Project.open(root).job("dummy")
    assert "pattern" not in str(caught.value)
