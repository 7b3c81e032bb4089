"""The account behind Google's credentials: whether it can log in, and its name."""

from __future__ import annotations

from functools import partial
from typing import Any

from google.auth.transport.requests import Request

from pipeline.retries import CALL_TIMEOUT, cloud_errors, with_retries


def log_in(credentials: Any) -> str:
    """Ask for a token, which no stale or revoked credentials get, and return the account's name.

    Returns
    -------
    str
        Its address; empty where the credentials do not say, as those of `gcloud auth application-default login`.
    """
    with cloud_errors("logging in to Google"):
        with_retries(lambda: credentials.refresh(partial(Request(), timeout=CALL_TIMEOUT)))
    return str(getattr(credentials, "service_account_email", "") or getattr(credentials, "account", "") or "")


def member_of(account: str) -> str:
    """Return an account as IAM writes it."""
    return f"{'serviceAccount' if account.endswith('.gserviceaccount.com') else 'user'}:{account}"
