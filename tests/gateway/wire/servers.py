"""Servers on loopback that say what a test wants them to say, well-behaved or not."""

from __future__ import annotations

import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

from neo_core.errors import ObservationFailed
from neo_core.gateways.xrpl.connecting.link import Clock, Limits
from neo_core.gateways.xrpl.connecting.nodes import Nodes

Json = dict[str, Any]
PATIENCE = 10.0
RIPPLE_EPOCH = 946_684_800
LIMITS = Limits(
    ledger_timeout_seconds=5.0, request_timeout_seconds=2.0, connect_timeout_seconds=2.0, poll_seconds=0.02
)


def hash_of(index: int) -> str:
    return f"{index:064X}"


def until(wanted: Callable[[], Any], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not wanted():
        assert time.monotonic() < deadline, f"it did not come to that: {what}"
        time.sleep(0.005)


class Chain:
    """What a node knows, and how it answers if nothing else is said."""

    def __init__(
        self, ledger: int = 100, *, network_id: int | None = 0, state: str = "full", age: int = 3
    ) -> None:
        self.ledger = ledger
        self.info: Json = {
            "build_version": "2.2.3",
            "complete_ledgers": f"2-{ledger}",
            "pubkey_node": "n9KwNJkfJZDQybtkQE1KkH6jE63qNAFPPwgUD7JaVLcpB5TfZzVL",
            "server_state": state,
            "validated_ledger": {
                "age": age,
                "base_fee_xrp": 1e-05,
                "hash": hash_of(ledger),
                "reserve_base_xrp": 1,
                "reserve_inc_xrp": 0.2,
                "seq": ledger,
            },
        }
        if network_id is not None:
            self.info["network_id"] = network_id
        self.seen: list[Json] = []
        self.connections = 0

    def asked(self, command: str) -> list[Json]:
        return [request for request in self.seen if request["command"] == command]

    def blobs(self) -> list[str]:
        return [request["tx_blob"] for request in self.asked("submit")]

    def told(self) -> Json:
        return {
            "fee_base": 10,
            "ledger_hash": hash_of(self.ledger),
            "ledger_index": self.ledger,
            "ledger_time": 800_000_000 + self.ledger,
            "reserve_base": 1_000_000,
            "reserve_inc": 200_000,
        }

    def result(self, request: Json) -> Json:
        match request["command"]:
            case "server_info":
                return {"info": self.info}
            case "subscribe":
                return self.told()
            case "ledger":
                return {
                    "ledger": {"close_time": 800_000_000 + self.ledger},
                    "ledger_hash": hash_of(self.ledger),
                    "ledger_index": self.ledger,
                    "validated": True,
                }
            case "submit":
                ways = {"applied": True, "broadcast": True, "kept": True, "queued": False}
                return {"engine_result": "tesSUCCESS", "tx_blob": request["tx_blob"], **ways}
            case _:
                return {"echo": request.get("n")}


Reply = Callable[[ServerConnection, Json], None]


class WebSocketNode(Chain):
    def __init__(self, *, tls: ssl.SSLContext | None = None, **known: Any) -> None:
        super().__init__(**known)
        self.replies: dict[str, Reply] = {}
        self._sockets: list[ServerConnection] = []
        self._server = serve(self._talk, "127.0.0.1", 0, ssl=tls, compression=None, close_timeout=0.2)
        self.port = self._server.socket.getsockname()[1]
        self.url = f"{'wss' if tls else 'ws'}://127.0.0.1:{self.port}/"
        self._thread = threading.Thread(target=self._server.serve_forever)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self.drop()
        self._thread.join()

    def open_connections(self) -> int:
        return len(self._sockets)

    def close_ledger(self, by: int = 1, **other: Any) -> None:
        self.ledger += by
        self.say({**self.told(), "type": "ledgerClosed", **other})

    def say(self, message: Json | str | bytes) -> None:
        for ws in list(self._sockets):
            with suppress(ConnectionClosed):
                ws.send(message if isinstance(message, str | bytes) else json.dumps(message))

    def end(self, code: int) -> None:
        for ws in list(self._sockets):
            ws.close(code)

    def drop(self) -> None:
        """As if the cable was cut."""
        for ws in list(self._sockets):
            with suppress(OSError):
                ws.socket.shutdown(socket.SHUT_RDWR)

    def answer(self, ws: ServerConnection, request: Json, result: Json | None = None, **other: Any) -> None:
        ws.send(
            json.dumps(
                {
                    "api_version": 2,
                    "id": request["id"],
                    "result": self.result(request) if result is None else result,
                    "status": "success",
                    "type": "response",
                    **other,
                }
            )
        )

    def refuse(self, ws: ServerConnection, request: Json, error: str) -> None:
        ws.send(json.dumps({"id": request["id"], "error": error, "status": "error", "type": "response"}))

    def _talk(self, ws: ServerConnection) -> None:
        self.connections += 1
        self._sockets.append(ws)
        with suppress(ConnectionClosed):
            for text in ws:
                request = json.loads(text)
                self.seen.append(request)
                self.replies.get(request["command"], self.answer)(ws, request)
        self._sockets.remove(ws)


class HttpNode(Chain):
    """`reply` may write whatever it likes; None: the usual answer."""

    def __init__(self, *, tls: ssl.SSLContext | None = None, **known: Any) -> None:
        super().__init__(**known)
        self.reply: Callable[[BaseHTTPRequestHandler, Json], bool] = lambda _handler, _request: False
        self.headers: list[dict[str, str]] = []
        node = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def setup(self) -> None:
                super().setup()
                node.connections += 1

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                request = {"command": body["method"], **body["params"][0]}
                node.seen.append(request)
                node.headers.append({**dict(self.headers), "path": self.path})
                if not node.reply(self, request):
                    respond(self, json.dumps({"result": {**node.result(request), "status": "success"}}))

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: object) -> None:
                pass  # a client that hangs up is what some tests are about

        self._server = Server(("127.0.0.1", 0), Handler)
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}/"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def respond(handler: BaseHTTPRequestHandler, text: str, status: int = 200, **headers: str) -> None:
    body = text.encode()
    handler.send_response(status)
    for name, value in {"Content-Length": str(len(body)), **headers}.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(body)


