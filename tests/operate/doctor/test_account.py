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
def test_logging_in_asks_for_a_token_and_returns_the_account(names, account):
    credentials = Credentials(**names)
    assert log_in(credentials) == account
    assert credentials.asked == [60.0]


def test_credentials_without_a_token_are_refused():
    with pytest.raises((CloudError, PermissionMissing)):
        log_in(AnonymousCredentials())


def test_members_have_the_form_of_iam():
    assert member_of("a@p.iam.gserviceaccount.com") == "serviceAccount:a@p.iam.gserviceaccount.com"
    assert member_of("12-compute@developer.gserviceaccount.com").startswith("serviceAccount:")
    assert member_of("me@example.com") == "user:me@example.com"
    assert member_of("") == "ACCOUNT"
