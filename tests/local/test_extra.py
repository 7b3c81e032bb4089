from __future__ import annotations

import pytest

from pipeline.errors import RequestError
from pipeline.local import extra


def test_installed_extra_is_accepted():
    extra.require_local_extra()


@pytest.mark.parametrize("missing", extra.PACKAGES)
def test_each_package_is_needed(monkeypatch, missing):
    monkeypatch.setattr(extra, "find_spec", lambda name: None if name == missing else object())
    with pytest.raises(RequestError, match="install the `local` extra") as refused:
        extra.require_local_extra()
    assert refused.value.exit_code == 2
