"""Predictions that do not fit the schema: the run stops, its shards stay, and a higher rate continues from them."""

from __future__ import annotations

import json
import math
from datetime import date

import pytest

from pipeline.errors import CheckError
from pipeline.explain.status.status import status_of
from pipeline.phases.predict import predict_from_data
from pipeline.phases.run import run_job, run_phase
from pipeline.runs.artefacts.predictions import committed_manifests
from pipeline.runs.identity import run_definition
from pipeline.runs.layout import Folder
from pipeline.runs.opening import join_run
from tests.support.changed_variants import ROWS, job_with_prior
from tests.support.integration_fixtures import edited, reader

STOPPED, ALLOWED, NONE_LEFT = (date(2013, 7, day) for day in (3, 4, 5))
SHARDS = 4


@pytest.fixture(scope="module")
def four_shards(job):
    one = job_with_prior(job, 20.0)
    return edited(one, predictions=one.spec.predictions.model_copy(update={"shards": SHARDS}))


@pytest.fixture
def scored(monkeypatch):
    """Keep the scores of each frame; one flight of the day has an infinite score."""
    frames = []

    def predict(model, df):
        predictions = predict_from_data(model, df)
        frames.append(predictions)
        return predictions if len(frames) > 1 else predictions.assign(
            score=predictions["score"].where(predictions.index != predictions.index[-1], math.inf)
        )  # fmt: skip

    monkeypatch.setattr("pipeline.phases.predict.predict_from_data", predict)
    return frames


def events(session, day, event):
    sql = f"SELECT * FROM ledger.events_v1 WHERE run_date = '{day}' AND phase = 'predict' AND event = '{event}'"
    return reader(session)(sql)


def published_rows(session, job, day):
    table = f"ml.{job.predictions_table}"
    return reader(session)(f"SELECT COUNT(*) AS n FROM {table} WHERE run_date = '{day}'")[0]["n"]


def test_a_rejected_row_stops_the_run_until_a_higher_rate(session, four_shards, scored):
    store = session.store
    for _ in range(2):
        with pytest.raises(CheckError) as stopped:
            run_job(session, four_shards, STOPPED)
    run = join_run(session, four_shards, STOPPED)
    (rejects,) = [item.uri for item in store.list(run.layout.run_folder(Folder.REJECTS))]
    (reject,) = [json.loads(line) for line in store.read_bytes(rejects).splitlines()]
    assert stopped.value.exit_code == 3
    message = str(stopped.value)
    assert f"1 of {ROWS} predictions do not fit the prediction schema" in message
    assert f"{reject['file']}: line {reject['line']}, column score: an infinite number; see {rejects}" in message
    assert reject["line"] == len(scored[0])
    assert committed_manifests(run) == []
    assert published_rows(session, four_shards, STOPPED) == 0
    shown = f"{run.job.variants[0].id}: 1 predictions rejected, see {rejects}"
    assert status_of(session, four_shards, STOPPED).runs[0].failed_checks == [shown]

    frames = len(scored)
    done = run_job(session, four_shards, STOPPED, max_reject_rate=0.5)
    assert len(scored) == frames, "shards that are committed were scored again"
    assert (done.status, done.rows["predict"], done.rows["load"]) == ("done", ROWS - 1, ROWS - 1)
    assert done.uris["rejects"] == [rejects]
    assert published_rows(session, four_shards, STOPPED) == ROWS - 1
    (event,) = events(session, STOPPED, "done")
    assert event["row_count"] == ROWS - 1
    assert json.loads(event["details"]) == {"rejected": 1, "rejects": [rejects]}
    assert run_job(session, four_shards, STOPPED).status == "already_done"
    assert status_of(session, four_shards, STOPPED).runs[0].failed_checks == []


def test_the_rate_is_of_all_shards_of_a_model(session, four_shards, scored):
    run_phase(session, four_shards, ALLOWED, "train")
    with pytest.raises(CheckError, match=r"--max-reject-rate 0\.0624 allows"):
        run_phase(session, four_shards, ALLOWED, "predict", max_reject_rate=0.0624)
    assert run_phase(session, four_shards, ALLOWED, "predict", max_reject_rate=1 / ROWS).rows["predict"] == ROWS - 1


def test_all_rows_may_be_rejected_if_the_rate_allows_it(session, four_shards, monkeypatch):
    monkeypatch.setattr(
        "pipeline.phases.predict.predict_from_data", lambda m, df: predict_from_data(m, df).assign(score=None)
    )
    done = run_job(session, four_shards, NONE_LEFT, max_reject_rate=1.0)
    assert (done.rows["predict"], done.rows["load"], done.uris["predictions"]) == (0, 0, [])
    (event,) = events(session, NONE_LEFT, "done")
    assert json.loads(event["details"])["rejected"] == ROWS


def test_the_rate_is_not_part_of_the_runs_identity(session, four_shards):
    assert "reject" not in json.dumps(run_definition(four_shards, session.catalogue), default=str)
