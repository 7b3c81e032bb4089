from __future__ import annotations

import sys

import pytest

from pipeline.errors import RequestError
from pipeline.project.imports import import_object, use_project_root


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    return tmp_path


def test_returns_the_object_of_a_path():
    assert import_object("pipeline.errors:RequestError") is RequestError


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("no_such_package.model:M", "no module named no_such_package"),
        ("pipeline.no_such:M", r"no module named pipeline\.no_such"),
        ("pipeline.errors:NoSuch", r"pipeline\.errors has no NoSuch"),
        ("pipeline.errors", "has no"),
    ],
)
def test_what_cannot_be_imported_is_a_request_error(path, said):
    with pytest.raises(RequestError, match=said):
        import_object(path)


def test_missing_package_inside_a_module_is_named(root):
    (root / "needs_more_5f3a.py").write_text("import not_installed_5f3a\n")
    use_project_root(root)
    with pytest.raises(RequestError, match="no module named not_installed_5f3a"):
        import_object("needs_more_5f3a:M")


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import os\nos.no_such_thing\n", "AttributeError: module 'os' has no attribute 'no_such_thing'"),
        ("def broken(:\n", "SyntaxError: invalid syntax"),
        ("raise ValueError('bad table')\n", "ValueError: bad table"),
        ("\n\nimport json\njson.loads('{')\n", r"JSONDecodeError: .* \(/.*fails_\d+\.py:4\)"),
        ("import sys\nsys.exit(0)\n", r"SystemExit: 0 \(/.*fails_\d+\.py:2\)"),
    ],
)
def test_a_module_whose_own_code_fails_says_how(root, code, said):
    name = f"fails_{abs(hash(code))}"
    (root / f"{name}.py").write_text(code)
    use_project_root(root)
    with pytest.raises(RequestError, match=f"cannot import {name}:M: {said}"):
        import_object(f"{name}:M")


def test_project_root_comes_first_and_once(root):
    use_project_root(root)
    use_project_root(root)
    assert sys.path[0] == str(root)
    assert sys.path.count(str(root)) == 1
