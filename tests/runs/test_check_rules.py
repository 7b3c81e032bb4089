from __future__ import annotations

import re
from dataclasses import replace

import pytest

from pipeline.errors import RequestError
from pipeline.project.project import Project
from pipeline.runs.check_rules import check_places, example_checks, label_checks, offending_rows_statement, rules_of
from pipeline.runs.publication_statements import keyed_profile_statement
from pipeline.runs.session import Session
from pipeline.sql import Catalogue, TableName
from pipeline.sql.checks import Check
from tests.support.dummy_project import offline_target
from tests.support.integration_fixtures import ROOT

TABLE = TableName("pipeline-local", "ml_runs", "labels")
KEY = ["id", "day"]
FAMILY = "metrics/binary_classification_v1"
EVERY_KIND = [
    {"not_null": ["a", "b"]},
    {"unique": ["a", "b"]},
    {"accepted_values": {"column": "a", "values": ["x", "1"]}},
    {"range": {"column": "b", "min": 0, "max": 1}},
    {"row_count": {"min": 1, "max": 9}},
    {"rate": {"column": "b", "max": 0.5}},
]


@pytest.fixture
def session():
    return replace(Session.open(Project.open(ROOT), offline_target()), catalogue=Catalogue(ROOT))


@pytest.fixture
def job(session):
    return session.project.job("flight_delay")


def rules(session, *checks):
    return rules_of(session, TABLE, KEY, [Check.model_validate(check) for check in checks])


def profile(session, found):
    return keyed_profile_statement(session, TABLE, KEY, ["id"], found)


def with_checks(session, name, *checks):
    """The session with other checks in the header of an asset."""
    asset = session.catalogue.get(name)
    header = asset.header.model_copy(update={"checks": [Check.model_validate(check) for check in checks]})
    session.catalogue._assets[name] = replace(asset, header=header)


def test_a_key_is_always_checked_for_null(session):
    found = rules(session)
    assert [rule.name for rule in found] == ["not_null id", "not_null day"]
    assert [rule.condition.sql.strip() for rule in found] == ["`id` IS NULL", "`day` IS NULL"]


def test_every_kind_becomes_rules_in_the_order_of_the_header(session):
    found = rules(session, *EVERY_KIND)[2:]
    assert [rule.name for rule in found] == [
        "not_null a",
        "not_null b",
        "unique a, b",
        "accepted_values a, values x 1",
        "range b, min 0.0, max 1.0",
        "row_count min 1, max 9",
        "rate b, max 0.5",
    ]
    assert [rule.bounds is None for rule in found] == [True] * 5 + [False] * 2
    assert [rule.condition is None for rule in found] == [False] * 5 + [True] * 2
    assert [len(rule.checked) for rule in found] == [1] * 5 + [0, 2]
    assert [[name for name, _ in rule.counted] for rule in found] == [
        [name for name, _ in rule.checked] for rule in found
    ]


@pytest.mark.parametrize(
    ("values", "accepted"),
    [(["x", "1", "true"], ["x", "1", "true"]), ([True, False], ["true", "false"])],
    ids=["texts", "truth values"],
)
def test_accepted_values_are_written_as_bigquery_writes_them(session, values, accepted):
    found = rules(session, {"accepted_values": {"column": "a", "values": values}})
    statement = profile(session, found)
    assert statement.values == {"accepted_check_1": accepted}
    assert statement.types == {"accepted_check_1": ["STRING"]}
    assert found[-1].condition.sql.strip() == "CAST(`a` AS STRING) NOT IN UNNEST(@accepted_check_1)"


def test_accepted_numbers_are_compared_as_numbers(session):
    found = rules(session, {"accepted_values": {"column": "a", "values": [0, 1.0, -0.5]}})
    statement = profile(session, found)
    assert statement.values == {"accepted_check_1": [0, 1, -0.5]}
    assert statement.types == {"accepted_check_1": ["FLOAT64"]}
    assert found[-1].condition.asset.name == "checks/not_accepted_number_v1"
    compared = "SAFE_CAST(`a` AS FLOAT64) NOT IN UNNEST(@accepted_check_1)"
    assert found[-1].condition.sql.strip() == f"COALESCE({compared}, `a` IS NOT NULL)"


