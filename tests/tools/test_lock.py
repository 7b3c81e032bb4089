"""Locks hold what servers have and nothing of the machine, and are compared and resolved for every machine."""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import zipfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tools import lock

MIRROR = "https://" + "mirror.example/simple"
UV = Path(sys.executable).parent / "uv"
ROOT = Path(lock.__file__).parents[1]
PROJECT = """
[project]
name = "project"
version = "1"
requires-python = ">=3.11"
dependencies = ["thing"]
[project.optional-dependencies]
local = []
dev = []
[dependency-groups]
bootstrap = ["thing"]
build = ["thing"]
"""
ANYWHERE = "py3-none-any"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


class Index:
    """A package index on loopback."""

    def __init__(self, folder: Path, port: int):
        self.folder = folder
        self.url = f"http://127.0.0.1:{port}/simple"

    def add(self, name: str, version: str, tag: str = ANYWHERE) -> str:
        """Publish a wheel and return its hash."""
        return wheel(self.folder / "simple" / name, name, version, tag, "of the server")


def wheel(folder: Path, name: str, version: str, tag: str, content: str) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-{version}-{tag}.whl"
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name}.py", f"# {content}, for {tag}")
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        archive.writestr(f"{info}/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n")
        archive.writestr(f"{info}/RECORD", "")
    links = [f'<a href="{file.name}#{digest(file).replace(":", "=")}">{file.name}</a>' for file in folder.glob("*.whl")]
    (folder / "index.html").write_text("<!DOCTYPE html>" + "\n".join(links))
    return digest(path)


def digest(path: Path) -> str:
    return f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"


@pytest.fixture
def index(tmp_path):
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path / "server")))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield Index(tmp_path / "server", server.server_port)
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    root = tmp_path / "checkout"
    (root / "requirements").mkdir(parents=True)
    (root / "pyproject.toml").write_text(PROJECT)
    monkeypatch.chdir(root)
    return root


def uv_of(index: Index, **environment: str) -> lock.Uv:
    # A cache of its own each time: one may keep a page of the index for minutes, and tests publish more in between.
    cache = tempfile.mkdtemp(dir=index.folder.parent)
    own = {"PATH": os.environ["PATH"], "UV_CACHE_DIR": cache, "UV_DEFAULT_INDEX": index.url}
    return lock.Uv(str(UV), lock.server_environment({}, own | environment))


def locked(name: str = "dev.txt") -> dict[str, frozenset[str]]:
    return lock.requirements(Path("requirements", name).read_text())


def test_lock_holds_what_the_server_has(index, checkout, tmp_path):
    linux = index.add("thing", "1.0", "cp311-cp311-manylinux_2_28_x86_64")
    mac = index.add("thing", "1.0", "cp314-cp314-macosx_11_0_arm64")
    wheel(tmp_path / "folder", "thing", "1.0", "cp311-cp311-manylinux_2_28_x86_64", "of this machine")
    wheel(tmp_path / "own/simple/thing", "thing", "2.0", ANYWHERE, "of this machine")
    (tmp_path / "constraints.txt").write_text("thing<1")
    (checkout / "uv.toml").write_text(f'[pip]\nfind-links = ["{tmp_path / "folder"}"]')
    own = {
        "UV_FIND_LINKS": str(tmp_path / "folder"),
        "UV_INDEX": f"file://{tmp_path}/own/simple",
        "UV_CONSTRAINT": str(tmp_path / "constraints.txt"),
    }
    assert lock.make(uv_of(index, **own)) == 0
    assert {name: locked(name) for name in lock.LOCKS} == {name: {"thing==1.0": {linux, mac}} for name in lock.LOCKS}


