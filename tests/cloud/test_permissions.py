from __future__ import annotations

import pytest

from pipeline.cloud.permissions import PERMISSION, ROLES, hint_for


@pytest.mark.parametrize("permission", ROLES)
def test_every_known_permission_has_a_role(permission):
    message = f"Access Denied: User does not have {permission} permission in project p."
    assert hint_for(message) == f"grant {ROLES[permission]} for {permission}"
    assert PERMISSION.fullmatch(permission)


def test_unknown_permission_is_still_named():
    assert hint_for("bigquery.models.create denied") == "grant the role that holds it for bigquery.models.create"


def test_message_without_a_permission_has_a_general_hint():
    assert hint_for("403 Forbidden") == "grant the caller a role with the permission"
