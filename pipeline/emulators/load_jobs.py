"""Load jobs as in BigQuery: strict, atomic, and with the row counts of the job itself.

Every file is read and checked before anything changes. The change, from the new table to the finished job resource, is
one transaction of DuckDB: an emulator that is killed has either done the job or does not know it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
from bqemulator.api.dependencies import AppContext
from bqemulator.catalog.duckdb_repository import DuckDBCatalogRepository
from bqemulator.catalog.etag import generate_etag
from bqemulator.catalog.models import JobMeta
from bqemulator.storage.sql_identifiers import quoted_table_ref

from pipeline.emulators.json_values import CONVERTERS, standard_type
from pipeline.emulators.load_sources import DETAILS, LoadFailed, find_files, read_files
from pipeline.emulators.strict_jsonl import Field

Execute = Callable[[str, str, dict[str, Any], AppContext], Awaitable[JobMeta]]

VIEW = "_rows_of_this_load"


@dataclass(frozen=True)
class Destination:
    """The table that a job loads into; `fields` are those of the table if it exists."""

    project: str
    dataset: str
    table: str
    fields: list[dict[str, str]]
    exists: bool

    @property
    def sql(self) -> str:
        """The table's name in DuckDB."""
        return quoted_table_ref(self.project, self.dataset, self.table)


class LoadJobs:
    """Runs load jobs in place of the emulator's function, which it calls for everything except the rows."""

    def __init__(self, execute: Execute) -> None:
        self._execute = execute
        self._tables: dict[str, pa.Table] = {}

    async def execute(self, project: str, job_id: str, config: dict[str, Any], context: AppContext) -> JobMeta:
        """Run a load job and return it, also if it failed."""
        started = context.clock.now()
        try:
            return await self._load(project, job_id, config, context)
        except LoadFailed as failure:
            return JobMeta(
                project_id=project,
                job_id=job_id,
                job_type="LOAD",
                state="DONE",
                configuration=config,
                error_result=failure.result,
                creation_time=started,
                start_time=started,
                end_time=context.clock.now(),
                etag=generate_etag(project, job_id, str(started)),
            )
        finally:
            self._tables.clear()

    async def _load(self, project: str, job_id: str, config: dict[str, Any], context: AppContext) -> JobMeta:
        load = config["load"]
        destination = _find_destination(project, load, context)
        files = find_files(load.get("sourceUris", []), context.settings.gcs_local_root or Path())
        fields = _checked_fields(load, destination)
        self._tables, bad = read_files(files, fields, int(load.get("maxBadRecords", 0))) if fields else ({}, [])
        sources = {**config, "load": {**load, "sourceUris": [f"file://{path}" for path in files.values()]}}
        with _transaction(context):
            _make_room(load, destination, context)
            before = _count(destination, context)
            meta = await self._execute(project, job_id, sources, context)
            statistics = _statistics(list(files.values()), _count(destination, context) - before, bad)
            finished = meta.model_copy(update={"configuration": config, "statistics": statistics})
            return context.catalog.upsert_job(finished)

    def insert(self, path: str, table: str, context: AppContext) -> None:
        """Insert the rows of a file, in place of the emulator's reader of JSON files."""
        if path not in self._tables:  # without a schema of flat columns its rows were not read
            context.engine.execute(f"COPY {table} FROM ? (FORMAT JSON)", [path])
            return
        context.engine.connection.register(VIEW, self._tables[path])
        try:
            context.engine.execute(f"INSERT INTO {table} BY NAME SELECT * FROM {VIEW}")  # noqa: S608 - our own names
        finally:
            context.engine.connection.unregister(VIEW)


def _find_destination(project: str, load: dict[str, Any], context: AppContext) -> Destination:
    named = load.get("destinationTable", {})
    name = (named.get("projectId", project), named.get("datasetId", ""), named.get("tableId", ""))
    if context.catalog.get_dataset(*name[:2]) is None:
        raise LoadFailed("notFound", f"Not found: Dataset {name[0]}:{name[1]}")
    meta = context.catalog.get_table(*name)
    fields = meta.schema_.fields if meta else ()
    described = [{"name": field.name, "type": field.type, "mode": field.mode} for field in fields]
    destination = Destination(*name, described, meta is not None)
    if load.get("writeDisposition") == "WRITE_EMPTY" and _count(destination, context):
        raise LoadFailed("duplicate", f"Already Exists: Table {name[0]}:{name[1]}.{name[2]}")
    return destination


def _checked_fields(load: dict[str, Any], destination: Destination) -> list[Field]:
    """Return the columns to check rows against; empty for other formats and for columns that are not flat."""
    declared = load.get("schema", {}).get("fields") or destination.fields
    fields = [Field(f["name"], standard_type(f["type"]), f.get("mode") == "REQUIRED") for f in declared]
    is_flat = all(f.get("mode") != "REPEATED" for f in declared) and all(f.type in CONVERTERS for f in fields)
    return fields if is_flat and load.get("sourceFormat") == "NEWLINE_DELIMITED_JSON" else []


def _make_room(load: dict[str, Any], destination: Destination, context: AppContext) -> None:
    """Empty the table of a truncating load, or drop it if the load has another schema."""
    if load.get("writeDisposition") != "WRITE_TRUNCATE" or not destination.exists:
        return
    if _signature(load.get("schema", {}).get("fields", [])) in ([], _signature(destination.fields)):
        context.engine.execute(f"DELETE FROM {destination.sql}")  # noqa: S608 - a quoted identifier
    else:
        context.engine.execute(f"DROP TABLE {destination.sql}")
        context.catalog.delete_table(destination.project, destination.dataset, destination.table)


def _signature(fields: list[dict[str, str]]) -> list[tuple[str, str, str]]:
    return [(f["name"], standard_type(f["type"]), f.get("mode", "NULLABLE")) for f in fields]


def _count(destination: Destination, context: AppContext) -> int:
    if context.catalog.get_table(destination.project, destination.dataset, destination.table) is None:
        return 0
    row = context.engine.execute(f"SELECT COUNT(*) FROM {destination.sql}").fetchone()  # noqa: S608 - a quoted identifier
    return int(row[0]) if row else 0


def _statistics(paths: list[Path], rows: int, bad: list[dict[str, str]]) -> dict[str, Any]:
    counts = {
        "inputFiles": len(paths),
        "inputFileBytes": sum(path.stat().st_size for path in paths),
        "outputRows": rows,
        "badRecords": len(bad),
    }
    return {"load": {name: str(count) for name, count in counts.items()}, DETAILS: bad}


@contextmanager
def _transaction(context: AppContext) -> Iterator[None]:
    context.engine.execute("BEGIN TRANSACTION")
    try:
        yield
        context.engine.execute("COMMIT")
    except BaseException:
        context.engine.execute("ROLLBACK")
        # The emulator's copy of the catalog in memory still holds what was rolled back: read it again
        catalog = cast("DuckDBCatalogRepository", context.catalog)
        DuckDBCatalogRepository.__init__(catalog, context.engine)
        catalog.ensure_ready()
        raise
