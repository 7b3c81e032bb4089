"""bqemulator assembled for the local target, with some of its parts replaced.

It runs in the child process only. A replaced part must exist, so that another version of the emulator fails at once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from types import ModuleType
from typing import Any

import duckdb
import fastapi.dependencies.utils
import fastapi.routing
import grpc
import pyarrow as pa
import sqlglot
import sqlglot.expressions.core
from bqemulator import server
from bqemulator.api.dependencies import AppContext
from bqemulator.api.middleware import GzipRequestMiddleware
from bqemulator.api.routes import jobs
from bqemulator.catalog.duckdb_repository import DuckDBCatalogRepository
from bqemulator.config import Settings
from bqemulator.grpc_api.interceptors import DomainErrorTranslationInterceptor
from bqemulator.grpc_api.read_servicer import BigQueryReadHandler
from bqemulator.jobs import executor
from bqemulator.sql.translator import SQLTranslator
from bqemulator.storage import arrow_bridge
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from pipeline.emulators.answers import error_response, inserting, job_resource
from pipeline.emulators.billing import Billing
from pipeline.emulators.concurrent_dml import ConcurrentDml
from pipeline.emulators.jobs_api import Semantics
from pipeline.emulators.load_jobs import LoadJobs
from pipeline.emulators.processes import UNUSABLE
from pipeline.emulators.translation import cached_parser, quick_copies, remembering, without_leaves


def assemble(settings: Settings) -> server.EmulatorServer:
    """Return the emulator with BigQuery's semantics around it, without slow parts that the target does not use."""
    patch()
    return server.EmulatorServer(settings)


def patch() -> None:
    """Replace parts of the emulator, once in a process."""
    logging.getLogger("sqlglot").setLevel(logging.ERROR)  # it warns at each PARTITION BY, which DuckDB does not have
    loads = LoadJobs(executor.execute_load_job)
    _replace(jobs, "execute_load_job", lambda _: loads.execute)
    executor._LOAD_FORMAT_HANDLERS["NEWLINE_DELIMITED_JSON"] = loads.insert  # noqa: SLF001 - it has no other name
    _replace(arrow_bridge, "_ARROW_SCALAR_TO_BQ_NAME", lambda names: ((_is_int64, "INTEGER"), *names))
    billing = Billing()
    _replace(jobs, "execute_query_job", lambda execute: billing.executing(ConcurrentDml(execute).execute))
    for preview in ("_dry_run_response", "_build_dry_run_query_response"):
        _replace(jobs, preview, billing.previewing)
    _replace(jobs, "_build_job_response", _completed)
    _replace(server, "create_app", _application)
    _replace(server, "build_grpc_server", lambda _: build_grpc_server)
    _replace(sqlglot, "parse_one", cached_parser)
    _replace(sqlglot.expressions.core, "deepcopy", quick_copies)
    _replace(SQLTranslator, "_apply_first_matching_rule", without_leaves)
    _replace(SQLTranslator, "translate", remembering)
    _replace(DuckDBCatalogRepository, "upsert_job", inserting)
    # The emulator has one connection, which holds one result: handlers in threads would take each other's
    for module in (fastapi.routing, fastapi.dependencies.utils):
        _replace(module, "run_in_threadpool", lambda _: _call_here)


def build_grpc_server(context: AppContext) -> tuple[grpc.aio.Server, int]:
    """Return a server of the Storage Read API alone, and its port.

    Unlike the emulator's own it never shares a port with another process, and sends batches of any width.
    """
    options = [("grpc.so_reuseport", 0), ("grpc.max_send_message_length", -1)]
    reader = grpc.aio.server(interceptors=(DomainErrorTranslationInterceptor(),), options=options)
    reader.add_generic_rpc_handlers([BigQueryReadHandler(context)])
    return reader, reader.add_insecure_port(f"{context.settings.grpc_host}:{context.settings.grpc_port}")


def _application(create_app: Callable[[AppContext], Any]) -> Callable[[AppContext], ASGIApp]:
    def create(context: AppContext) -> ASGIApp:
        app = create_app(context)
        for kind in (duckdb.Error, OSError):
            app.add_exception_handler(kind, _failure_of_the_disk)
        app.user_middleware.clear()  # access log, metrics and correlation ids: a third of a short request
        return GzipRequestMiddleware(Semantics(app, context))

    return create


async def _failure_of_the_disk(_: Request, error: Exception) -> Response:
    """Answer with the words of an error when the disk is full; the emulator's own answer to any error has none."""
    if not any(words in str(error) for words in UNUSABLE):
        raise error
    return error_response("internalError", str(error))


def _completed(build: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    def complete(project: str, job_id: str, job: Any, config: dict[str, Any]) -> dict[str, Any]:
        return job_resource(build(project, job_id, job, config), job)

    return complete


async def _call_here(function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    return function(*args, **kwargs)


def _is_int64(kind: pa.DataType) -> bool:
    """Tell whether BigQuery's type is INT64: DuckDB has smaller ones, e.g. a sign, and sums of 128 bits."""
    return bool(pa.types.is_integer(kind) or kind == pa.decimal128(38, 0))


def _replace(module: ModuleType | type, name: str, replacement: Callable[[Any], Any]) -> None:
    setattr(module, name, replacement(getattr(module, name)))
