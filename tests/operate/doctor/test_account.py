from __future__ import annotations

import pytest
from google.auth.credentials import AnonymousCredentials

from pipeline.errors import CloudError, PermissionMissing
from pipeline.operate.doctor.google import log_in, member_of


class Credentials:
    def __init__(self, **names):
        self.asked = []
        vars(self).update(names)

    def refresh(self, request):
        self.asked.append(request.keywords["timeout"])


@pytest.mark.parametrize(
    ("names", "account"),
    [
        ({"service_account_email": "a@p.iam.gserviceaccount.com"}, "a@p.iam.gserviceaccount.com"),
        ({"account": "me@example.com"}, "me@example.com"),
        ({"account": ""}, ""),  # as gcloud writes it for application default credentials
        ({"service_account_email": None}, ""),  # a federated identity
        ({}, ""),
    ],
)
def test_credentials_are_asked_for_a_token_and_name_themselves(names, account):
    credentials = Credentials(**names)
    assert log_in(credentials) == account
    assert credentials.asked == [60.0]


def test_credentials_without_a_token_are_no_account():
    with pytest.raises((CloudError, PermissionMissing)):
        log_in(AnonymousCredentials())


def test_members_as_iam_writes_them():
    assert member_of("a@p.iam.gserviceaccount.com") == "serviceAccount:a@p.iam.gserviceaccount.com"
    assert member_of("12-compute@developer.gserviceaccount.com").startswith("serviceAccount:")
    assert member_of("me@example.com") == "user:me@example.com"
