"""A node by JSON-RPC: how it is asked for ledgers, and what it does wrong."""

from __future__ import annotations

import itertools
import socket
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import Any

import msgspec
import pytest

from neo_core.errors import ObservationFailed
from neo_core.gateways.xrpl.connecting.link import Closed
from tests.gateway.wire.servers import (
    LIMITS,
    RIPPLE_EPOCH,
    HttpNode,
    Json,
    hash_of,
    linked,
    raw_server,
    respond,
)

BRIEF = msgspec.structs.replace(LIMITS, request_timeout_seconds=0.3, ledger_timeout_seconds=0.5)
QUICK = msgspec.structs.replace(LIMITS, request_timeout_seconds=0.5, ledger_timeout_seconds=1.0)


def test_the_first_ledger_is_the_newest_that_the_node_has() -> None:
    with HttpNode() as node, linked(node) as link:
        closed = link.next_ledger(None)
        assert closed == Closed(
            ledger_index=100,
            ledger_hash=hash_of(100),
            close_time=RIPPLE_EPOCH + 800_000_100,
            fee_base=10,
            reserve_base=1_000_000,
            reserve_inc=200_000,
            received_at=closed.received_at,
        )
        assert link.node == f"http://127.0.0.1:{node.port}/"


def test_the_next_ledger_is_asked_for_until_it_is_there_and_fees_are_read_with_it() -> None:
    with HttpNode() as node:

        def idle() -> None:
            if len(node.asked("ledger")) >= 4:
                node.ledger = 101
                node.info["validated_ledger"]["base_fee_xrp"] = 1.2e-05

        with linked(node, idle=idle) as link:
            link.next_ledger(None)
            closed = link.next_ledger(100)
            assert (closed.ledger_index, closed.ledger_hash, closed.fee_base) == (101, hash_of(101), 12)
            assert len(node.asked("ledger")) >= 5


def test_it_is_not_asked_more_often_than_it_was_said() -> None:
    times: list[float] = []
    with HttpNode() as node:

        def reply(handler: BaseHTTPRequestHandler, request: Json) -> bool:
            if request["command"] == "ledger":
                times.append(time.monotonic())
                node.ledger = 99 + len(times)
            return False

        node.reply = reply
        with linked(node, limits=msgspec.structs.replace(LIMITS, poll_seconds=0.15)) as link:
            assert link.next_ledger(None).ledger_index == 100
            assert link.next_ledger(102).ledger_index == 103
    assert all(later - earlier > 0.1 for earlier, later in itertools.pairwise(times))


def test_many_requests_share_four_kept_connections_and_are_answered_in_order() -> None:
    at_once, most = 0, 0
    lock = threading.Lock()

    def reply(handler: BaseHTTPRequestHandler, request: Json) -> bool:
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
        time.sleep(0.01)  # long enough for others to arrive
        with lock:
            at_once -= 1
        return False

    with HttpNode() as node, linked(node) as link:
        link.next_ledger(None)
        node.reply = reply
        for _ in range(2):
            answers = link.ask([{"command": "look", "n": n} for n in range(11)])
            assert [answer["echo"] for answer in answers] == [*range(11)]
        assert node.connections == 4
        assert 2 <= most <= 4
        assert {request["api_version"] for request in node.seen} == {2}


def test_an_error_that_the_node_names_is_an_answer() -> None:
    def reply(handler: BaseHTTPRequestHandler, request: Json) -> bool:
        respond(handler, '{"result": {"error": "actNotFound", "status": "error"}}')
        return True

    with HttpNode() as node, linked(node) as link:
        link.next_ledger(None)
        node.reply = reply
        assert link.ask([{"command": "account_info"}])[0]["error"] == "actNotFound"


def test_a_connection_that_the_node_closed_meanwhile_is_made_again() -> None:
    def last_one(handler: BaseHTTPRequestHandler, request: Json) -> bool:
        handler.close_connection = True
        return False

    with HttpNode() as node, linked(node) as link:
        link.next_ledger(None)
        node.reply = last_one
        for n in range(5):
            assert link.ask([{"command": "look", "n": n}])[0]["echo"] == n
        assert node.connections > 4


def test_a_connection_that_breaks_as_it_is_written_to_is_made_again_once() -> None:
    drops = 1

    def reply(handler: BaseHTTPRequestHandler, request: Json) -> bool:
        nonlocal drops
        if drops == 0:
            return False
        drops -= 1
        handler.connection.shutdown(socket.SHUT_RDWR)
        handler.close_connection = True
        return True

    with HttpNode() as node, linked(node) as link:
        link.next_ledger(None)
        node.reply = reply
        assert link.ask([{"command": "look", "n": 1}])[0]["echo"] == 1
        drops = 2
        with pytest.raises(ObservationFailed, match="closed the connection"):
            link.ask([{"command": "look", "n": 1}])


def sending(text: str, status: int = 200, **headers: str) -> Callable[[BaseHTTPRequestHandler], None]:
    return lambda handler: respond(handler, text, status, **headers)


def raw(data: bytes) -> Callable[[BaseHTTPRequestHandler], Any]:
    return lambda handler: handler.connection.sendall(data)


