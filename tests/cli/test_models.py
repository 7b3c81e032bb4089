from __future__ import annotations

import json

import pytest

DAY, NEXT = "2013-07-03", "2013-07-04"


@pytest.fixture(scope="module")
def where(prepare, loaded_dir, quick_project):
    """One published run date of a job that no other module runs: the tests change who is champion."""
    place = ("--project-dir", str(quick_project), "--local-dir", str(loaded_dir))
    done = prepare("run", "flight_pair", "--run-date", DAY, *place)
    assert done.code == 0, done.err
    return place


def listed(here, where):
    done = here("models", "list", "flight_pair", "--json", *where)
    assert (done.code, done.err) == (0, "")
    return json.loads(done.out)


def test_models_are_listed_promoted_and_rolled_back(here, where):
    before = listed(here, where)
    assert list(before) == ["job", "variants", "champions"]
    roles = {line["variant"].split("@")[0]: line["role"] for line in before["variants"]}
    assert list(roles.values()) == ["champion", "challenger", "baseline"]
    assert {line["run_date"] for line in before["variants"]} == {DAY}
    assert [(span["from_run_date"], span["reason"]) for span in before["champions"]] == [(DAY, "first")]

    why = ("--reason", "easier to explain")
    done = here("models", "promote", "flight_pair", "smooth_rate", *why, "--json", *where)
    assert (done.code, done.err) == (0, "")
    named = json.loads(done.out)
    assert list(named) == ["job", "champion", "before", "from_run_date", "reason"]
    assert (named["champion"].split("@")[0], named["from_run_date"]) == ("smooth_rate", NEXT)

    table = here("models", "list", "flight_pair", *where)
    assert table.code == 0
    assert [line.split()[1] for line in table.out.splitlines() if "@" in line][:3] == [
        "challenger",
        "champion",
        "baseline",
    ]
    assert table.out.rstrip().splitlines()[-1].startswith(f"  from {NEXT}  smooth_rate@")

    back = here("models", "rollback", "flight_pair", "--reason", "it is slow", *where)
    assert (back.code, back.err) == (0, "")
    assert back.out.startswith("flight_pair: carrier_hour_rate@")
    assert f" is champion from {NEXT} on, after smooth_rate@" in back.out


def test_refused_promotion_is_one_line_and_exit_code_2(here, where):
    done = here("models", "promote", "flight_pair", "forest", "--reason", "x", *where)
    assert (done.code, done.out) == (2, "")
    assert "no variant 'forest' - the variants are: carrier_hour_rate," in done.error


@pytest.mark.long
def test_backfill_judges_challengers_only_with_gate(here, where):
    dates = ("--from", NEXT, "--to", "2013-07-05")
    done = here("backfill", "flight_pair", *dates, *where)
    assert done.code == 0, done.err
    assert f"evaluated {DAY}" in done.out
    assert " gate: " not in done.err
    again = here("backfill", "flight_pair", *dates, "--gate", *where)
    (line,) = [line for line in again.err.splitlines() if " gate: " in line]
    assert line.startswith(f"{DAY} gate: too-few-labels smooth_rate@")
    assert line.endswith("1 of the 7 days of window 1 are known")
    assert " gate: " not in here("backfill", "flight_pair", *dates, "--gate", *where).err
