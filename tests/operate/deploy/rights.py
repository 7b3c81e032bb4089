"""Permissions that calls of Google's clients need, and whether an account's rights cover them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

from pipeline.cloud.roles import PERMISSIONS
from pipeline.operate.deploy import access
from pipeline.operate.deploy.access import Grant
from pipeline.project.target import Target

NAME = re.compile(r"`([a-z][a-z0-9-]+)\.(\w+)\.([\w-]+)`")
WRITES = re.compile(r"\s*(INSERT INTO|MERGE(?: INTO)?|CREATE[A-Z ]*?)\s+" + NAME.pattern)
MADE = {"FUNCTION": "bigquery.routines.create"}
REST = re.compile(r"/bigquery/v2/projects/[^/]+/(.*)")
BUCKET = re.compile(r"/b/[^/]+$")
OBJECT = re.compile(r"/b/([^/]+)/o(?:/(.+))?$")


class Need(NamedTuple):
    """A permission and its place: `project`, `<dataset>`, `<dataset>.<table>`, `bucket` or the name of an object."""

    permission: str
    place: str


@dataclass
class Places:
    """Functions, and views with the tables that their SQL reads."""

    functions: set[str] = field(default_factory=set)
    views: dict[str, str] = field(default_factory=dict)


def needs_of_call(method: str, url: str, data: Any, places: Places) -> list[Need]:
    """Return what a call needs; reading one's own job needs nothing."""
    address = urlsplit(url)
    found = REST.search(address.path)
    if found:
        return list(_bigquery(method, found.group(1).split("/"), _json(data), places))
    return list(_storage(method, unquote(address.path), parse_qs(address.query), data))


def _bigquery(method: str, parts: list[str], body: dict[str, Any], places: Places) -> Iterable[Need]:
    match method, *parts:
        case "POST", "jobs":
            yield Need("bigquery.jobs.create", "project")
            configuration = body["configuration"]
            if "query" in configuration:
                yield from needs_of_sql(configuration["query"]["query"], places)
            else:
                yield from _load(configuration["load"])
        case "POST", "queries":
            yield Need("bigquery.jobs.create", "project")
            yield from needs_of_sql(body["query"], places)
        case "GET", "jobs" | "queries", _:
            return
        case "GET", "datasets", dataset, "tables" | "routines" as kind:
            yield Need(f"bigquery.{kind}.list", dataset)
        case "POST", "datasets", dataset, "tables":
            yield Need("bigquery.tables.create", dataset)
        case ("GET" | "PATCH" | "PUT") as verb, "datasets", dataset, "tables", table:
            yield Need(f"bigquery.tables.{'get' if verb == 'GET' else 'update'}", f"{dataset}.{table}")
        case _:
            raise AssertionError(f"the permissions of {method} {'/'.join(parts)} are not listed here")


def _load(load: Mapping[str, Any]) -> Iterable[Need]:
    table = load["destinationTable"]
    yield Need("bigquery.tables.create", table["datasetId"])
    yield Need("bigquery.tables.updateData", f"{table['datasetId']}.{table['tableId']}")
    yield Need("storage.buckets.get", "bucket")
    yield from (Need("storage.objects.get", uri.split("/", 3)[3]) for uri in load["sourceUris"])


def needs_of_sql(sql: str, places: Places) -> Iterable[Need]:
    """Yield what a statement needs on what it writes, on what it reads, and on what its views read."""
    written = WRITES.match(sql)
    rest = sql
    if written:
        kind, _, dataset, name = written.groups()
        rest = sql[: written.start(2) - 1] + sql[written.end() :]
        if kind.startswith("CREATE"):
            yield Need(MADE.get(kind.split()[-1], "bigquery.tables.create"), dataset)
        else:
            yield Need("bigquery.tables.updateData", f"{dataset}.{name}")
            yield Need("bigquery.tables.getData", f"{dataset}.{name}")
    for _, dataset, name in NAME.findall(rest):
        place = f"{dataset}.{name}"
        if place in places.functions:
            yield Need("bigquery.routines.get", dataset)
            continue
        yield Need("bigquery.tables.getData", place)
        if place in places.views:
            yield from needs_of_sql(f"SELECT * FROM {places.views[place]}", places)


def _storage(method: str, path: str, query: Mapping[str, list[str]], data: Any) -> Iterable[Need]:
    found = OBJECT.search(path)
    name = found.group(2) if found else None
    if method == "POST" and "/upload/" in path:
        yield Need("storage.objects.create", query["name"][0] if "name" in query else _uploaded(data))
        if query.get("ifGenerationMatch") != ["0"]:
            yield Need("storage.objects.delete", _uploaded(data))
    elif method == "GET" and found and name is None:
        yield Need("storage.objects.list", query["prefix"][0])
    elif method in ("GET", "DELETE") and name:
        yield Need(f"storage.objects.{'get' if method == 'GET' else 'delete'}", name)
    elif method == "GET" and BUCKET.search(path):
        return  # the client asks in the background for its traces, and goes on if it may not
    elif method == "PUT" and "upload_id" in query:
        return
    else:
        raise AssertionError(f"the permissions of {method} {path} are not listed here")


def _uploaded(data: Any) -> str:
    """Return the object's name, from the first part of an upload or from the body that begins a resumable one."""
    text = data.decode(errors="replace") if isinstance(data, bytes) else str(data)
    return str(json.loads(re.search(r'"name": ("[^"]+")', text).group(1)))


def _json(data: Any) -> dict[str, Any]:
    return json.loads(data) if data else {}


def covered(need: Need, grants: Iterable[Grant], target: Target, job: str, predictions: str) -> bool:
    """Tell whether rights cover a need."""
    return any(
        need.permission in PERMISSIONS.get(grant.role, ()) and _holds(grant, need.place, target, job, predictions)
        for grant in grants
    )


def _holds(grant: Grant, place: str, target: Target, job: str, predictions: str) -> bool:
    key, _, table = grant.resource.partition(".")
    if grant.kind == access.PROJECT:
        return True
    if grant.kind == access.BUCKET:
        return place == "bucket"
    if grant.kind == access.FOLDER:
        return place.startswith(f"{target.prefix}/{job}/{grant.resource}/")
    dataset = getattr(target, key, "")
    if grant.kind == access.DATASET:
        return place.partition(".")[0] == dataset
    name = predictions if grant.resource == access.PREDICTIONS else table
    return grant.kind == access.TABLE and place == f"{dataset}.{name}"


def described(grant: Grant) -> str:
    """Return what a right holds for, in Markdown."""
    if grant.kind in (access.PROJECT, access.BUCKET):
        return grant.kind
    if grant.kind == access.TABLE:
        key, _, table = grant.resource.partition(".")
        name = "<job>__predictions_v<N>" if table == "predictions" else table
        return f"table `{name}` of `{key}`"
    if grant.kind == access.FOLDER:
        return f"folder `<prefix>/<job>/{grant.resource}/`"
    return f"`{grant.resource}`" if grant.kind == access.DATASET else f"Cloud Run job `<job>-{grant.resource}`"


def roles_table(rows: Sequence[Grant]) -> str:
    """Return the rights as a table in Markdown."""
    lines = ["| account | role | on | why |", "| --- | --- | --- | --- |"]
    for grant in rows:
        why = f"{grant.why} ({grant.when})" if grant.when else grant.why
        lines.append(f"| {grant.account} | `{grant.role}` | {described(grant)} | {why} |")
    return "\n".join(lines) + "\n"
