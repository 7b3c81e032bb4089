"""The guard of tests/conftest.py sees what it says that it sees."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import urllib.request

import grpc
import pytest

NOWHERE = "192.0.2.1"  # reserved for documentation (RFC 5737)
CONNECT = f"import urllib.request as r; r.urlopen('https://{NOWHERE}', timeout=5)"


@pytest.fixture
def attempts(network_guard: list[str], _stays_on_this_machine: None):
    """What was tried in this test; forgotten before the guard looks at it."""
    before = len(network_guard)
    yield lambda: network_guard[before:]
    del network_guard[before:]


def test_socket_connect_fails_the_test(attempts):
    with socket.socket() as client, pytest.raises(pytest.fail.Exception, match=NOWHERE):
        client.connect((NOWHERE, 443))
    assert attempts() == [NOWHERE]


def test_name_lookup_fails_the_test(attempts):
    with pytest.raises(pytest.fail.Exception, match=r"bigquery\.googleapis\.com"):
        socket.getaddrinfo("bigquery.googleapis.com", 443)
    assert attempts() == ["bigquery.googleapis.com"]


def test_urllib_runs_into_the_tripwire(attempts):
    with pytest.raises(OSError, match=r"closed|reset|refused"):
        urllib.request.urlopen(f"https://{NOWHERE}", timeout=5)
    assert attempts()[0].startswith(f"CONNECT {NOWHERE}:443 ")


def test_grpc_runs_into_the_tripwire(attempts):
    with grpc.insecure_channel(f"{NOWHERE}:443") as channel, pytest.raises(grpc.FutureTimeoutError):
        grpc.channel_ready_future(channel).result(timeout=0.5)
    assert NOWHERE in attempts()[0]


def test_child_process_runs_into_the_tripwire(attempts):
    child = subprocess.run([sys.executable, "-c", CONNECT], env=os.environ, capture_output=True, check=False)
    assert child.returncode != 0
    assert NOWHERE in attempts()[0]


def test_loopback_is_allowed():
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        assert client.getpeername() == server.getsockname()
    assert socket.getaddrinfo("localhost", 80)
