"""A node by WebSocket: what it announces, how it is asked, and what it does wrong."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from websockets.sync.server import ServerConnection

from neo_core.errors import ObservationFailed
from neo_core.gateways.xrpl.connecting.link import Closed
from tests.gateway.wire.servers import LIMITS, RIPPLE_EPOCH, Json, WebSocketNode, hash_of, linked, until

TWO = msgspec.structs.replace(LIMITS, request_timeout_seconds=0.3, ledger_timeout_seconds=1.0)


def test_the_first_ledger_is_the_newest_that_the_node_has() -> None:
    with WebSocketNode() as node, linked(node) as link:
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
        assert abs(closed.received_at - time.monotonic()) < 60
        assert link.node == f"ws://127.0.0.1:{node.port}/"
        assert link.server is not None
        assert link.server.public_key.startswith("n9")


def test_the_next_ledger_is_waited_for_on_the_same_connection() -> None:
    idles: list[int] = []
    with WebSocketNode() as node:

        def idle() -> None:
            idles.append(1)
            if len(idles) == 4:
                node.close_ledger()

        with linked(node, idle=idle) as link:
            link.next_ledger(None)
            idles.clear()
            assert link.next_ledger(100).ledger_index == 101
            assert len(idles) >= 4
            assert node.connections == 1


def test_of_ledgers_that_came_meanwhile_the_newest_is_given() -> None:
    with WebSocketNode() as node, linked(node) as link:
        link.next_ledger(None)
        for _ in range(3):
            node.close_ledger()
        link.ask([{"command": "ping"}])  # what the node said before it has arrived with this
        assert link.next_ledger(100).ledger_index == 103


def test_ledgers_that_are_told_twice_late_or_not_to_us_change_nothing() -> None:
    with WebSocketNode() as node, linked(node) as link:
        link.next_ledger(None)
        late = {**node.told(), "type": "ledgerClosed"}
        node.close_ledger(2)
        for message in (late, {**node.told(), "type": "ledgerClosed"}, {"type": "transaction"}, {"id": [1]}, {}):
            node.say(message)
        assert link.next_ledger(100).ledger_index == 102
        node.close_ledger()
        assert link.next_ledger(102).ledger_index == 103
        assert node.connections == 1


def test_requests_are_written_at_once_and_answers_matched_whatever_their_order() -> None:
    with WebSocketNode() as node, linked(node) as link:
        link.next_ledger(None)
        held: list[tuple[ServerConnection, Json]] = []

        def reply(ws: ServerConnection, request: Json) -> None:
            held.append((ws, request))
            if len(held) < 3:
                return
            ws.send(json.dumps({"id": 10**9, "result": {"echo": "nobody's"}}))
            ws.send(json.dumps({"id": True, "result": {"echo": "true"}}))
            node.close_ledger()
            for ws, request in reversed(held):
                node.answer(ws, request)
                node.answer(ws, request, {"echo": "a second time"})

        node.replies["look"] = reply
        answers = link.ask([{"command": "look", "n": n} for n in range(3)])
        assert [answer["echo"] for answer in answers] == [0, 1, 2]
        assert link.ask([{"command": "ping", "n": 7}]) == [{"echo": 7}]
        assert link.next_ledger(100).ledger_index == 101
        assert {request["api_version"] for request in node.seen} == {2}
        assert len({request["id"] for request in node.seen}) == len(node.seen)


def test_an_error_that_the_node_names_is_an_answer() -> None:
    with WebSocketNode() as node, linked(node) as link:
        link.next_ledger(None)
        node.replies["account_info"] = lambda ws, request: node.refuse(ws, request, "actNotFound")
        assert link.ask([{"command": "account_info"}])[0]["error"] == "actNotFound"
        assert link.ask([{"command": "ping", "n": 1}]) == [{"echo": 1}]


def test_nothing_asked_is_nothing_answered() -> None:
    with WebSocketNode() as node, linked(node) as link:
        link.next_ledger(None)
        assert link.ask([]) == []
        assert link.submit([]) == []


def test_without_a_connection_nothing_is_asked() -> None:
    with WebSocketNode() as node, linked(node) as link:
        with pytest.raises(ObservationFailed, match="is lost"):
            link.ask([{"command": "ping"}])
        assert node.seen == []


def refusing(error: str) -> Callable[[WebSocketNode, ServerConnection, Json], None]:
    return lambda node, ws, request: node.refuse(ws, request, error)


def saying(text: str | bytes) -> Callable[[WebSocketNode, ServerConnection, Json], None]:
    return lambda node, ws, request: ws.send(text)


DEEP = "[" * 100_000


@pytest.mark.parametrize(
    ("does", "said"),
    [
        (saying("no json"), "no JSON object"),
        (saying("[1]"), "no JSON object"),
        (saying('"\\ud800"'), "no JSON object"),
        (saying(DEEP), "no JSON object"),
        (saying('{"id": 1, "result":' + '{"a":' * 5000), "no JSON object"),
        (saying("1" * 10_000), "no JSON object"),
        (saying(b"{}"), "binary"),
        (saying("x" * (LIMITS.message_bytes + 1)), "larger message"),
        (lambda node, ws, request: ws.send("\udcff".encode("utf-8", "surrogateescape"), text=True), "not UTF-8"),
        (lambda node, ws, request: ws.send(json.dumps({"id": request["id"], "result": 5})), "without a result"),
        (lambda node, ws, request: ws.send(json.dumps({"id": request["id"]})), "without a result"),
        (lambda node, ws, request: node.drop(), "closed the connection"),
        (lambda node, ws, request: ws.close(1001), "code 1001"),
        (lambda node, ws, request: ws.close(1008), "code 1008, overloaded"),
        (lambda node, ws, request: None, "left 1 of 1 requests without an answer"),
        (lambda node, ws, request: node.close_ledger(ledger_index=-1), "ledger_index is no whole number"),
        (lambda node, ws, request: node.close_ledger(ledger_index=True), "ledger_index is no whole number"),
        (lambda node, ws, request: node.close_ledger(ledger_time="5"), "ledger_time is no whole number"),
        (lambda node, ws, request: node.close_ledger(fee_base=0.5), "fee_base is no whole number"),
        (lambda node, ws, request: node.close_ledger(ledger_hash="ABC"), "without a hash"),
        (lambda node, ws, request: node.close_ledger(0, ledger_hash="F" * 64), "two different ledgers 100"),
        (refusing("tooBusy"), "overloaded"),
        (refusing("slowDown"), "overloaded"),
        (refusing("noNetwork"), "not synced"),
        (refusing("notSynced"), "not synced"),
        (refusing("noCurrent"), "not synced"),
    ],
)
def test_what_is_no_answer_ends_the_connection(
    does: Callable[[WebSocketNode, ServerConnection, Json], Any], said: str
) -> None:
    limits = msgspec.structs.replace(LIMITS, request_timeout_seconds=0.5)
    with WebSocketNode() as node, linked(node, limits=limits) as link:
        link.next_ledger(None)
        node.replies["look"] = lambda ws, request: does(node, ws, request)
        with pytest.raises(ObservationFailed, match=said) as failed:
            link.ask([{"command": "look"}])
        assert str(failed.value).startswith(link.node)
        assert str(failed.value).isprintable()
        with pytest.raises(ObservationFailed, match="is lost"):
            link.ask([{"command": "ping"}])


def test_the_next_ledger_makes_a_new_connection_for_one_that_broke() -> None:
    with WebSocketNode() as node, linked(node) as link:
        link.next_ledger(None)
        node.replies["look"] = lambda ws, request: node.drop()
        with pytest.raises(ObservationFailed):
            link.ask([{"command": "look"}])
        node.ledger = 105
        assert link.next_ledger(100).ledger_index == 105
        assert link.ask([{"command": "ping", "n": 2}]) == [{"echo": 2}]
        assert node.connections == 2


def test_a_node_that_never_stops_talking_does_not_keep_an_answer_away() -> None:
    with WebSocketNode() as node, linked(node) as link:
        link.next_ledger(None)

        def chatter(ws: ServerConnection, request: Json) -> None:
            for _ in range(3000):
                ws.send('{"type":"transaction"}')
            node.answer(ws, request)

        node.replies["look"] = chatter
        assert link.ask([{"command": "look", "n": 3}]) == [{"echo": 3}]


def test_what_idle_raises_comes_through_and_the_connection_stays() -> None:
    def idle() -> None:
        if raising:
            raise KeyboardInterrupt

    raising = False
    with WebSocketNode() as node, linked(node, idle=idle) as link:
        link.next_ledger(None)
        raising = True
        with pytest.raises(KeyboardInterrupt):
            link.next_ledger(100)
        raising = False
        node.close_ledger()
        assert link.next_ledger(100).ledger_index == 101
        assert node.connections == 1


def test_blobs_leave_before_the_first_answer_is_read_and_each_gets_its_own() -> None:
    with WebSocketNode() as node, linked(node) as link:
        link.next_ledger(None)
        held: list[Json] = []

        def reply(ws: ServerConnection, request: Json) -> None:
            held.append(request)
            if len(held) == 50:
                for one in reversed(held):
                    node.answer(ws, one)

        node.replies["submit"] = reply
        blobs = [bytes([n]) * 300 for n in range(50)]
        answers = link.submit(blobs)
        assert [answer and answer["tx_blob"] for answer in answers] == [blob.hex().upper() for blob in blobs]
        assert {request["fail_hard"] for request in held} == {False}


def test_what_is_not_answered_in_time_is_unknown() -> None:
    with WebSocketNode() as node, linked(node, limits=TWO) as link:
        link.next_ledger(None)
        node.replies["submit"] = lambda ws, request: request["tx_blob"] == "01" or node.answer(ws, request)
        answers = link.submit([b"\0", b"\1", b"\2"])
        assert [answer is None for answer in answers] == [False, True, False]


def test_a_connection_that_breaks_on_the_way_leaves_the_rest_unknown() -> None:
    with WebSocketNode() as node, linked(node) as link:
        link.next_ledger(None)
        node.replies["submit"] = lambda ws, request: (
            node.answer(ws, request) if request["tx_blob"] == "00" else node.drop()
        )
        assert [answer is None for answer in link.submit([b"\0", b"\1", b"\2"])] == [False, True, True]


def test_a_refusal_for_load_is_the_answer_and_the_node_is_left() -> None:
    with WebSocketNode() as busy, WebSocketNode() as other, linked(busy, other) as link:
        link.next_ledger(None)
        busy.replies["submit"] = lambda ws, request: busy.refuse(ws, request, "tooBusy")
        [answer] = link.submit([b"\0"])
        assert answer is not None
        assert answer["error"] == "tooBusy"
        link.next_ledger(None)
        assert link.node == f"ws://127.0.0.1:{other.port}/"


def test_blobs_leave_although_the_connection_was_lost() -> None:
    with WebSocketNode() as node, linked(node) as link:
        link.next_ledger(None)
        node.replies["look"] = lambda ws, request: node.drop()
        with pytest.raises(ObservationFailed):
            link.ask([{"command": "look"}])
        [answer] = link.submit([b"\0"])
        assert answer is not None
        assert answer["engine_result"] == "tesSUCCESS"


def test_a_node_that_reads_nothing_keeps_nobody_waiting() -> None:
    stuck = threading.Event()
    limits = msgspec.structs.replace(LIMITS, request_timeout_seconds=0.5)
    with WebSocketNode() as node, linked(node, limits=limits) as link:
        link.next_ledger(None)
        node.replies["look"] = lambda ws, request: stuck.wait(20) and None
        started = time.monotonic()
        try:
            # Together far more than all the buffers on the way take.
            with pytest.raises(ObservationFailed, match="does not read what it is sent"):
                link.ask([{"command": "look", "at": "x" * 4000}] * 5000)
        finally:
            stuck.set()
        assert time.monotonic() - started < 5


def test_closing_does_not_wait_for_the_node() -> None:
    stuck = threading.Event()
    with WebSocketNode() as node:
        with linked(node, limits=TWO) as link:
            link.next_ledger(None)
            node.replies["look"] = lambda ws, request: stuck.wait(20) and None
            with pytest.raises(ObservationFailed):
                link.ask([{"command": "look"}])
            started = time.monotonic()
        stuck.set()
        assert time.monotonic() - started < 5
        until(lambda: len(node.asked("look")) == 1, "the request arrived")
