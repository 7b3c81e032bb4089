"""A stand-in for Google's APIs on this machine: answers `pipeline doctor`, with errors in Google's words.

Answers follow the pages that pipeline/cloud/bigquery/rights.py, pipeline/cloud/storage/rights.py and
pipeline/operate/doctor/google.py name. Rights hold as Google's do: those on a dataset for its tables, those on a
bucket for its folders.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import grpc
from google.cloud.bigquery_storage_v1.types import CreateReadSessionRequest, ReadSession

BIGQUERY, STORAGE, STREAMS, MANAGER = (
    f"{name}.googleapis.com" for name in ("bigquery", "storage", "bigquerystorage", "cloudresourcemanager")
)
READS = "/google.cloud.bigquery.storage.v1.BigQueryRead/CreateReadSession"


@dataclass
class Google:
    """The resources of a project, and the rights of the caller.

    Parameters
    ----------
    rights
        Permissions by place: `project`, `bucket`, `<dataset>`, `<dataset>.<table>` or the path of a folder.
    tables, functions
        Names by dataset; a dataset that is no key does not exist.
    columns
        Types of the columns by table.
    """

    project: str
    bucket: str
    location: str = "US"
    rights: dict[str, set[str]] = field(default_factory=dict)
    tables: dict[str, list[str]] = field(default_factory=dict)
    columns: dict[str, dict[str, str]] = field(default_factory=dict)
    functions: dict[str, list[str]] = field(default_factory=dict)
    folders: set[str] = field(default_factory=set)
    settings: dict[str, Any] = field(default_factory=dict)
    disabled: set[str] = field(default_factory=set)
    account: str = "person@example.com"
    asked: list[str] = field(default_factory=list)

    def held(self, *places: str) -> set[str]:
        return set().union(*(self.rights.get(place, set()) for place in places))


class Refused(Exception):
    """An error as Google answers it."""

    def __init__(self, code: int, reason: str, message: str, details: list[dict[str, Any]] | None = None) -> None:
        super().__init__(message)
        error = {"code": code, "message": message, "errors": [{"reason": reason, "message": message}]}
        self.code, self.body = code, {"error": {**error, **({"details": details} if details else {})}}


def denied(permission: str, on: str) -> Refused:
    return Refused(403, "accessDenied", f"Access Denied: {on}: Permission {permission} denied on {on}")


def disabled(service: str, project: str) -> Refused:
    page = f"https://console.developers.google.com/apis/api/{service}/overview?project={project}"
    words = f"{service} has not been used in project {project} before or it is disabled. Enable it by visiting {page}"
    info = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "SERVICE_DISABLED"}
    metadata = {"service": service, "consumer": f"projects/{project}"}
    # Cloud Storage answers in the older form alone.
    return Refused(
        403,
        "accessNotConfigured",
        f"{words} then retry.",
        [] if service == STORAGE else [{**info, "metadata": metadata}],
    )


class Handler(BaseHTTPRequestHandler):
    """Answers one request."""

    def answer(self) -> None:
        google: Google = self.server.google  # type: ignore[attr-defined]
        address = urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length) or b"{}")
        google.asked.append(f"{self.command} {unquote(address.path)}")
        try:
            code, found = 200, respond(google, self.command, address.path, parse_qs(address.query), body)
        except Refused as refused:
            code, found = refused.code, refused.body
        content = json.dumps(found).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = answer  # noqa: N815 - as the base class names them

    def log_message(self, *_: object) -> None:
        """Be quiet."""


def respond(google: Google, method: str, path: str, query: dict[str, list[str]], body: dict[str, Any]) -> Any:
    service = BIGQUERY if path.startswith("/bigquery/") else MANAGER if path.startswith("/v3/") else STORAGE
    if service in google.disabled:
        raise disabled(service, google.project)
    if service == MANAGER:
        return {"permissions": [name for name in body["permissions"] if name in google.held("project")]}
    if service == STORAGE:
        return storage(google, unquote(path.removeprefix("/storage/v1/b/")), query)
    return bigquery(google, method, path.removeprefix(f"/bigquery/v2/projects/{google.project}/").split("/"), body)


def storage(google: Google, path: str, query: dict[str, list[str]]) -> Any:
    bucket, _, rest = path.partition("/")
    if bucket != google.bucket:
        raise Refused(404, "notFound", "The specified bucket does not exist.")
    if not rest:
        need(google, "storage.buckets.get", "bucket", f"bucket {bucket}")
        return {"name": bucket, "location": google.location, **google.settings}
    folder = rest.removeprefix("managedFolders/").removesuffix("iam/testPermissions").rstrip("/")
    if folder and f"{folder}/" not in google.folders:
        raise Refused(404, "notFound", "The specified managed folder does not exist.")
    held = google.held("bucket", f"{folder}/")
    return {"permissions": [name for name in query["permissions"] if name in held]}


def bigquery(google: Google, method: str, parts: list[str], body: dict[str, Any]) -> Any:
    match method, *parts:
        case "POST", "jobs":
            need(google, "bigquery.jobs.create", "project", f"Project {google.project}")
            return job(google, body)
        case "GET", "queries", sql:
            return rows(google, sql)
        case "GET", "datasets", dataset:
            there(google, dataset)
            need(google, "bigquery.datasets.get", dataset, f"Dataset {google.project}:{dataset}")
            return {
                "datasetReference": {"projectId": google.project, "datasetId": dataset},
                "location": google.location,
            }
        case "GET", "datasets", dataset, "tables" | "routines" as kind:
            there(google, dataset)
            need(google, f"bigquery.{kind}.list", dataset, f"Dataset {google.project}:{dataset}")
            return listed(google, dataset, kind)
        case "GET", "datasets", dataset, "tables", table:
            need(google, "bigquery.tables.get", dataset, f"Table {dataset}.{table}")
            exists(google, dataset, table)
            fields = [{"name": name, "type": kind} for name, kind in google.columns.get(table, {}).items()]
            found = {"tableReference": reference(google, dataset, "table", table), "numRows": "0", "type": "TABLE"}
            return found | {"schema": {"fields": fields}}
        case "GET", "datasets", dataset, "routines", name:
            need(google, "bigquery.routines.get", dataset, f"Routine {dataset}.{name}")
            return {"routineReference": reference(google, dataset, "routine", name)}
        case "POST", "datasets", dataset, "tables", table:
            name = table.removesuffix(":testIamPermissions")
            exists(google, dataset, name)
            held = google.held(dataset, f"{dataset}.{name}")
            return {"permissions": [permission for permission in body["permissions"] if permission in held]}
    raise AssertionError(f"there is no answer to {method} {'/'.join(parts)}")


def rows(google: Google, sql: str) -> Any:
    now = int(datetime.now(UTC).timestamp() * 1e6)
    if "SESSION_USER" in sql:
        fields, values = {"account": "STRING"}, [google.account]
    else:
        fields, values = {"moment": "TIMESTAMP", "is_ahead": "BOOLEAN"}, [str(now), "false"]
    return {
        "jobComplete": True,
        "jobReference": {"projectId": google.project, "jobId": "j", "location": google.location},
        "schema": {"fields": [{"name": name, "type": kind, "mode": "NULLABLE"} for name, kind in fields.items()]},
        "rows": [{"f": [{"v": value} for value in values]}],
        "totalRows": "1",
        "totalBytesProcessed": "0",
    }


def job(google: Google, body: dict[str, Any]) -> Any:
    """Take a job: a dry run, or a query that only reads."""
    configuration = body["configuration"]
    sql = configuration["query"]["query"]
    made = re.match(r"CREATE (?:OR REPLACE )?(FUNCTION|TABLE)\D*?`[^.`]+\.(\w+)\.", sql)
    assert made is None or configuration["dryRun"] is True, "the doctor would have changed something"
    if made:
        kind, dataset = made.groups()
        there(google, dataset)
        permission = f"bigquery.{'routines' if kind == 'FUNCTION' else 'tables'}.create"
        need(google, permission, dataset, f"Dataset {google.project}:{dataset}")
    named = {**body["jobReference"], "jobId": "SESSION_USER" if "SESSION_USER" in sql else "clock"}
    return {"jobReference": named, "configuration": configuration, "status": {"state": "DONE"}}


def listed(google: Google, dataset: str, kind: str) -> Any:
    one = kind.removesuffix("s")
    names = (google.tables if one == "table" else google.functions).get(dataset, [])
    return {kind: [{f"{one}Reference": reference(google, dataset, one, name)} for name in names]}


def reference(google: Google, dataset: str, kind: str, name: str) -> dict[str, str]:
    return {"projectId": google.project, "datasetId": dataset, f"{kind}Id": name}


def need(google: Google, permission: str, place: str, on: str) -> None:
    if permission not in google.held(place):
        raise denied(permission, on)


def there(google: Google, dataset: str) -> None:
    if dataset not in google.tables:
        raise Refused(404, "notFound", f"Not found: Dataset {google.project}:{dataset}")


def exists(google: Google, dataset: str, table: str) -> None:
    if table not in google.tables.get(dataset, []):
        raise Refused(404, "notFound", f"Not found: Table {google.project}:{dataset}.{table}")


def open_stream(google: Google, request: CreateReadSessionRequest, context: grpc.ServicerContext) -> ReadSession:
    google.asked.append(f"STREAM {request.read_session.table}")
    if STREAMS in google.disabled:
        words = disabled(STREAMS, google.project).body["error"]["message"]
        info = b"\n\x10SERVICE_DISABLED\x12\x0egoogleapis.com"  # google.rpc.ErrorInfo: reason, domain
        kind = b"type.googleapis.com/google.rpc.ErrorInfo"
        packed = b"\n" + bytes([len(kind)]) + kind + b"\x12" + bytes([len(info)]) + info
        status = b"\x08\x07\x12" + varint(len(words)) + words.encode() + b"\x1a" + bytes([len(packed)]) + packed
        context.set_trailing_metadata((("grpc-status-details-bin", status),))
        context.abort(grpc.StatusCode.PERMISSION_DENIED, words)
    if "bigquery.readsessions.create" not in google.held("project"):
        context.abort(grpc.StatusCode.PERMISSION_DENIED, "Permission 'bigquery.readsessions.create' denied")
    return ReadSession(name="s")


def varint(number: int) -> bytes:
    return bytes([number]) if number < 128 else bytes([number % 128 + 128, number // 128])


@contextmanager
def serve(google: Google) -> Iterator[tuple[str, str]]:
    """Run one; yields the addresses over HTTP and gRPC."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.google = google  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    streams = grpc.server(ThreadPoolExecutor(1))
    method = grpc.unary_unary_rpc_method_handler(
        lambda request, context: open_stream(google, request, context),
        request_deserializer=CreateReadSessionRequest.deserialize,
        response_serializer=ReadSession.serialize,
    )
    service, _, name = READS[1:].partition("/")
    streams.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {name: method}),))
    port = streams.add_insecure_port("127.0.0.1:0")
    streams.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", f"127.0.0.1:{port}"
    finally:
        streams.stop(None)
        server.shutdown()
        server.server_close()
