from __future__ import annotations

import json

import pytest
import requests
from google.api_core import exceptions

from pipeline.cloud.permissions import OF_GCLOUD, api_disabled
from pipeline.cloud.retries import cloud_errors
from pipeline.errors import ApiDisabled, PermissionMissing

PAGE = "https://console.developers.google.com/apis/api/bigquery.googleapis.com/overview?project={0}"
WORDS = "BigQuery API has not been used in project {0} before or it is disabled. Enable it by visiting " + PAGE


def refused(reason="accessNotConfigured", project="p-1", *, details=()):
    message = WORDS.format(project) + " then retry. If you enabled this API recently, wait a few minutes."
    error = {"code": 403, "message": message, "errors": [{"reason": reason, "message": message}], "details": details}
    answer = requests.Response()
    answer.status_code, answer._content = 403, json.dumps({"error": error}).encode()
    answer.request = requests.Request("GET", "https://example.com").prepare()
    return exceptions.from_http_response(answer)


def info(**metadata):
    kind = "type.googleapis.com/google.rpc.ErrorInfo"
    return {"@type": kind, "reason": "SERVICE_DISABLED", "domain": "googleapis.com", "metadata": metadata}


def test_every_command_says_which_api_to_enable():
    with pytest.raises(ApiDisabled) as caught, cloud_errors("reading t"):
        raise refused()
    assert str(caught.value) == (
        "reading t: API bigquery.googleapis.com is not enabled in project p-1"
        " - run gcloud services enable bigquery.googleapis.com --project=p-1, and wait a few minutes"
    )
    assert caught.value.exit_code == PermissionMissing.exit_code


def test_the_newer_form_names_service_and_project_itself():
    details = [info(service="storage.googleapis.com", consumer="projects/77")]
    assert "API storage.googleapis.com is not enabled in project 77 " in str(
        api_disabled("x", refused("forbidden", details=details))
    )


def test_what_nobody_names_is_left_to_the_reader():
    error = exceptions.Forbidden("off", error_info={"reason": "SERVICE_DISABLED"})
    assert "gcloud services enable API.googleapis.com --project=PROJECT" in str(api_disabled("x", error))


def test_user_credentials_without_quota_project_are_named():
    assert "set-quota-project PROJECT" in str(api_disabled("x", refused(project=OF_GCLOUD)))


def test_other_refusals_are_no_disabled_apis():
    assert api_disabled("x", refused("accessDenied")) is None
    with pytest.raises(PermissionMissing) as caught, cloud_errors("reading t"):
        raise refused("accessDenied")
    assert not isinstance(caught.value, ApiDisabled)
