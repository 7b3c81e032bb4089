from __future__ import annotations

import json

import pytest

FIRST, LAST = "2013-10-01", "2014-09-30"
ASKED = ("plan", "flight_delay", "--from", FIRST, "--to", LAST)
KEYS = ["job", "price_per_tib", "maximum_bytes_billed", "reservation", "dates", "phases", "statements", "total"]


@pytest.fixture(scope="module")
def where(loaded_dir):
    return ("--local-dir", str(loaded_dir))


def test_plan_of_a_year_is_a_table_with_a_note(here, where):
    done = here(*ASKED, *where)
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert lines[0] == f"flight_delay {FIRST} to {LAST}: 365 dates to run, 0 done"
    starts = [line.split()[0] for line in lines if line.strip()]
    assert [word for word in starts if word in ("preprocess", "train", "load", "evaluate", "total")] == [
        *("preprocess", "train", "load", "evaluate", "total"),
    ]
    assert lines[-1].startswith("local target: bytes are an estimate from the sizes of the columns that a statement")


def test_plan_is_one_json_object(here, where):
    plan = json.loads(here(*ASKED, "--json", *where).out)
    assert list(plan) == [*KEYS, "budget", "note"]
    assert len(plan["dates"]) == 365
    assert plan["dates"][0] == {"run_date": FIRST, "state": "to run", "evaluates": True, "is_published": False}
    assert [phase["phase"] for phase in plan["phases"]] == ["preprocess", "train", "load", "evaluate"]
    dry = [row["bytes"] for row in plan["statements"] if row["origin"] == "dry run"]
    assert len(dry) == 2
    assert min(dry) >= 10 * 2**20
    assert plan["total"]["bytes"] == sum(phase["bytes"] for phase in plan["phases"])
    assert "estimate" in plan["note"]


def test_queries_are_labelled_with_command_and_job(here, where, requests_sent):
    here(*ASKED, *where)
    labels = [sent.body["configuration"]["labels"] for sent in requests_sent.sent if sent.path.endswith("/jobs")]
    assert {(label["job"], label["phase"]) for label in labels} == {("flight_delay", "plan")}


def test_plan_above_its_budget_exits_with_2(here, where):
    done = here(*ASKED, "--budget", "0.0001", "--json", *where)
    assert done.code == 2
    assert json.loads(done.out)["budget"] == 0.0001
    assert done.error.startswith(f"error: flight_delay {FIRST} to {LAST}: the estimate, ")
    assert done.error.endswith(", is above --budget 0.0001 - plan fewer dates, or raise the budget")


def test_budget_without_a_price_is_refused_at_once(here, tmp_path):
    datasets = "\n".join(f"{name}: x" for name in ("dataset", "runs_dataset", "ledger_dataset", "dashboard_dataset"))
    target = tmp_path / "cloud.yaml"
    target.write_text(f"project: a-project\nlocation: US\nregion: us-central1\nbucket: a-bucket\n{datasets}\n")
    done = here(*ASKED, "--budget", "5", "--target", str(target))
    assert done.code == 2
    assert "the target has no price_per_tib, so costs are unknown - add price_per_tib to" in done.error
