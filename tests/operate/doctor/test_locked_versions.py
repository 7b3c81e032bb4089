from __future__ import annotations

from importlib import metadata

from pipeline.operate.doctor.machine import other_versions
from tests.support.integration_fixtures import ROOT


def test_this_environment_has_the_locked_packages():
    assert other_versions(ROOT / "requirements" / "dev.txt") == ([], [])


def test_missing_and_other_versions_are_listed(tmp_path):
    numpy = metadata.version("numpy")
    path = tmp_path / "local.txt"
    path.write_text(
        "# made by make lock\n"
        f"numpy=={numpy} \\\n    --hash=sha256:00\n"
        "pandas[all]==0.1 \\\n    --hash=sha256:00\n"
        "no-such-package==1.0\n"
        "only-elsewhere==2.0 ; sys_platform == 'win32' \\\n    --hash=sha256:00\n"
    )
    assert other_versions(path) == (["no-such-package 1.0"], [f"pandas {metadata.version('pandas')} instead of 0.1"])
