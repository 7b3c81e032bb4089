from __future__ import annotations

import json

import pytest

DAY, NEXT = "2013-07-03", "2013-07-04"


@pytest.fixture(scope="module")
def where(process, fixtures_folder, tmp_path_factory):
    """Emulators of this module alone, with one published run date: it changes who is champion."""
    from pipeline.emulators import lifecycle

    place = tmp_path_factory.mktemp("models")
    local = ("--local-dir", str(place))
    try:
        assert process("sources", "load", "flight_delay", "--from", str(fixtures_folder), *local).code == 0
        done = process("run", "flight_delay", "--run-date", DAY, *local)
        assert done.code == 0, done.err
        yield local
    finally:
        lifecycle.down(place)


def listed(here, where):
    done = here("models", "list", "flight_delay", "--json", *where)
    assert (done.code, done.err) == (0, "")
    return json.loads(done.out)


def test_models_are_listed_promoted_and_rolled_back(here, where):
    before = listed(here, where)
    assert list(before) == ["job", "variants", "champions"]
    roles = {line["variant"].split("@")[0]: line["role"] for line in before["variants"]}
    assert list(roles.values()) == ["champion", "challenger", "baseline", "baseline"]
    assert {line["run_date"] for line in before["variants"]} == {DAY}
    assert [(span["from_run_date"], span["reason"]) for span in before["champions"]] == [(DAY, "first")]

    why = ("--reason", "easier to explain")
    done = here("models", "promote", "flight_delay", "logistic_regression", *why, "--json", *where)
    assert (done.code, done.err) == (0, "")
    named = json.loads(done.out)
    assert list(named) == ["job", "champion", "before", "from_run_date", "reason"]
    assert (named["champion"].split("@")[0], named["from_run_date"]) == ("logistic_regression", NEXT)

    table = here("models", "list", "flight_delay", *where)
    assert table.code == 0
    assert [line.split()[1] for line in table.out.splitlines() if "@" in line][:4] == [
        *("challenger", "champion", "baseline", "baseline")
    ]
    assert table.out.rstrip().splitlines()[-1].startswith(f"  from {NEXT}  logistic_regression@")

    back = here("models", "rollback", "flight_delay", "--reason", "it is slow", *where)
    assert (back.code, back.err) == (0, "")
    assert back.out.startswith("flight_delay: gradient_boosting@")
    assert f" is champion from {NEXT} on, after logistic_regression@" in back.out


def test_refused_promotion_is_one_line_and_exit_code_2(here, where):
    done = here("models", "promote", "flight_delay", "forest", "--reason", "x", *where)
    assert (done.code, done.out) == (2, "")
    assert "no variant 'forest' - the variants are: gradient_boosting," in done.error


@pytest.mark.long
def test_backfill_judges_challengers_only_with_gate(here, where):
    dates = ("--from", NEXT, "--to", "2013-07-05")
    done = here("backfill", "flight_delay", *dates, *where)
    assert done.code == 0, done.err
    assert f"evaluated {DAY}" in done.out
    assert " gate: " not in done.err
    again = here("backfill", "flight_delay", *dates, "--gate", *where)
    (line,) = [line for line in again.err.splitlines() if " gate: " in line]
    assert line.startswith(f"{DAY} gate: too-few-labels logistic_regression@")
    assert line.endswith("1 of the 7 days of window 1 are known")
    assert " gate: " not in here("backfill", "flight_delay", *dates, "--gate", *where).err