def test_bounds_are_query_parameters(session):
    statement = profile(session, rules(session, *EVERY_KIND))
    assert (statement.values["low_check_4"], statement.values["high_check_4"]) == (0, 1)
    assert set(statement.values) == {"accepted_check_3", "low_check_4", "high_check_4"}
    assert statement.values["accepted_check_3"] == ["x", "1"]
    assert set(re.findall(r"@(\w+)", statement.sql)) == set(statement.values)


def test_names_stay_apart_if_every_kind_occurs_twice(session):
    other = [
        {"not_null": ["a"]},
        {"unique": ["b"]},
        {"accepted_values": {"column": "a", "values": [2]}},
        {"range": {"column": "b", "min": 5}},
        {"row_count": {"max": 2}},
        {"rate": {"column": "a", "min": 0}},
    ]
    found = rules(session, *EVERY_KIND, *other)
    for part in check_places(found).values():
        names = [name for name, _ in part]
        assert len(names) == len(set(names)) == 15
    statement = profile(session, found)
    assert [statement.values[f"accepted_check_{number}"] for number in (3, 9)] == [["x", "1"], [2]]
    assert [statement.types[f"accepted_check_{number}"] for number in (3, 9)] == [["STRING"], ["FLOAT64"]]
    assert [statement.values[f"low_check_{number}"] for number in (4, 10)] == [0, 5]
    assert set(re.findall(r"@(\w+)", statement.sql)) == set(statement.values) == set(statement.types)


def test_the_same_check_twice_is_counted_twice(session):
    found = rules(session, EVERY_KIND[3], EVERY_KIND[3])[2:]
    assert found[0].name == found[1].name
    assert [rule.checked[0][0] for rule in found] == ["check_1", "check_2"]
    assert len(profile(session, found).values) == 4


def test_more_than_ten_checks_stay_apart(session):
    found = rules(session, *[{"range": {"column": "a", "max": number}} for number in range(12)])
    values = profile(session, found).values
    assert [values[f"high_check_{number}"] for number in range(1, 13)] == list(range(12))


def test_wrong_keys_are_read_with_the_values_of_their_rule(session):
    rule = rules(session, EVERY_KIND[2], EVERY_KIND[3])[-1]
    statement = offending_rows_statement(session, TABLE, KEY, rule.condition)
    assert statement.values == {"low_check_2": 0, "high_check_2": 1}
    assert "SELECT `id`, `day`" in statement.sql
    assert "WHERE NOT (`b` >= @low_check_2 AND `b` <= @high_check_2)" in statement.sql


@pytest.mark.parametrize(
    "check",
    [
        {"not_null": ["a b"]},
        {"unique": ["a`, (SELECT 1) AS `b"]},
        {"accepted_values": {"column": "", "values": [1]}},
        {"range": {"column": "a)", "min": 0}},
        {"rate": {"column": "1", "min": 0}},
    ],
)
def test_an_invalid_column_name_is_refused(session, check):
    with pytest.raises(RequestError, match="is not a valid column name"):
        rules(session, check)


def test_checks_of_examples_are_of_their_sql_and_their_label(session, job):
    with_checks(session, job.spec.examples.sql, {"not_null": ["dest"]})
    with_checks(
        session,
        job.spec.labels.sql,
        {"not_null": ["label"]},
        {"not_null": ["carrier"]},
        {"row_count": {"min": 1}},
        {"rate": {"column": "label", "max": 0.5}},
        {"range": {"column": "flight", "min": 1}},
    )
    found = [check.text for check in example_checks(session, job)]
    assert found == ["not_null dest", "rate label, max 0.5", "accepted_values label, values 0 1"]


def test_checks_of_labels_are_of_their_sql_and_the_family(session, job):
    with_checks(session, job.spec.labels.sql, {"not_null": ["label"]}, {"row_count": {"min": 1}})
    with_checks(session, FAMILY, {"range": {"column": "label", "min": 0}})
    found = [check.text for check in label_checks(session, job)]
    assert found == ["not_null label", "row_count min 1", "range label, min 0.0"]


def test_labels_without_own_checks_have_those_of_the_family(session, job):
    assert [check.text for check in label_checks(session, job)] == ["accepted_values label, values 0 1"]
