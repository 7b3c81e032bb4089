from __future__ import annotations

from types import SimpleNamespace

import duckdb
from bqemulator.catalog.duckdb_repository import DuckDBCatalogRepository

from pipeline.emulators.answers import inserting


class Catalogue:
    """The emulator's catalogue with an engine that remembers what it was asked for."""

    ensure_ready = DuckDBCatalogRepository.ensure_ready
    _write_job = DuckDBCatalogRepository._write_job
    upsert_job = inserting(DuckDBCatalogRepository.upsert_job)

    def __init__(self):
        self.jobs, self.sent = {}, []
        self._loaded = True
        self._cache = SimpleNamespace(upsert_job=self.remember)
        self._engine = SimpleNamespace(
            execute=lambda sql, parameters: self.sent.append((sql.split("(")[0], parameters))
        )

    def remember(self, job):
        self.jobs[job.project_id, job.job_id] = job
        return job

    def get_job(self, project_id, job_id):
        return self.jobs.get((project_id, job_id))


class Job(SimpleNamespace):
    def model_dump_json(self, **_):
        return f'"{self.state}"'


def job(job_id, state):
    return Job(
        project_id="p", job_id=job_id, job_type="QUERY", state=state,
        creation_time=1, start_time=2, end_time=3, etag="e",
    )  # fmt: skip


def test_a_new_job_is_inserted_and_a_known_one_replaced():
    catalogue = Catalogue()
    for job_id, state in (("a", "RUNNING"), ("a", "DONE"), ("b", "DONE")):
        assert catalogue.upsert_job(job(job_id, state)).state == state
    table = '"_bqemulator_catalog"."jobs" '
    assert [sql for sql, _ in catalogue.sent] == [
        f"INSERT INTO {table}", f"INSERT OR REPLACE INTO {table}", f"INSERT INTO {table}",
    ]  # fmt: skip
    assert [values[1:5] for _, values in catalogue.sent] == [
        ["a", "QUERY", "RUNNING", '"RUNNING"'], ["a", "QUERY", "DONE", '"DONE"'], ["b", "QUERY", "DONE", '"DONE"'],
    ]  # fmt: skip


def test_a_row_that_the_catalogue_forgot_is_replaced():
    catalogue = Catalogue()

    def execute(sql, parameters):
        catalogue.sent.append((sql.split("(")[0], parameters))
        if sql.startswith("INSERT INTO"):
            raise duckdb.ConstraintException("Duplicate key")

    catalogue._engine = SimpleNamespace(execute=execute)
    assert catalogue.upsert_job(job("a", "DONE")).state == "DONE"
    assert [sql.split()[1] for sql, _ in catalogue.sent] == ["INTO", "OR"]
