"""Runs commands, reads what they leave at the emulators, and masks ids and moments; see tools/evidence.py."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any
from urllib.parse import quote

import requests
import typer
import yaml

# Everything that is imported from modules of the package: rename it here when they get other names.
from pipeline.cli.app import app
from pipeline.operate.sql.rehearsal import SAMPLE_DATE, Rehearsal
from pipeline.project.project import Project
from pipeline.project.target import local_target
from pipeline.runs.session import Session

COMMANDS = Path(__file__).with_name("evidence.yaml")
PIPELINE = [sys.executable, "-c", "from pipeline.cli import main; main()"]
IMAGE = f"us-docker.pkg.dev/my-project/ml/pipeline@sha256:{'0123456789abcdef' * 4}"

PARAMETER = ("opts", "secondary_opts", "type", "metavar", "required", "default", "multiple", "nargs")
BUNDLE = ("imports", "libraries", "model", "model_sha256", "seeds", "sql_digests", "training_data")
TABLE = ("type", "labels", "timePartitioning", "clustering")
LEDGER = ("metrics_v1", "comparisons_v1", "drift_v1", "verdicts_v1", "champions_v1", "events_v1")
PROSE_KEYS = re.compile("said|summary|next|why|note|error|answer")
UNSTABLE_KEYS = re.compile(r"seconds|size|crc32c|sha256|slot_ms|bundle_digest|dirty|\w+_at")
UNSTABLE_TEXT = {
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d\.\d{6}(\+00:00|Z)?": "<moment>",
    r"\b[0-9a-f]{40}(-dirty)?\b": "<commit>",
    r"-[0-9a-f]{12}\b": "-<token>",
    r"-[0-9a-f]{16}-a(?=\d)": "-<request>-a",
    r'/[0-9a-f]{16}(?=")': "/<key>",
    r"127\.0\.0\.1:\d+": "127.0.0.1:<port>",
    r"\b\d+(\.\d+)? (s|KB|MB|GB|GiB|MiB)\b": r"<number> \2",
}


def digest(data: str | bytes) -> str:
    """Return the SHA-256 of a text or bytes."""
    return hashlib.sha256(data.encode() if isinstance(data, str) else data).hexdigest()


def settled(value: Any) -> Any:
    """Return a value in which a text of several lines is its digest and its lines."""
    if isinstance(value, dict):
        return {key: settled(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [settled(inner) for inner in value]
    is_long = isinstance(value, str) and "\n" in value
    return {"sha256": digest(value), "lines": value.splitlines()} if is_long else value


def without_prose(value: Any, prose: list[str], key: str = "") -> Any:
    """Return an answer without what varies and without sentences, which are added to `prose`; lists are sorted."""
    if isinstance(value, dict):
        names = {name: key if UNSTABLE_KEYS.fullmatch(key) else name for name in value}
        return {name: without_prose(inner, prose, names[name]) for name, inner in value.items()}
    if isinstance(value, list):
        return sorted(
            (without_prose(each, prose, key) for each in value), key=lambda each: json.dumps(each, sort_keys=True)
        )
    if value is not None and UNSTABLE_KEYS.fullmatch(key):
        return f"<{type(value).__name__}>"
    if isinstance(value, float):
        return float(f"{value:.10g}")  # the emulator's sums are not in a fixed order
    if isinstance(value, str) and (PROSE_KEYS.fullmatch(key) or value.count(" ") > 3):
        prose.append(f"{key}: {value}")
        return "<prose>"
    return value


def shape(value: Any) -> Any:
    """Return the keys of a value and the types of what they hold; a list has the shape of its first element."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items()}
    return [shape(inner) for inner in value[:1]] if isinstance(value, list) else type(value).__name__


def get(address: str, **parameters: Any) -> Any:
    """Return the JSON at an address."""
    return fetch(address, **parameters).json()


def fetch(address: str, **parameters: Any) -> requests.Response:
    """Return the answer of an emulator; a proxy of the environment knows no address of this machine."""
    with requests.Session() as http:
        http.trust_env = False
        answer = http.get(address, params=parameters, timeout=60)
    answer.raise_for_status()
    return answer


