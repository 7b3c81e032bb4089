from __future__ import annotations

import socket

from pipeline.emulators import state


def test_port_with_a_listener_is_taken_and_free_when_left():
    with socket.create_server((state.HOST, 0)) as server:
        port = server.getsockname()[1]
        assert not state.is_free(port)
    assert state.is_free(port)


def test_any_port_is_free():
    assert state.is_free(0)


def test_picked_port_can_be_taken():
    with socket.create_server((state.HOST, state.pick_free())) as server:
        assert server.getsockname()[0] == "127.0.0.1"