@contextmanager
def raw_server(talk: Callable[[socket.socket], None]) -> Iterator[int]:
    """Whatever is said is said by `talk`, to each connection in a thread of its own; gives the port."""
    listening = socket.create_server(("127.0.0.1", 0))
    threads: list[threading.Thread] = []
    open_ones: list[socket.socket] = []

    def one(connection: socket.socket) -> None:
        with suppress(OSError), connection:
            talk(connection)

    def serve_all() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listening.accept()
                open_ones.append(connection)
                thread = threading.Thread(target=one, args=(connection,))
                threads.append(thread)
                thread.start()

    accepting = threading.Thread(target=serve_all)
    accepting.start()
    try:
        yield listening.getsockname()[1]
    finally:
        with suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        for connection in open_ones:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in [accepting, *threads]:
            thread.join()


def closed_port() -> int:
    """One that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
    return port


@contextmanager
def linked(
    *nodes: Chain | str,
    network_id: int | None = 0,
    limits: Limits = LIMITS,
    clock: Clock = Clock(),
    idle: Callable[[], None] = lambda: None,
    alive: Callable[[], None] = lambda: None,
    jitter: float = 0.0,
) -> Iterator[Nodes]:
    urls = [node if isinstance(node, str) else node.url for node in nodes]  # type: ignore[attr-defined]
    link = Nodes(
        urls, network_id=network_id, jitter=lambda: jitter, idle=idle, alive=alive, limits=limits, clock=clock
    )
    try:
        yield link
    finally:
        link.close()


class HandClock:
    """Time passes when something waits, as fast as is wanted."""

    def __init__(self, step: float) -> None:
        self.time = 1000.0
        self.idled = 0
        self._step = step
        self.clock = Clock(monotonic=lambda: self.time, wall=lambda: 1.7e9, sleep=self._sleep)

    def _sleep(self, seconds: float) -> None:
        self.time += seconds

    def idle(self) -> None:
        self.idled += 1
        self.time += self._step


def uses(link: Nodes, node: WebSocketNode | HttpNode) -> bool:
    return f":{node.port}/" in link.node


def failure(link: Nodes, after: int | None = None) -> str:
    with pytest.raises(ObservationFailed) as failed:
        link.next_ledger(after)
    assert str(failed.value).isprintable()
    return str(failed.value)
