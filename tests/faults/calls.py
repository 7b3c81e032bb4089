"""Every kind of call that the pipeline makes, each as a small task whose effect can be counted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from pipeline.rows.schema import Schema
from pipeline.runs.session import Session
from pipeline.sql import Catalogue, Statement, render

APPEND = """/*
description: Appends a number each time that it is executed.
parameters: {number: INT64}
identifiers: {table: table}
changes: {v1: first version}
*/
INSERT INTO `{table}` (number) SELECT @number
"""
COUNT = """/*
description: Counts numbers.
parameters: {number: INT64}
identifiers: {table: table}
columns: {n: INT64}
changes: {v1: first version}
*/
SELECT COUNT(*) AS n FROM `{table}` WHERE number = @number
"""
ADD = """/*
description: Adds to the existing numbers.
parameters: {number: INT64}
identifiers: {table: table}
changes: {v1: first version}
*/
UPDATE `{table}` SET number = number + @number WHERE number >= 0
"""
SCHEMA = Schema.parse({"number": "INT64"})
LABELS = {"made": "here"}


@dataclass(frozen=True)
class Bench:
    """A session with a table of numbers, and the SQL that appends and counts them.

    Parameters
    ----------
    session
        Session without faults.
    folder
        Folder of local files.
    """

    session: Session
    folder: Path

    @classmethod
    def prepared(cls, session: Session, folder: Path) -> Bench:
        """Return a bench with its table and its SQL."""
        for name, text in {"append": APPEND, "count": COUNT, "add": ADD}.items():
            path = folder / "sql" / "tests" / f"{name}_v1.sql"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        session.warehouse.tables.create(session.target.table("numbers"), SCHEMA)
        bench = cls(session, folder)
        session.warehouse.execute(bench.statement("append", 0), step="append")
        return bench

    def statement(self, name: str, number: int, table: str = "numbers") -> Statement:
        """Return the statement that appends, counts or adds a number."""
        asset = Catalogue(self.folder).get(f"tests/{name}_v1")
        return render(asset, {"table": self.session.target.table(table)}, {"number": number})

    def count(self, number: int) -> int:
        """Return how many times a number was appended."""
        return int(self.session.warehouse.rows(self.statement("count", number))[0]["n"])

    def file(self, text: str) -> Path:
        """Write a local file and return its path."""
        path = self.folder / f"{uuid4().hex}.jsonl"
        path.write_text(text, encoding="utf-8")
        return path


def execute(bench: Bench, session: Session) -> Any:
    """Append a number once."""
    number = uuid4().int % 2**62
    session.warehouse.execute(bench.statement("append", number), step="append")
    return bench.count(number)


def execute_again(bench: Bench, session: Session) -> Any:
    """Append a number, and attach to the job that appended it."""
    number = uuid4().int % 2**62
    statement = bench.statement("append", number)
    bench.session.warehouse.execute(statement, step="append")
    session.warehouse.execute(statement, step="append")
    return bench.count(number)


def load(bench: Bench, session: Session) -> Any:
    """Load a file into a new table, twice with the same job."""
    uri, table = session.store.uri(f"{uuid4().hex}.jsonl"), session.target.run_table(f"loaded_{uuid4().hex}")
    bench.session.store.put_file(bench.file('{"number": 1}\n{"number": 2}\n'), uri)
    loaded = [session.warehouse.load_jsonl([uri], table, SCHEMA, step="load") for _ in range(2)]
    return [*loaded, bench.session.warehouse.tables.row_count(table)]


def query(bench: Bench, session: Session) -> Any:
    """Read rows of a statement."""
    return session.warehouse.rows(bench.statement("count", 0))


def look(bench: Bench, session: Session) -> Any:
    """Read the schema of a table."""
    return session.warehouse.tables.schema(session.target.table("numbers")).names


def list_tables(bench: Bench, session: Session) -> Any:
    """List the tables of a dataset."""
    return "numbers" in session.warehouse.tables.labels_in(session.target.dataset)


def list_functions(bench: Bench, session: Session) -> Any:
    """List the functions of a dataset."""
    return session.warehouse.tables.functions()


def create(bench: Bench, session: Session) -> Any:
    """Create a table."""
    table = session.target.run_table(f"made_{uuid4().hex}")
    session.warehouse.tables.create(table, SCHEMA)
    return bench.session.warehouse.tables.row_count(table)


def label(bench: Bench, session: Session) -> Any:
    """Label a table."""
    table = session.target.run_table(f"labelled_{uuid4().hex}")
    bench.session.warehouse.tables.create(table, SCHEMA)
    session.warehouse.tables.set_labels(table, LABELS)
    return bench.session.warehouse.tables.labels_in(table.dataset)[table.name]


def upload(bench: Bench, session: Session) -> Any:
    """Upload a file and a marker; return both as they are stored."""
    folder = session.store.uri(uuid4().hex)
    stored = session.store.put_file(bench.file("content"), f"{folder}/file")
    marker = session.store.put_json_once({"value": 1}, f"{folder}/marker.json")
    there = bench.session.store.list(f"{folder}/")
    return [stored in there, len(there), bench.session.store.read_bytes(f"{folder}/file"), marker]


def upload_again(bench: Bench, session: Session) -> Any:
    """Upload a file that exists already."""
    path, uri = bench.file("content"), session.store.uri(uuid4().hex)
    return bench.session.store.put_file(path, uri) == session.store.put_file(path, uri)


def download(bench: Bench, session: Session) -> Any:
    """Read an object."""
    uri = session.store.uri(f"{uuid4().hex}.json")
    bench.session.store.put_json_once({"value": "Zürich"}, uri)
    return session.store.read_json(uri)


def list_objects(bench: Bench, session: Session) -> Any:
    """List a folder."""
    folder = session.store.uri(uuid4().hex)
    bench.session.store.put_json_once({}, f"{folder}/a.json")
    return [item.uri.removeprefix(folder) for item in session.store.list(f"{folder}/")]


def make_bucket(bench: Bench, session: Session) -> Any:
    """Make the bucket unless it exists."""
    return session.store.create_bucket()


def read_frame(bench: Bench, session: Session) -> Any:
    """Read a table."""
    table = session.target.table("numbers")
    return session.warehouse.read_frame(table, SCHEMA, where="number = 0", order_by=["number"])["number"].to_list()


CALLS: dict[str, tuple[str, Callable[[Bench, Session], Any], Any]] = {
    "a statement that writes": ("jobs.insert", execute, 1),
    "a load": ("jobs.insert", load, [2, 2, 2]),
    "attaching to a job": ("jobs.get", execute_again, 1),
    "a statement that reads": ("jobs.insert", query, [{"n": 1}]),
    "rows of a statement": ("jobs.getQueryResults", query, [{"n": 1}]),
    "looking at a table": ("tables.get", look, ["number"]),
    "listing tables": ("tables.list", list_tables, True),
    "listing functions": ("routines.list", list_functions, set()),
    "creating a table": ("tables.insert", create, 0),
    "labelling a table": ("tables.patch", label, LABELS),
    "uploading": ("objects.upload", upload, [True, 2, b"content", {"value": 1}]),
    "uploading again": ("objects.get", upload_again, True),
    "downloading": ("objects.download", download, {"value": "Zürich"}),
    "listing objects": ("objects.list", list_objects, ["/a.json"]),
    "making the bucket": ("buckets.get", make_bucket, None),
    "looking at a table that is read": ("tables.get", read_frame, [0]),
    "opening a stream of rows": ("CreateReadSession", read_frame, [0]),
    "a stream of rows": ("ReadRows", read_frame, [0]),
}
"""Kind of the call, the function that makes it, and its result without faults or after transient ones."""
