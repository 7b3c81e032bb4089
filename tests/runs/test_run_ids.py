from __future__ import annotations

from datetime import date

import pytest

from pipeline.errors import RequestError
from pipeline.runs.identity import RunName, parse_run_id


def test_a_run_id_names_job_and_run_date():
    text = "flight_delay-2013-07-01-0a1b2c3d4e"
    assert parse_run_id(text) == RunName(text, "flight_delay", date(2013, 7, 1))


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "x",
            "flight_delay",
            "flight_delay-2013-07-01",
            "flight_delay-2013-07-01-0a1b2c3d4",
            "-2013-07-01-0a1b2c3d4e",
        ),
        *("flight_delay-2013-07-01-0A1B2C3D4E", "flight_delay-2013-7-1-0a1b2c3d4e", "a/b-2013-07-01-0a1b2c3d4e"),
        *("flight_delay-2013-07-01-0a1b2c3d4e\n", "flight_delay-٢٠١٣-07-01-0a1b2c3d4e", "../x-2013-07-01-0a1b2c3d4e"),
    ],
)
def test_what_is_no_run_id_is_refused(text):
    with pytest.raises(RequestError, match="is not a run id - write <job>-<run date>-<hash>"):
        parse_run_id(text)


@pytest.mark.parametrize("day", ["2013-02-30", "0001-01-01", "9999-01-01"])
def test_a_date_that_is_none_is_named(day):
    with pytest.raises(RequestError, match=f"{day}"):
        parse_run_id(f"flight_delay-{day}-0a1b2c3d4e")
