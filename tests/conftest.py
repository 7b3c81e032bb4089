"""Every test: nothing leaves this machine, unless `--cloud-target` sends it; tests that ask for it: a local target.

What the network guard sees: connections and name lookups by Python, and whatever honours a proxy from the environment
(requests, urllib, gRPC's C core, curl), in child processes too. What it cannot see: C code that asks for no proxy
(DuckDB's extensions among it), datagrams that are sent without connecting, and the emulators, whose environment is
their own; these are started with downloads switched off.
"""

from __future__ import annotations

import ipaddress
import socket
import socketserver
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.emulators import lifecycle
from pipeline.emulators.bigquery_server import collect_rarely

pytest_plugins = [
    "tests.support.cloud_target",
    "tests.support.integration_fixtures",
    "tests.support.matrices",
    "tests.support.orphans",
]


def pytest_collection_finish() -> None:
    """Look for garbage less often: each look goes through thousands of tests, a tenth of the time of all."""
    collect_rarely()


LOCAL_NAMES = {None, "", "localhost", b"localhost", socket.gethostname()}
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "grpc_proxy")
attempts: list[str] = []


def is_loopback(host: object) -> bool:
    if host in LOCAL_NAMES:
        return True
    text = host.decode() if isinstance(host, bytes) else str(host)
    try:
        return ipaddress.ip_address(text.split("%")[0]).is_loopback
    except ValueError:
        return False


def refuse(host: object) -> None:
    attempts.append(str(host))
    pytest.fail(f"a connection to {host} was tried: tests must not leave this machine")


class Tripwire(socketserver.StreamRequestHandler):
    """A proxy that forwards nothing and remembers who was asked for."""

    def handle(self) -> None:
        attempts.append(self.rfile.readline().decode(errors="replace").strip())


@pytest.fixture(scope="session", autouse=True)
def network_guard(request: pytest.FixtureRequest) -> Iterator[list[str]]:
    """Refuse connections that leave this machine; yield the hosts that were refused."""
    if request.config.getoption("--cloud-target"):  # whose tests are there to leave it, and are the only ones that run
        yield attempts
        return
    connect, connect_ex, look_up = socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo

    def guarded(original):
        def call(self, address):
            if self.family != socket.AF_UNIX and not is_loopback(address[0]):
                refuse(address[0])
            return original(self, address)

        return call

    def guarded_look_up(host, *args, **options):
        if not is_loopback(host):
            refuse(host)
        return look_up(host, *args, **options)

    with pytest.MonkeyPatch.context() as patch, socketserver.ThreadingTCPServer(("127.0.0.1", 0), Tripwire) as proxy:
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        patch.setattr(socket.socket, "connect", guarded(connect))
        patch.setattr(socket.socket, "connect_ex", guarded(connect_ex))
        patch.setattr(socket, "getaddrinfo", guarded_look_up)
        for name in PROXIES:
            patch.setenv(name, f"http://127.0.0.1:{proxy.server_address[1]}")
            patch.delenv(name.upper(), raising=False)
        patch.setenv("no_proxy", "127.0.0.1,localhost,::1")
        patch.delenv("NO_PROXY", raising=False)
        yield attempts
        proxy.shutdown()


@pytest.fixture(autouse=True)
def _stays_on_this_machine() -> Iterator[None]:
    """Fail the test in whose time a connection was tried where the guard could not raise: a thread, C code, a child."""
    before = len(attempts)
    yield
    assert attempts[before:] == [], "connections were tried that leave this machine"


@pytest.fixture(scope="session")
def emulators_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The local directory of this test process, whose emulators run: with pytest-xdist each worker has its own.

    Coverage does not watch them: it would take a quarter of their time. It watches those of tests/emulators.
    """
    local_dir = tmp_path_factory.mktemp("local")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG"):
            patch.delenv(name, raising=False)
        lifecycle.up(local_dir)
    yield local_dir
    lifecycle.down(local_dir)


@pytest.fixture(scope="session")
def local_target(emulators_dir: Path) -> lifecycle.LocalEndpoints:
    """Return where the emulators of this test process answer."""
    return lifecycle.up(emulators_dir)
