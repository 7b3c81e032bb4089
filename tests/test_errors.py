from __future__ import annotations

import pytest

from pipeline.errors import (
    CheckError,
    CloudError,
    DiskFull,
    PermissionMissing,
    PipelineError,
    ProcessLost,
    RequestError,
)

CODES = {
    PipelineError: 1,
    RequestError: 2,
    DiskFull: 2,
    CheckError: 3,
    CloudError: 4,
    ProcessLost: 4,
    PermissionMissing: 5,
}


@pytest.mark.parametrize(("error", "code"), CODES.items())
def test_every_error_has_the_exit_code_of_the_design(error, code):
    assert error("x").exit_code == code
    assert issubclass(error, PipelineError)


def test_no_error_is_without_an_exit_code():
    assert set(PipelineError.__subclasses__()) | {PipelineError} == set(CODES)


def test_message_is_one_line_with_what_and_hint():
    assert str(RequestError("file\n  is bad", hint="fix\tit")) == "file is bad - fix it"


def test_message_without_hint_has_no_dash():
    assert str(CheckError("bad rows")) == "bad rows"
