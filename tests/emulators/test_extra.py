from __future__ import annotations

import pytest

from pipeline.emulators import lifecycle
from pipeline.errors import RequestError


def test_installed_extra_is_accepted():
    lifecycle.require_local_extra()


@pytest.mark.parametrize("missing", lifecycle.PACKAGES)
def test_each_package_is_needed(monkeypatch, missing):
    monkeypatch.setattr(lifecycle, "find_spec", lambda name: None if name == missing else object())
    with pytest.raises(RequestError, match="install the `local` extra") as refused:
        lifecycle.require_local_extra()
    assert refused.value.exit_code == 2
