from pathlib import Path


def test_page_is_written_and_its_path_printed(here, loaded_dir, tmp_path):
    out = tmp_path / "page.html"
    done = here("dashboard", "flight_delay", "--out", str(out), "--local-dir", str(loaded_dir))
    assert (done.code, done.out) == (0, f"flight_delay dashboard: {out}\n"), done.err
    assert out.read_text(encoding="utf-8").startswith("<!doctype html>")


def test_file_that_is_not_html_is_refused_and_nothing_starts(here, tmp_path):
    local_dir = tmp_path / "local"
    done = here("dashboard", "flight_delay", "--out", "page.txt", "--local-dir", str(local_dir))
    assert done.code == 2
    assert "--out page.txt is not an .html file" in done.error
    assert not local_dir.exists()
    assert not Path("page.txt").exists()
