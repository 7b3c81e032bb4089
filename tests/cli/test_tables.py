"""Tables of commands, where stdout is no terminal."""

from __future__ import annotations

import pytest
from rich.table import Table

from pipeline.cli.options import print_tables

NAMES = [f"{letter * 36}@0123abcd" for letter in "abcdefghijkl"]
TITLE = f"{'j' * 40}: predictions of gs://bucket/{'folder/' * 20}file.jsonl by run date"


@pytest.fixture
def table():
    made = Table(title=TITLE)
    for name in NAMES:
        made.add_column(f"variant\n{name}", footer=name)
    made.add_row(*(name.upper() for name in NAMES))
    return made


def test_piped_tables_keep_whole_names(table, capsys):
    print_tables([table, "a line " * 40])
    out = capsys.readouterr().out
    assert out.splitlines()[0] == TITLE
    assert all(name in out and name.upper() in out for name in NAMES)
    assert "…" not in out
    assert out.splitlines()[-1] == "a line " * 40


def test_tables_fit_a_terminal(table, capsys, monkeypatch):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "100")
    print_tables([table])
    assert NAMES[0] not in capsys.readouterr().out
