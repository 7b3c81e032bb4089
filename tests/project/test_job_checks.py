"""What job.yaml and the headers of its SQL must agree on, told with the user's file and column."""

from __future__ import annotations

import pytest

from pipeline.errors import RequestError
from pipeline.project.job_checks import check_assets
from pipeline.project.project import Project
from pipeline.rows.schema import ENGINE_COLUMNS
from pipeline.runs.tables import SLICE_COLUMNS
from pipeline.sql import Catalogue
from tests.evaluation.family_jobs import write_family_jobs
from tests.support.dummy_project import edit

JOB, EXAMPLES, LABELS = "jobs/{}/job.yaml", "sql/{}/preprocess/examples_v1.sql", "sql/{}/evaluate/labels_v1.sql"
ADDED = "the pipeline itself adds a column"
OWN = "the pipeline itself has a column"
COUNTRY = "country: STRING, gain"

WRONG = {
    "_shard in examples": ("regression", EXAMPLES, "example_as_of:", "_shard: INT64, example_as_of:", f"{ADDED} _sh"),
    "label in examples": (
        "regression", EXAMPLES, "example_as_of:", "Label: INT64, example_as_of:", f"{ADDED} Label - remove it: regr"
    ),
    "_scores in labels": ("regression", LABELS, "label:", "_scores: INT64, label:", f"{ADDED} _scores"),
    "overall in labels": ("regression", LABELS, "worth:", "overall: STRING, worth:", f"{ADDED} overall"),
    "predicted generation": ("regression", JOB, "{value:", "{Generation: INT64 NOT NULL, value:", f"{OWN} Generation"),
    "predicted run_id": ("ranking", JOB, "{rank:", "{run_id: STRING NOT NULL, rank:", f"columns: {OWN} run_id"),
    "key variant": ("ranking", JOB, "day, rank]", "day, rank, variant]", f"prediction_key: {OWN} variant"),
    "key checksum": ("ranking", JOB, "day, item]", "day, item, checksum]", f"example_key: {OWN} checksum"),
    "no label": ("regression", LABELS, "label: FLOAT64", "lable: FLOAT64", "key columns: no column label"),
    "no key in labels": ("regression", LABELS, "day: DATE, ", "", "key columns: no column day, which is part"),
    "no key in examples": ("ranking", EXAMPLES, "item: STRING, ", "", "key columns: no column item, which is part"),
    "key of another type": ("regression", LABELS, "day: DATE", "day: STRING", "day is STRING, but .* DATE elsewhere"),
    "key unlike the source": ("regression", EXAMPLES, "user: STRING", "user: INT64", "user is INT64, but .* STRING"),
    "no moment": ("regression", EXAMPLES, "example_as_of:", "as_of:", "no column example_as_of, the moment"),
    "moment of another type": (
        "regression", EXAMPLES, "example_as_of: TIMESTAMP", "example_as_of: DATE",
        "examples_v1.sql: key columns: example_as_of is DATE, but the moment of each row, must be TIMESTAMP - cast it"
    ),
    "regression of BOOL": ("regression", LABELS, "label: FLOAT64", "label: BOOL", "label is BOOL, which metrics/regr"),
    "ranking of STRING": ("ranking", LABELS, "label: INT64", "label: STRING", "label is STRING, which metrics/"),
    "classes of INT64": (
        "multiclass", LABELS, "label: STRING", "label: INT64", "judge - make it STRING: cast it"
    ),
    "predicted STRING": ("regression", JOB, "value: FLOAT64", "value: STRING", "columns: value is STRING, which"),
    "rank of STRING": ("ranking", JOB, "rank: INT64", "rank: STRING", "columns: rank is STRING, which"),
    "range of STRING": (
        "regression", EXAMPLES, "changes:", "checks: [{range: {column: user, min: 0}}]\nchanges:",
        "checks: range: column user is STRING, and not a number"
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_what_does_not_fit_names_file_and_column(tmp_path, case):
    family, file, old, new, said = WRONG[case]
    root, project = write_family_jobs(tmp_path), Project(tmp_path)
    check_assets(Catalogue(root), project.job(family))
    edit(root / file.format(family), old, new)
    with pytest.raises(RequestError, match=said) as caught:
        check_assets(Catalogue(root), project.job(family))
    assert str(root / file.format(family)) in str(caught.value)


@pytest.mark.parametrize("kind", ["BOOL", "FLOAT64", "STRING"])
def test_a_binary_label_is_an_integer(tmp_path, kind):
    root = write_family_jobs(tmp_path)
    edit(root / JOB.format("regression"), "family: regression", "family: binary_classification")
    edit(root / JOB.format("regression"), "{value: FLOAT64", "{score: FLOAT64")
    edit(root / JOB.format("regression"), "[mae]", "[auc]")
    edit(root / LABELS.format("regression"), "label: FLOAT64", f"label: {kind}")
    with pytest.raises(RequestError, match=rf"labels_v1\.sql: key columns: label is {kind}, which .* make it INT64"):
        check_assets(Catalogue(root), Project(root).job("regression"))
    edit(root / LABELS.format("regression"), f"label: {kind}", "label: INT64")
    check_assets(Catalogue(root), Project(root).job("regression"))


def test_the_columns_of_a_slice_are_names_of_the_engine():
    assert set(SLICE_COLUMNS.names) == ENGINE_COLUMNS["predictions"]