def test_a_lock_made_again_is_the_same_and_keeps_its_versions(index, checkout, capsys):
    index.add("thing", "1.0")
    lock.make(uv_of(index))
    made = {path: path.read_bytes() for path in Path("requirements").iterdir()}
    index.add("thing", "1.1")
    capsys.readouterr()
    lock.make(uv_of(index))
    assert {path: path.read_bytes() for path in Path("requirements").iterdir()} == made
    assert capsys.readouterr().out.count("is as it was") == len(lock.LOCKS)
    assert lock.check(uv_of(index)) == 0
    lock.make(uv_of(index), "--upgrade")
    assert list(locked()) == ["thing==1.1"]


@pytest.mark.parametrize("name", lock.LOCKS)
def test_one_hash_that_is_missing_is_found_and_put_back(index, checkout, capsys, name):
    index.add("thing", "1.0", "cp311-cp311-manylinux_2_28_x86_64")
    removed = index.add("thing", "1.0", "cp312-cp312-manylinux_2_28_x86_64")
    lock.make(uv_of(index))
    path = Path("requirements", name)
    whole = path.read_text()
    path.write_text(whole.replace(f" \\\n    --hash={removed}", ""))
    capsys.readouterr()
    assert lock.check(uv_of(index)) == 1
    said = capsys.readouterr().out
    assert said == f"requirements/{name}: thing==1.0 lacks 1 of 2 hashes that the index has\nrun: make lock\n"
    lock.make(uv_of(index))
    assert path.read_text() == whole


def test_a_lock_and_pyproject_that_differ_are_found(index, checkout, capsys):
    index.add("thing", "1.0")
    index.add("other", "1.0")
    lock.make(uv_of(index))
    Path("pyproject.toml").write_text(PROJECT.replace("dev = []", 'dev = ["other"]'))
    capsys.readouterr()
    assert lock.check(uv_of(index)) == 1
    assert "requirements/dev.txt: other==1.0 is missing\n" in capsys.readouterr().out


def test_a_version_that_the_server_does_not_have_is_named(index, checkout):
    index.add("thing", "1.0")
    Path("pyproject.toml").write_text(PROJECT.replace('"thing"', '"thing>=2"'))
    with pytest.raises(SystemExit, match=r"requirements/dev.txt cannot be resolved(.|\n)*thing"):
        lock.make(uv_of(index))
    assert not any(Path("requirements").iterdir())


def test_hashes_are_compared_by_requirement():
    hashes = {number: f" \\\n    --hash=sha256:{number}" for number in range(10)}
    old = f"a==1{hashes[1]}{hashes[9]}\n    # via b\nb[x]==2 ; sys_platform == 'linux'{hashes[3]}\nc==1\n"
    new = f"a==1{hashes[1]}{hashes[2]}\nb[x]==2{hashes[3]}\n"
    assert list(lock.differences("dev.txt", old, old)) == []
    assert set(lock.differences("dev.txt", old, new)) == {
        "dev.txt: a==1 lacks 1 of 2 hashes that the index has",
        "dev.txt: a==1 has 1 that the index does not have, such as sha256:9",
        "dev.txt: b[x]==2 is missing",
        "dev.txt: b[x]==2 ; sys_platform == 'linux' is not required by pyproject.toml",
        "dev.txt: c==1 is not required by pyproject.toml",
    }


def test_packages_without_a_wheel_are_named_with_the_machines(index, checkout, capsys, monkeypatch):
    monkeypatch.setattr(lock, "WITHOUT_WHEELS", {"data": "a source package of data"})
    monkeypatch.setattr(lock, "PYTHONS", ("3.11", "3.12"))
    index.add("everywhere", "1.0")
    for tag in ("manylinux_2_28_x86_64", "manylinux_2_28_aarch64"):
        index.add("thing", "1.0", f"cp311-abi3-{tag}")
    index.add("other", "1.0", "cp311-cp311-macosx_11_0_arm64")
    index.add("data", "1.0", "cp311-none-win32")
    for name in lock.LOCKS:
        Path("requirements", name).write_text("everywhere==1.0\nthing==1.0 ; sys_platform == 'linux'\n")
    assert lock.wheels(uv_of(index)) == 1  # nothing is allowed that is not needed
    assert "wheels: data has one for every machine: remove it" in capsys.readouterr().out

    Path("requirements/dev.txt").write_text("everywhere==1.0\ndata==1.0\nthing==1.0 ; sys_platform == 'linux'\n")
    assert lock.wheels(uv_of(index)) == 0
    assert "data==1.0 (dev.txt) has none for Linux x86_64 with Python 3.11, 3.12; " in capsys.readouterr().out

    Path("requirements/dev.txt").write_text(
        "everywhere==1.0\ndata==1.0\nthing==1.0\nother==1.0 ; sys_platform == 'darwin'\n"
    )
    assert lock.wheels(uv_of(index)) == 1
    said = capsys.readouterr().out
    assert "wheels: thing==1.0 (dev.txt) has none for macOS arm64 with Python 3.11, 3.12\n" in said
    assert "wheels: other==1.0 (dev.txt) has none for macOS arm64 with Python 3.12\n" in said


