"""The comparison of two records: what is allowed to differ is listed apart, everything else fails."""

import json
import subprocess
import sys
from copy import deepcopy

import pytest

from tools.evidence import compare, differences
from tools.evidence_recorder import Recorder, shape, without_prose

RECORD = {
    "identities": {"<code:flights>": "0123456789abcdef"},
    "wording": {"help": {"pipeline run": {"": "Carry out all phases."}}},
    "claims": {"flights/1.json": {"defines": {"code": "<code:flights>", "variants": ["a@1", "b@2"]}}},
    "answers": {"status": {"exit_code": 0, "answer": {"runs": [{"said": "<prose>", "rows": 64}]}}},
    "statements": {"flights": [{"sha256": "1", "lines": ["SELECT a", "FROM t"]}]},
}


def changed(*path, value):
    record = inner = deepcopy(RECORD)
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return record


@pytest.mark.parametrize(
    ("path", "value", "shown"),
    [
        (("claims", "flights/1.json", "defines", "variants"), ["b@2", "a@1"], "defines/variants"),
        (("answers", "status", "exit_code"), 3, "answers/status/exit_code\n    @@ -1 +1 @@\n    -0\n    +3"),
        (("answers", "status", "answer", "runs"), [{"rows": 64}], "answer/runs/0/summary"),
        (("statements", "flights"), [{"sha256": "2", "lines": ["SELECT b", "FROM t"]}], "-SELECT a\n    +SELECT b"),
        (("sources",), {"planes": "digest"}, "sources/planes"),
    ],
)
def test_any_other_difference_fails_and_is_shown_once(capsys, path, value, shown):
    assert compare(RECORD, changed(*path, value=value)) == 1
    assert shown in capsys.readouterr().out.partition("not allowed: 1")[2]


def test_ids_and_wording_may_differ_and_are_listed_apart(capsys):
    other = changed("identities", "<code:flights>", value="fedcba9876543210")
    other["wording"]["help"]["pipeline run"][""] = "Run all phases."
    assert compare(RECORD, other) == 0
    allowed, _, rest = capsys.readouterr().out.partition("not allowed: 0")
    assert "-0123456789abcdef\n    +fedcba9876543210" in allowed
    assert "-Carry out all phases.\n    +Run all phases." in allowed
    assert rest == "\n"


def test_a_key_renamed_on_purpose_is_no_difference():
    other = changed("answers", "status", "answer", "runs", value=[{"summary": "<prose>", "rows": 64}])
    assert list(differences(RECORD, other)) == []


def test_the_command_compares_files_by_exit_code(tmp_path):
    for name, record in {"a": RECORD, "b": RECORD, "c": changed("claims", value={})}.items():
        (tmp_path / name).write_text(json.dumps(record))
    command = [sys.executable, "-m", "tools.evidence", "compare", tmp_path / "a"]
    done = [subprocess.run([*command, tmp_path / name], stdout=subprocess.DEVNULL, check=False) for name in "bc"]
    assert [each.returncode for each in done] == [0, 1]


def test_answer_keeps_values_and_drops_prose_and_times():
    prose: list[str] = []
    answer = {"rows": [{"n": 2, "value": 0.1 + 0.2}, {"n": 1}], "seconds": {"load": 1.5}, "said": "64 rows"}
    assert without_prose(answer, prose) == {
        "rows": [{"n": 1}, {"n": 2, "value": 0.3}],
        "seconds": {"load": "<float>"},
        "said": "<prose>",
    }
    assert prose == ["said: 64 rows"]


def test_a_shape_has_keys_and_types():
    assert shape({"a": [{"b": None}, {"b": 1}], "c": 0.5}) == {"a": [{"b": "NoneType"}], "c": "float"}


def test_a_finished_record_has_names_for_ids_moments_and_places(tmp_path):
    recorder = Recorder(tmp_path / "root", tmp_path / "folder")
    recorder.identities["<run:flights>"] = "0a1b2c3d4e"
    recorder.section("sent")["queries"] = ["SELECT 1\n", "SELECT 1\n"]
    recorder.section("rows")
    recorder.section("answers")["run"] = {
        "answer": {"run_id": "flights-2013-07-05-0a1b2c3d4e", "out": f"{tmp_path}/folder/x-0123456789ab.json"},
        "error": ["error: 2026-02-03T04:05:06.123456+00:00 took 1.5 s at 127.0.0.1:9050"],
    }
    record = recorder.finished()
    assert record["answers"]["run"] == {
        "answer": {"run_id": "flights-2013-07-05-<run:flights>", "out": "<folder>/x-<token>.json"},
        "error": ["<prose>"],
    }
    assert record["wording"]["answers"]["run"] == ["error: error: <moment> took <number> s at 127.0.0.1:<port>"]
    assert [text["lines"] for text in record["sent"].values()] == [["SELECT 1"]]
