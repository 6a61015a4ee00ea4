"""How the tests reach a devnet: by HTTP, by WebSocket, and by bytes that are neither."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

from neo_devnet.hosting import MAIN, PUBLIC, SECOND, Devnet, running
from neo_devnet.patience import Limits
from neo_devnet.serve import Port
from websockets.sync.client import connect
from websockets.sync.connection import Connection

from .making import World, founded

PATIENCE = 10.0
SHORT = Limits(
    request_bytes=20_000, head_seconds=0.3, body_seconds=0.3, idle_seconds=5.0, connections=20, queued_messages=50
)


@contextmanager
def served(
    world: World | None = None, *, close_seconds: float | None = None, limits: Limits | None = None
) -> Iterator[tuple[Devnet, World]]:
    world = world or founded()
    ports = {MAIN: 0, SECOND: 0, PUBLIC: 0}
    net = Devnet(world.node, close_seconds=close_seconds, ledger_seconds=4.0, ports=ports, limits=limits)
    with running(net):
        yield net, world


def post(port: Port, method: str, /, **params: Any) -> dict[str, Any]:
    status, text = post_bytes(
        port, json.dumps({"method": method, "params": [{"api_version": 2, **params}]}).encode()
    )
    assert status == 200, (status, text)
    result: dict[str, Any] = json.loads(text)["result"]
    return result


def post_bytes(port: Port, body: bytes) -> tuple[int, str]:
    client = HTTPConnection(urlsplit(port.url).netloc, timeout=PATIENCE)
    try:
        client.request("POST", "/", body, {"Content-Type": "application/json"})
        answer = client.getresponse()
        return answer.status, answer.read().decode()
    finally:
        client.close()


def fault(net: Devnet, /, **asked: Any) -> dict[str, Any]:
    return post(net.ports[MAIN], "devnet_fault", **asked)


@contextmanager
def listening(port: Port, **subscribe: Any) -> Iterator[Connection]:
    with connect(port.ws_url, open_timeout=PATIENCE, close_timeout=1, max_size=None) as client:
        if subscribe:
            assert say(client, "subscribe", **subscribe)["status"] == "success"
        yield client


def say(client: Connection, command: str, **params: Any) -> dict[str, Any]:
    client.send(json.dumps({"command": command, "api_version": 2, "id": 1, **params}))
    return hear(client)


def hear(client: Connection) -> dict[str, Any]:
    message: dict[str, Any] = json.loads(client.recv(timeout=PATIENCE))
    return message


def raw(port: Port) -> socket.socket:
    at = urlsplit(port.url)
    assert at.hostname is not None
    assert at.port is not None
    return socket.create_connection((at.hostname, at.port), timeout=PATIENCE)


def until(true: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline, f"waited in vain until {what}"
        time.sleep(0.005)
