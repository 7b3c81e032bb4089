"""The lint finds each refused form on its line, and passes similar code."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tools.lint_row_loops import check

ROOT = Path(__file__).resolve().parents[2]

REFUSED = [
    "for index, row in df.iterrows(): pass",
    "for row in df.itertuples(index=False): pass",
    "rows = list(df.itertuples())",
    "df.apply(score, axis=1)",
    "df.apply(score, 1)",
    'df.apply(score, axis="columns")',
    "df.groupby('carrier').mean().apply(lambda row: row.a, axis=1)",
    "df.applymap(str)",
    "df.iter_rows(named=True)",
    "df.map_rows(score)",
    "for row in df.values: pass",
    "for n, row in enumerate(df.values): pass",
    "for a, b in zip(ids, df.to_numpy(), strict=True): pass",
    "for row in df.to_records(): pass",
    "for row in df.to_dicts(): pass",
    'for row in df.to_dict("records"): pass',
    'for row in df.to_dict(orient="records"): pass',
    'lines = [json.dumps(row) for row in df.to_dict("records")]',
    "total = sum(row[0] for row in df[columns].values)",
]

ALLOWED = [
    "df.apply(np.sqrt)",
    "df.apply(column_share, axis=0)",
    'df.apply(column_share, axis="index")',
    "df.groupby('carrier').apply(rate)",
    "df['carrier'].map(rates)",
    "for name in df.columns: pass",
    "for name, column in df.items(): pass",
    "for value in parameters.values(): pass",
    "x = df.to_numpy()",
    "x = df.values",
    'body = df.to_dict("records")',
    'for name in df.to_dict("list"): pass',
    "for carrier, group in df.groupby('carrier'): pass",
    "iterrows = 1",
    '"df.iterrows()"',
]


def found(source: str) -> list[int]:
    return [finding.line for finding in check(ast.parse(source), "pipeline/module.py")]


@pytest.mark.parametrize("source", REFUSED)
def test_row_loops_are_refused(source):
    assert found(f"import x\n\n{source}") == [3]


@pytest.mark.parametrize("source", ALLOWED)
def test_column_work_is_allowed(source):
    assert found(source) == []


def run(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tools.lint_row_loops", str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)


def test_the_command_names_file_and_line_and_fails(tmp_path):
    module = tmp_path / "inner" / "module.py"
    module.parent.mkdir()
    module.write_text("def f(df):\n    return df.apply(g, axis=1)\n")
    ended = run(tmp_path)
    assert ended.returncode == 1
    assert ended.stdout == f"{module}:2: apply() with axis=1 goes row by row: use column operations or SQL\n"


def test_the_command_is_silent_about_good_code(tmp_path):
    (tmp_path / "module.py").write_text("x = 1\n")
    ended = run(tmp_path)
    assert (ended.returncode, ended.stdout) == (0, "")