def test_an_index_that_does_not_answer_is_no_missing_wheel(index, checkout):
    for name in lock.LOCKS:
        Path("requirements", name).write_text("unknown==1.0\n")
    index.url = index.url.rpartition(":")[0] + ":1/simple"
    with pytest.raises(SystemExit, match=r"wheels: uv failed for Python 3\.11 on Linux x86_64"):
        lock.wheels(uv_of(index, UV_HTTP_RETRIES="0"))


def test_only_servers_are_taken_from_settings():
    settings = {
        "index-url": MIRROR,
        "extra-index-url": f"file:///own/simple {MIRROR}/more",
        "find-links": "/own/wheels",
        "constraint": "/own/constraints.txt",
        "cert": "ca.pem",
        "proxy": "http://proxy:1",
        "no-index": "1",
    }
    own = {
        "HOME": "h",
        "HTTPS_PROXY": "http://proxy:2",
        "UV_FIND_LINKS": "/own/wheels",
        "UV_CONSTRAINT": "/own/constraints.txt",
        "UV_EXCLUDE_NEWER": "2020-01-01",
        "UV_INDEX": "own=file:///own/simple",
        "UV_EXTRA_INDEX_URL": f"/own/simple {MIRROR}/extra",
        "UV_HTTP_TIMEOUT": "9",
        "MACOSX_DEPLOYMENT_TARGET": "99.0",
    }
    assert lock.server_environment(settings, own) == {
        "HOME": "h",
        "HTTPS_PROXY": "http://proxy:2",
        "UV_EXTRA_INDEX_URL": f"{MIRROR}/extra",
        "UV_HTTP_TIMEOUT": "9",
        "UV_DEFAULT_INDEX": MIRROR,
        "UV_INDEX": f"{MIRROR}/more",
        "UV_INDEX_STRATEGY": "unsafe-best-match",
        "SSL_CERT_FILE": "ca.pem",
        "ALL_PROXY": "http://proxy:1",
    }
    assert lock.server_environment({"index-url": "file:///own/simple"}, {"UV_DEFAULT_INDEX": "/own"}) == {}
    assert lock.server_environment({}, {"UV_INDEX": f"ours={MIRROR}"})["UV_INDEX"] == f"ours={MIRROR}"


@pytest.mark.parametrize("target", ["lock", "check-locks", "wheels"])
def test_the_targets_need_uv_alone(tmp_path, target):
    shutil.copy(ROOT / "Makefile", tmp_path)

    def make() -> subprocess.CompletedProcess[str]:
        command = [str(shutil.which("make")), target]
        environment = {"PATH": str(tmp_path / "programs")}
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    without = make()
    assert without.returncode == 2
    assert without.stderr.startswith("make: no uv found: python3 -m venv .venv && .venv/bin/pip install uv\n")
    (tmp_path / "programs").mkdir()
    program = tmp_path / "programs/uv"
    program.write_text('#!/bin/sh\necho "uv $@"\n')
    program.chmod(0o755)
    done = make()
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("uv run --quiet --no-config --no-project ")
    assert " -m tools.lock " in done.stdout
