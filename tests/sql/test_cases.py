"""Every case on two engines: the emulator, and GoogleSQL's reference implementation where it can do the statement."""

from __future__ import annotations

import math
from typing import Any

import pytest

from pipeline.sql import Catalogue
from tests.sql import emulator, reference
from tests.sql.cases import ROOT, Case, all_cases, cases_of_assets, typed

CASES = all_cases()
KINDS = ("normal", "empty", "nasty")
PRECISION = 1e-9


@pytest.fixture(scope="module")
def session(make_empty_session):
    session = make_empty_session()
    emulator.make_functions(session)
    return session


def name_of(case: Case) -> str:
    return case.name


@pytest.mark.matrix(60)
@pytest.mark.parametrize("case", [each for each in CASES if each.content.expect], ids=name_of)
def test_rows_on_the_emulator(session, case):
    if case.content.emulator_lacks:
        pytest.skip(f"emulator: {case.content.emulator_lacks}")
    check(case, emulator.run(session, case))


@pytest.mark.parametrize("case", [each for each in CASES if each.content.expect], ids=name_of)
def test_rows_on_the_reference_implementation(case):
    try:
        found = reference.run(case)
    except reference.Unsupported as unsupported:
        pytest.skip(f"reference implementation: {unsupported}")
    check(case, found)


@pytest.mark.parametrize("case", [each for each in CASES if each.content.calls], ids=name_of)
def test_calls_on_both_engines(session, case):
    expected = [each.result for each in case.content.calls]
    for found in (emulator.call(session, case), reference.call(case)):
        assert all(same(a, b) for a, b in zip(found, expected, strict=True)), f"{found} instead of {expected}"


def test_every_asset_has_a_normal_an_empty_and_a_nasty_case():
    cases = cases_of_assets()
    lacking = [
        f"{name}/{kind}"
        for name in Catalogue(ROOT).names()
        for kind in KINDS
        if not any(case.startswith(kind) for case in cases.get(name, {}))
    ]
    assert lacking == []


def check(case: Case, found: list[dict[str, Any]]) -> None:
    """Compare rows: as a set unless their order counts, and floats within rounding."""
    expect = case.content.expect
    assert expect is not None
    columns = expect.columns or (list(found[0]) if found else list(expect.rows[0]) if expect.rows else [])
    unknown = {name for row in expect.rows for name in row} - set(columns)
    assert not unknown, f"{case.name}: expected rows hold {unknown}, which are not compared"
    left = [[row[name] for name in columns] for row in found if is_asked(row, expect.where)]
    right = [[like(row.get(name), [each[i] for each in left]) for i, name in enumerate(columns)] for row in expect.rows]
    if not expect.ordered:
        left, right = sorted(left, key=sortable), sorted(right, key=sortable)
    assert len(left) == len(right), f"{len(left)} rows instead of {len(right)}: {left}"
    for a, b in zip(left, right, strict=True):
        assert all(same(x, y) for x, y in zip(a, b, strict=True)), f"{columns}: {a} instead of {b}"


def is_asked(row: dict[str, Any], where: dict[str, Any]) -> bool:
    """Tell whether a row has the values that are asked for."""
    return all(row[name] in (value if isinstance(value, list) else [value]) for name, value in where.items())


def like(value: Any, column: list[Any]) -> Any:
    """A value of a case as the type that its column has."""
    kinds = {type(each).__name__ for each in column if each is not None}
    return typed(value, {"datetime": "TIMESTAMP", "date": "DATE", "float": "FLOAT64"}.get(next(iter(kinds), ""), ""))


def sortable(row: list[Any]) -> list[str]:
    return [f"{value:.6g}" if isinstance(value, float) else str(value) for value in row]


def same(a: Any, b: Any) -> bool:
    if isinstance(a, float) and isinstance(b, int | float):
        return math.isclose(a, b, rel_tol=PRECISION, abs_tol=1e-12) or (math.isnan(a) and math.isnan(b))
    return type(a) is type(b) and a == b
