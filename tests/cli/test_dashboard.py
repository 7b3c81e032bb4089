from pathlib import Path

import pytest


def test_page_is_written_and_its_path_printed(process, loaded_dir, tmp_path):
    out = tmp_path / "page.html"
    done = process("dashboard", "flight_delay", "--out", str(out), "--local-dir", str(loaded_dir))
    assert (done.code, done.out) == (0, f"flight_delay dashboard: {out}\n"), done.err
    assert out.read_text(encoding="utf-8").startswith("<!doctype html>")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--out", "page.txt"), "--out page.txt is not an .html file"),
        (("--out", "page.html", "--from", "2013-07-02", "--to", "2013-07-01"), "--from 2013-07-02 lies after --to"),
        (("--out", "page.html", "--from", "yesterday"), "--from 'yesterday' is not a date"),
        ((), "Missing option '--out'"),
    ],
)
def test_bad_requests_are_one_line_and_nothing_is_started(process, tmp_path, arguments, said):
    local_dir = tmp_path / "local"
    done = process("dashboard", "flight_delay", *arguments, "--local-dir", str(local_dir))
    assert done.code == 2
    assert said in done.error
    assert not local_dir.exists()
    assert not Path("page.html").exists()
