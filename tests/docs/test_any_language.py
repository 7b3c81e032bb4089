"""The script of docs/any-language.md, run by Node and judged by the SQL of the repository."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from datetime import date

import pytest
from sklearn.metrics import roc_auc_score

from pipeline.phases.evaluate_files import evaluate_from_path
from pipeline.phases.preprocess import preprocess_run
from pipeline.rows.jsonl import write_rows
from pipeline.runs.job_statements import examples_columns
from pipeline.runs.opening import open_run
from tests.support.integration_fixtures import ROOT, reader

PAGE = (ROOT / "docs/any-language.md").read_text()
DAY = date(2013, 7, 5)


@pytest.fixture
def node():
    found = shutil.which("node")
    if not found:
        pytest.skip("node is not installed: the script of docs/any-language.md cannot run")
    return found


def test_predictions_of_another_language_are_judged(fresh_session, quick_job, node, tmp_path):
    session, schema = fresh_session, quick_job.key_schema
    run = open_run(session, quick_job, DAY)
    table, columns = preprocess_run(run).table, examples_columns(session, quick_job)
    scored = session.warehouse.read_frame(table, columns, where="_scores", order_by=schema.names)
    write_rows(scored, columns, tmp_path / "examples.jsonl")
    (script,) = re.findall(r"^```js title=predict.mjs\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    (tmp_path / "predict.mjs").write_text(script)
    subprocess.run([node, "predict.mjs", "examples.jsonl", "mine.jsonl"], cwd=tmp_path, check=True, timeout=60)
    labels = reader(session)(
        "SELECT flight_date, carrier, flight, origin, IF(arr_delay > 15, 1, 0) AS label"
        f" FROM ml.flight_outcomes WHERE flight_date = '{DAY}'"
    )
    (tmp_path / "labels.jsonl").write_text("".join(json.dumps(row, default=str) + "\n" for row in labels))
    rows = evaluate_from_path(
        session, quick_job, str(tmp_path / "mine.jsonl"), str(tmp_path / "labels.jsonl"), name="mine"
    )
    known = {tuple(str(row[name]) for name in schema.names): row["label"] for row in labels}
    mine = [json.loads(line) for line in (tmp_path / "mine.jsonl").read_text().splitlines()]
    pairs = [(known[key], row["score"]) for row in mine if (key := tuple(str(row[n]) for n in schema.names)) in known]
    expected = roc_auc_score(*zip(*pairs, strict=True))
    found = {row["metric"]: row["value"] for row in rows if not row["slice_name"]}
    assert found["auc"] == pytest.approx(expected, abs=1e-9)
    assert found["count"] == len(pairs) == len(labels)
