"""The tiny shop from events to a promotion: similarity beats popularity, and both beat chance."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from dataclasses import replace
from datetime import date

import pytest

from jobs.item_recommend.fixtures import ITEMS, write_fixtures
from pipeline.errors import CheckError
from pipeline.explain.report import report_job
from pipeline.operate.sources import load_sources
from pipeline.operate.sql.leak_test import leak_test
from pipeline.phases.run import evaluate_matured, run_job
from pipeline.phases.train import load_id_maps
from pipeline.runs.artefacts.models import committed_models
from pipeline.runs.opening import open_run
from pipeline.sql import Catalogue
from tests.support.dummy_project import edit
from tests.support.integration_fixtures import ROOT, edited, reader

DAYS, MATURE = [date(2026, 2, day) for day in (1, 2, 3)], date(2026, 2, 11)


@pytest.fixture(scope="module")
def job(project):
    job = project.job("item_recommend")
    return edited(job, gate=job.spec.gate.model_copy(update={"min_days": len(DAYS)}))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shop")
    write_fixtures(folder, 7)
    return folder


@pytest.fixture(scope="module")
def session(make_empty_session, job, folder):
    session = make_empty_session()
    load_sources(session, job, folder)
    return session


@pytest.fixture(scope="module")
def rows(session, job):
    """Return the overall metrics of three days, by variant and metric."""
    for day in DAYS:
        run_job(session, job, day, gate=False)
    evaluated = evaluate_matured(session, job, MATURE).evaluated
    values: dict[tuple[str, str], list[float]] = {}
    for evaluation in evaluated:
        for row in evaluation["metrics"]:
            if not row["slice_name"]:
                values.setdefault((row["variant"].split("@")[0], row["metric"]), []).append(row["value"])
    return values


def test_fixtures_of_one_seed_are_the_same_bytes(folder, tmp_path):
    write_fixtures(tmp_path, 7)
    assert (tmp_path / "shop_events.jsonl").read_bytes() == (folder / "shop_events.jsonl").read_bytes()


def test_the_shop_has_the_edges_of_real_data(folder):
    events = [json.loads(line) for line in (folder / "shop_events.jsonl").read_text().splitlines()]
    delivered = Counter((e["user_id"], e["item_id"], e["event_type"], e["event_time"]) for e in events)
    assert max(delivered.values()) == 2
    assert min(event["quantity"] for event in events) == -1
    assert sum(event["user_id"] == "robot" for event in events) >= 4 * ITEMS


def test_similarity_beats_popularity_and_both_beat_chance(rows):
    chance = 10 / ITEMS
    for similar, popular in zip(
        rows["item_similarity", "recall_at_10"], rows["popularity", "recall_at_10"], strict=True
    ):
        assert similar > 2 * popular
        assert popular > 1.5 * chance


def test_lists_of_several_days_are_not_pooled(session, job, rows):
    table, *_ = report_job(session, job, DAYS[0], DAYS[-1])
    assert list(table.columns[0].cells) == [str(day) for day in DAYS]


def test_id_maps_are_in_a_table_by_model(session, rows):
    read = reader(session)
    found = read("""
        SELECT model_id, map_name, MIN(id_index) AS low, MAX(id_index) AS high, COUNT(*) AS n, COUNT(DISTINCT id) AS ids
        FROM ml.id_maps_v1
        WHERE job = 'item_recommend' AND run_date = '2026-02-01'
        GROUP BY model_id, map_name
        ORDER BY model_id, map_name
    """)
    models = {row["model_id"] for row in read("SELECT model_id FROM ledger.models WHERE run_date = '2026-02-01'")}
    assert [(row["model_id"], row["map_name"]) for row in found] == [
        (model, name) for model in sorted(models) for name in ("items", "users")
    ]
    assert len(models) == 2
    for row in found:
        assert (row["low"], row["high"], row["ids"]) == (0, row["n"] - 1, row["n"])


def test_loading_id_maps_again_changes_nothing(session, job, rows):
    counted = "SELECT COUNT(*) AS n FROM ml.id_maps_v1"
    before, run = reader(session)(counted), open_run(session, job, DAYS[0])
    for model in committed_models(run):
        load_id_maps(run, model)
    assert reader(session)(counted) == before


def test_missing_id_maps_are_loaded_again(session, job, rows):
    """Their load job is done under the same id, but the check of its effect reads the table."""
    counted, run = "SELECT COUNT(*) AS n FROM ml.id_maps_v1", open_run(session, job, DAYS[1])
    before = reader(session)(counted)
    table = session.target.table("id_maps_v1")
    session.warehouse._client.query(f"DELETE FROM `{table}` WHERE run_date = '{DAYS[1]}'").result(timeout=30)
    assert reader(session)(counted) != before
    for model in committed_models(run):
        load_id_maps(run, model)
    assert reader(session)(counted) == before


def test_the_challenger_is_promoted_over_popularity(session, rows):
    champions = reader(session)("SELECT variant FROM ledger.champions ORDER BY from_run_date, decided_at")
    assert [row["variant"].split("@")[0] for row in champions] == ["popularity", "item_similarity"]


def test_bought_items_and_robots_are_left_out(session, rows):
    read = reader(session)
    again = """
        SELECT COUNT(*) AS n
        FROM ml.item_recommend__predictions_v1 AS p
        JOIN (
            SELECT user_id, item_id, SUM(quantity) AS kept
            FROM (SELECT DISTINCT * EXCEPT (arrival_time) FROM ml.shop_events WHERE arrival_time <= '2026-02-03')
            WHERE event_type = 'purchase'
            GROUP BY user_id, item_id
        ) AS b ON p.user_id = b.user_id AND p.item_id = b.item_id
        WHERE p.run_date = '2026-02-03' AND b.kept > 0
    """
    assert read(again)[0]["n"] == 0
    assert read("SELECT COUNT(*) AS n FROM ml.item_recommend__predictions_v1 WHERE user_id = 'robot'")[0]["n"] == 0
    lists = "SELECT MAX(rank) AS longest, COUNT(DISTINCT user_id) AS users FROM ml.item_recommend__predictions_v1"
    assert read(lists)[0]["longest"] == 20
    assert read(lists)[0]["users"] > 150


def test_the_sql_does_not_see_the_future(session, job, rows):
    examples, labels = leak_test(session, job, DAYS[-1])
    assert examples.rows > 2000
    assert labels.rows > 500


def test_labels_that_see_the_future_are_found(session, job, rows, tmp_path):
    sql = shutil.copytree(ROOT / "sql", tmp_path / "sql") / f"{job.spec.labels.sql}.sql"
    edit(sql, "WHERE arrival_time <= @as_of\n", "WHERE @as_of IS NOT NULL\n")
    edit(sql, "INTERVAL 7 DAY", "INTERVAL 14 DAY")
    with pytest.raises(CheckError, match="next_week_v1 leaks: made of all rows and of those known at 2026-02-03"):
        leak_test(replace(session, catalogue=Catalogue(tmp_path)), job, DAYS[-1])