class Recorder:
    """Collects a record of the package in `root`; commands write below `folder`."""

    def __init__(self, root: Path, folder: Path) -> None:
        self.folder = folder
        self.places = {"folder": str(folder), "root": str(root), "image": IMAGE}  # what names in braces stand for
        self.identities: dict[str, str] = {}
        self.record: dict[str, dict[str, Any]] = {"wording": {"deployments": {}, "help": {}}}

    def section(self, name: str) -> dict[str, Any]:
        """Return a section of the record, to be filled."""
        return self.record.setdefault(name, {})

    def ask(self, commands: list[str], *options: str) -> None:
        """Run commands, and record exit codes and answers."""
        root = self.places["root"]
        environment = os.environ | {"PYTHONPATH": root, "COLUMNS": "120"}
        for command in commands:
            arguments = [*PIPELINE, *shlex.split(command.format(**self.places)), *options]
            done = subprocess.run(arguments, cwd=root, env=environment, capture_output=True, text=True, check=False)
            print(done.returncode, command, file=sys.stderr)
            if command.startswith("sql li"):  # list and lineage: names and digests
                self.section("sql")[command] = done.stdout
            answer = json.loads(done.stdout) if done.stdout.startswith("{") else done.stdout.splitlines()
            error = done.stderr.splitlines()[-1:] if done.returncode else []
            self.section("answers")[command] = {"exit_code": done.returncode, "answer": answer, "error": error}

    def add_commands(self) -> None:
        """Record parameters and help of every command."""
        todo: list[tuple[str, Any]] = [("pipeline", typer.main.get_command(app))]
        while todo:
            name, command = todo.pop()
            todo += [(f"{name} {inner}", found) for inner, found in getattr(command, "commands", {}).items()]
            self.section("commands")[name] = {
                each.name: {key: str(getattr(each, key, None)) for key in PARAMETER} for each in command.params
            }
            helps = {each.name: getattr(each, "help", None) for each in command.params}
            self.record["wording"]["help"][name] = {"": command.help, **helps}

    def add_statements(self) -> None:
        """Record the rehearsed statements of each job: text, types and values of parameters."""
        session = Session.open(Project.open(Path(self.places["root"])), local_target())
        for job in session.project.job_names():
            rehearsal = Rehearsal.of(session, session.project.job(job), SAMPLE_DATE)
            for each in (*rehearsal.sent(), *rehearsal.parts()):
                parameters = {name: [kind, each.values[name]] for name, kind in each.types.items()}
                text = f"{each.sql}\n-- {json.dumps(parameters, default=str, sort_keys=True)}"
                texts = self.section("statements").setdefault(f"{job} {[asset.name for asset in each.assets]}", [])
                texts += [] if text in texts else [text]

    def add_files(self) -> None:
        """Record digests of the tiny sources and the texts of the deployments."""
        for path in sorted(path for path in self.folder.rglob("*") if path.is_file()):
            kind, _, name = path.relative_to(self.folder).as_posix().partition("/")
            if kind == "tiny":
                self.section("sources")[name] = digest(path.read_bytes())
            else:
                is_read = path.suffix in {".md", ".py"}  # merge.py is a copy of a module
                self.section("deployments")[name] = None if is_read else path.read_text()
                self.record["wording"]["deployments"][name] = path.read_text() if is_read else None

    def add_bucket(self, address: str) -> None:
        """Record names of objects, keys of those in JSON, what claims and bundles say, and digests of predictions."""
        objects = f"{address}/storage/v1/b/pipeline-local/o"
        for name in sorted(item["name"] for item in get(objects, maxResults=5000)["items"]):
            data = fetch(f"{objects}/{quote(name, safe='')}", alt="media").content
            content = json.loads(data) if name.endswith(".json") else {}
            self.section("objects")[name] = shape(content)
            job, _, day = name.split("/")[:3]
            if "/generations/" in name:
                self.section("claims")[name] = content
                self.places[f"{job} {day}"] = content["run_id"]
                self.identities |= {f"<code:{job}:{name}>": code for name, code in content["defines"]["code"].items()}
                self.identities[f"<definition:{job}>"] = content["definition"]
                self.identities[f"<run:{job}>"] = content["run_id"].rpartition("-")[2]
            elif name.endswith("/bundle.json"):
                self.section("models")[name] = {key: content[key] for key in BUNDLE}
                variant = content["variant"].partition("@")[0]
                self.places[f"{variant} {day}"] = f"gs://pipeline-local/{name.removesuffix('/bundle.json')}"
                self.identities[f"<model:{job}:{day}:{variant}>"] = content["model_id"]
            elif name.endswith("/model.joblib"):
                modules = re.findall(rb"(?:pipeline|jobs)\.[\w.]+", zlib.decompress(data))
                self.section("pickled")[name] = sorted({module.decode() for module in modules})
            elif name.endswith(".jsonl") and "/predictions/" in name:
                self.section("predictions")[name] = digest(data)

    def add_warehouse(self, address: str) -> None:
        """Record tables, views and functions of BigQuery, the rows of the ledger, and the queries that were sent."""
        project = f"{address}/bigquery/v2/projects/pipeline-local"
        jobs = get(f"{project}/jobs", projection="full", maxResults=100_000)["jobs"]
        self.section("sent")["queries"] = [job["configuration"].get("query", {}).get("query", "") for job in jobs]
        for dataset in (each["datasetReference"]["datasetId"] for each in get(f"{project}/datasets")["datasets"]):
            place = f"{project}/datasets/{dataset}"
            for each in get(f"{place}/routines").get("routines", []):
                self.section("functions")[f"{dataset}.{each['routineReference']['routineId']}"] = each["routineType"]
            for each in get(f"{place}/tables", maxResults=1000).get("tables", []):
                name = each["tableReference"]["tableId"]
                table = get(f"{place}/tables/{name}")
                data = get(f"{place}/tables/{name}/data", maxResults=100_000 if name in LEDGER else 1)
                fields = table["schema"]["fields"]
                columns = [f"{field['name']} {field['type']} {field['mode']}" for field in fields]
                told = {key: table.get(key) for key in TABLE}
                self.section("tables")[f"{dataset}.{name}"] = {**told, "columns": columns, "rows": data["totalRows"]}
                if name in LEDGER:
                    self.section("rows")[name] = [self._row(fields, row) for row in data["rows"]]

    def _row(self, fields: list[dict[str, str]], answer: dict[str, Any]) -> dict[str, Any]:
        """Return a row of the ledger by column, and note the ids in it."""
        row = {field["name"]: cell["v"] for field, cell in zip(fields, answer["f"], strict=True)}
        is_json = {field["name"] for field in fields if field["name"] == "details" or field["type"] == "FLOAT"}
        row = {name: json.loads(text) if text and name in is_json else text for name, text in row.items()}
        details = row.get("details") or {}
        labels = details.get("labels_table", "").split("__")[-2:][0]
        ids = {"evaluation": row.get("evaluation_id"), "subject": details.get("subject"), "labels": labels}
        self.identities |= {f"<{kind}:{row['job']}:{row['run_date']}>": found for kind, found in ids.items() if found}
        return row

    def finished(self) -> dict[str, Any]:
        """Return the record with names in place of ids, moments and places of this run."""
        text = json.dumps(self.record)
        for name, value in {"<folder>": str(self.folder), "<root>": self.places["root"], **self.identities}.items():
            text = text.replace(value, name)
        for pattern, name in UNSTABLE_TEXT.items():
            text = re.sub(pattern, name, text)
        record: dict[str, Any] = json.loads(text)
        record["sent"] = {digest(query)[:12]: query for query in record["sent"]["queries"]}
        for section in ("answers", "rows"):
            for name, value in record[section].items():
                prose: list[str] = []
                record[section][name] = without_prose(value, prose)
                record["wording"].setdefault(section, {})[name] = sorted(set(prose))
        return {"identities": self.identities, **{name: settled(section) for name, section in record.items()}}


def record_of(root: Path, folder: Path) -> dict[str, Any]:
    """Return the record of a checkout; emulators and commands write below `folder`."""
    recorder, local = Recorder(root, folder), ("--local-dir", str(folder / "local"))
    commands = yaml.safe_load(COMMANDS.read_text(encoding="utf-8"))
    (folder / "deployment").mkdir()
    recorder.ask(commands["offline"])
    recorder.add_files()
    recorder.add_commands()
    recorder.add_statements()
    try:
        recorder.ask(commands["tiny"], *local)
        status = subprocess.check_output([*PIPELINE, "local", "status", "--json", *local], cwd=root)
        recorder.add_bucket(json.loads(status)["storage"])
        recorder.add_warehouse(json.loads(status)["bigquery"])
        recorder.ask(commands["questions"], *local)
    finally:
        recorder.ask(["local down"], *local)
    return recorder.finished()
