"""Making a connection: what is there may be slow, something else, or nothing."""

from __future__ import annotations

import socket
import threading
import time

import msgspec
import pytest

from neo_core.errors import ObservationFailed, UsageError
from neo_core.gateways.xrpl.connecting.nodes import Nodes
from tests.gateway.wire.servers import LIMITS, WebSocketNode, failure, linked, raw_server, uses

QUICK = msgspec.structs.replace(LIMITS, ledger_timeout_seconds=0.6, connect_timeout_seconds=0.3)
HASTY = msgspec.structs.replace(LIMITS, ledger_timeout_seconds=2.0, connect_timeout_seconds=0.5)


def test_a_handshake_that_never_ends_is_left_in_time() -> None:
    def silence(connection: socket.socket) -> None:
        while connection.recv(1000):
            pass

    def drip(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 101 ")
        while True:
            connection.sendall(b"x")
            time.sleep(0.01)

    for talk in (silence, drip):
        with (
            raw_server(talk) as port,
            WebSocketNode() as node,
            linked(f"ws://127.0.0.1:{port}/", node, limits=HASTY) as link,
        ):
            started = time.monotonic()
            assert link.next_ledger(None).ledger_index == 100
            assert time.monotonic() - started < HASTY.connect_timeout_seconds + 1


def test_a_name_that_takes_for_ever_to_look_up_is_left_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    found = threading.Event()
    look_up = socket.getaddrinfo

    def slow(host: str, *rest: object, **more: object) -> object:
        if host == "slow.invalid":
            found.wait(30)
        return look_up(host, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    idled = []
    with WebSocketNode() as node:
        try:
            with linked("ws://slow.invalid/", node, limits=HASTY, idle=lambda: idled.append(1)) as link:
                assert link.next_ledger(None).ledger_index == 100
                assert uses(link, node)
                assert len(idled) >= 2
        finally:
            found.set()


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n", "HTTP 503"),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "HTTP 404"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "does not speak WebSocket"),
        (b"", "closed the connection|does not speak WebSocket"),
    ],
)
def test_what_speaks_no_websocket_is_named(said: bytes, expected: str) -> None:
    def talk(connection: socket.socket) -> None:
        connection.recv(10_000)
        connection.sendall(said)

    with raw_server(talk) as port, linked(f"ws://127.0.0.1:{port}/", limits=QUICK) as link:
        sentence = failure(link)
        assert any(part in sentence for part in expected.split("|"))


def test_idle_goes_on_while_a_node_is_connected_to() -> None:
    idled = []
    with (
        raw_server(lambda connection: connection.recv(1) and None) as port,
        linked(f"ws://127.0.0.1:{port}/", limits=QUICK, idle=lambda: idled.append(1)) as link,
    ):
        started = time.monotonic()
        with pytest.raises(ObservationFailed):
            link.next_ledger(None)
        assert len(idled) >= 0.7 * (time.monotonic() - started) / 0.2


@pytest.mark.parametrize(
    "url",
    [
        "",
        "s1.ripple.com",
        "ftp://example.com/",
        "ws://",
        "ws://host:port/",
        "http://a b/",
        "ws://[::1/",
        "ws://a/\n",
    ],
)
def test_what_is_no_url_of_a_node_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="expected the URL of a node") as refused:
        Nodes([url], network_id=0, jitter=lambda: 0.0, idle=lambda: None)
    assert str(refused.value).isprintable()


def test_no_node_at_all_is_refused() -> None:
    with pytest.raises(UsageError, match="at least one node"):
        Nodes([], network_id=0, jitter=lambda: 0.0, idle=lambda: None)