@pytest.mark.parametrize(
    ("does", "said"),
    [
        (sending("Server is overloaded\r\n", 503), "HTTP 503"),
        (sending("", 429), "HTTP 429"),
        (sending("Forbidden\r\n", 403), "HTTP 403"),
        (sending("", 301, Location="http://127.0.0.1:1/"), "HTTP 301"),
        (sending("no json"), "no JSON object"),
        (sending("[" * 100_000), "no JSON object"),
        (sending("[]"), "no JSON object"),
        (sending(""), "no JSON object"),
        (sending("{}"), "without a result"),
        (sending('{"result": 5}'), "without a result"),
        (sending('{"result": {"error": "tooBusy"}}'), "overloaded"),
        (sending('{"result": {"error": "noNetwork"}}'), "not synced"),
        (raw(b"NONSENSE\r\n\r\n"), "does not speak HTTP"),
        (raw(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n"), "does not speak HTTP"),
        (raw(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\n\r\n"), "does not speak HTTP"),
        (raw(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{}"), "did not answer in time"),
        (raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffff\r\n{}"), "did not answer in time"),
        (lambda handler: None, "did not answer in time"),
    ],
)
def test_what_is_no_answer_ends_the_connection(does: Callable[[BaseHTTPRequestHandler], Any], said: str) -> None:
    def reply(handler: BaseHTTPRequestHandler, request: Json) -> bool:
        does(handler)
        return True

    with HttpNode() as node, linked(node, limits=QUICK) as link:
        link.next_ledger(None)
        node.reply = reply
        with pytest.raises(ObservationFailed, match=said) as failed:
            link.ask([{"command": "look"}])
        assert str(failed.value).startswith(link.node)
        with pytest.raises(ObservationFailed, match="is lost"):
            link.ask([{"command": "look"}])


def test_an_answer_that_ends_too_early_is_none() -> None:
    def reply(handler: BaseHTTPRequestHandler, request: Json) -> bool:
        handler.connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{}")
        handler.connection.shutdown(socket.SHUT_RDWR)
        handler.close_connection = True
        return True

    with HttpNode() as node, linked(node, limits=QUICK) as link:
        link.next_ledger(None)
        node.reply = reply
        with pytest.raises(ObservationFailed, match="in the middle of an answer"):
            link.ask([{"command": "look"}])


@pytest.mark.parametrize(
    "head", [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n"]
)
def test_a_body_that_never_ends_is_left_in_time(head: bytes) -> None:
    idled = []

    def drip(connection: socket.socket) -> None:
        connection.recv(10_000)
        connection.sendall(head)
        while True:
            connection.sendall(b" ")
            time.sleep(0.01)

    started = time.monotonic()
    with (
        raw_server(drip) as port,
        linked(f"http://127.0.0.1:{port}", limits=BRIEF, idle=lambda: idled.append(1)) as link,
        pytest.raises(ObservationFailed, match="did not answer in time"),
    ):
        link.next_ledger(None)
    assert time.monotonic() - started < 5
    assert len(idled) >= 2


def test_an_answer_that_is_too_large_is_left() -> None:
    def flood(handler: BaseHTTPRequestHandler, request: Json) -> bool:
        handler.connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        chunk = b"100000\r\n" + b" " * 0x100000 + b"\r\n"
        for _ in range(40):
            handler.connection.sendall(chunk)
        return True

    with HttpNode() as node, linked(node) as link:
        link.next_ledger(None)
        node.reply = flood
        with pytest.raises(ObservationFailed, match="larger answer"):
            link.ask([{"command": "look"}])


def test_idle_is_called_while_an_answer_is_waited_for_and_may_end_it() -> None:
    asked = threading.Event()

    def idle() -> None:
        if asked.is_set():
            raise KeyboardInterrupt

    def reply(handler: BaseHTTPRequestHandler, request: Json) -> bool:
        if request["command"] != "look":
            return False
        asked.set()
        ended.wait(10)
        respond(handler, '{"result": {"echo": "late"}}')
        return True

    ended = threading.Event()
    with HttpNode() as node, linked(node, idle=idle) as link:
        link.next_ledger(None)
        node.reply = reply
        with pytest.raises(KeyboardInterrupt):
            link.ask([{"command": "look"}])
        ended.set()
        # The answer that is still owed is not taken for the one to the next request.
        asked.clear()
        assert link.ask([{"command": "ping", "n": 5}])[0]["echo"] == 5


def test_blobs_get_their_own_answers_and_what_is_not_answered_is_unknown() -> None:
    def reply(handler: BaseHTTPRequestHandler, request: Json) -> bool:
        return request["tx_blob"] == "05"

    with HttpNode() as node, linked(node, limits=QUICK) as link:
        link.next_ledger(None)
        answers = link.submit([bytes([n]) for n in range(5)])
        assert [answer and answer["tx_blob"] for answer in answers] == ["00", "01", "02", "03", "04"]
        assert {request["fail_hard"] for request in node.asked("submit")} == {False}
        node.reply = reply
        assert [answer is None for answer in link.submit([b"\4", b"\5", b"\6"])] == [False, True, True]


def test_user_and_query_are_sent_and_never_shown() -> None:
    with HttpNode() as node:
        url = f"http://us%3Aer:pass@127.0.0.1:{node.port}/a/0123456789abcdef0123/?key=hidden"
        with linked(url) as link:
            link.next_ledger(None)
            assert link.node == f"http://127.0.0.1:{node.port}/a/…/"
            assert node.headers[0]["path"] == "/a/0123456789abcdef0123/?key=hidden"
            assert node.headers[0]["Authorization"] == "Basic dXM6ZXI6cGFzcw=="
            assert node.headers[0]["Host"] == f"127.0.0.1:{node.port}"
