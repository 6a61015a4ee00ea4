"""A node that does not answer what is submitted: how long it is waited for, who gets the blobs, who is heard."""

from __future__ import annotations

import itertools
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from websockets.sync.server import ServerConnection

from neo_core.errors import LeaseLost, ObservationFailed
from neo_core.gateways.xrpl.connecting.link import Clock, Limits
from neo_core.gateways.xrpl.connecting.nodes import Nodes
from neo_core.operators import Operator
from neo_core.store import Store
from neo_core.wiring.live import Idle
from tests.gateway.wire.servers import LIMITS, HttpNode, Json, WebSocketNode, linked, raw_server, uses

Node = WebSocketNode | HttpNode
KINDS = pytest.mark.parametrize("kind", [WebSocketNode, HttpNode])
SHORT = msgspec.structs.replace(LIMITS, submit_timeout_seconds=0.3, request_timeout_seconds=20.0)
LONG = msgspec.structs.replace(SHORT, submit_timeout_seconds=15.0)
FOUR = [bytes([n]) for n in range(4)]
HEX = [blob.hex() for blob in FOUR]


def swallow(node: Node, swallowed: Callable[[Json], bool] = lambda request: True) -> None:
    """Whatever is submitted is read and never answered; all else is as it was."""
    if isinstance(node, WebSocketNode):
        node.replies["submit"] = lambda ws, request: None if swallowed(request) else node.answer(ws, request)
    else:
        node.reply = lambda _, request: request["command"] == "submit" and swallowed(request)


def answer_again(node: Node) -> None:
    swallow(node, lambda request: False)


def answer_after(node: Node, seconds: float) -> None:
    def late(request: Json) -> bool:
        time.sleep(seconds if request["tx_blob"] == HEX[0] else 0)
        return False

    swallow(node, late)


def refuse(node: Node, **said: object) -> None:
    """It says of each blob that it does nothing with it."""

    nothing = dict.fromkeys(("applied", "broadcast", "kept", "queued"), False)
    result = {"engine_result": "tefPAST_SEQ", **nothing, **said}
    assert isinstance(node, WebSocketNode)
    node.replies["submit"] = lambda ws, request: node.answer(ws, request, result)


def unknown(link: Nodes, blobs: list[bytes] = FOUR) -> list[bool]:
    return [answer is None for answer in link.submit(blobs)]


def test_answers_are_waited_for_less_than_half_of_what_a_ledger_takes() -> None:
    assert 1.0 < Limits().submit_timeout_seconds < 2.0


@KINDS
def test_a_node_that_leaves_blobs_unanswered_is_waited_for_a_short_time(kind: type[Node]) -> None:
    with kind() as node, linked(node, limits=SHORT) as link:
        link.next_ledger(None)
        swallow(node)
        started = time.monotonic()
        assert unknown(link) == [True] * 4
        assert 0.3 <= time.monotonic() - started < 3
        assert sorted(node.blobs()) == HEX


@KINDS
def test_no_answer_is_waited_for_longer_than_a_request_may_take(kind: type[Node]) -> None:
    limits = msgspec.structs.replace(SHORT, submit_timeout_seconds=15.0, request_timeout_seconds=0.4)
    with kind() as node, linked(node, limits=limits) as link:
        link.next_ledger(None)
        swallow(node)
        started = time.monotonic()
        assert unknown(link) == [True] * 4
        assert 0.4 <= time.monotonic() - started < 3


@KINDS
def test_a_node_that_answers_late_but_in_time_is_heard_and_kept(kind: type[Node]) -> None:
    with kind() as node, kind() as other, linked(node, other) as link:
        link.next_ledger(None)
        answer_after(node, 1.0)
        assert unknown(link) == [False] * 4
        assert uses(link, node)
        assert other.connections == 0


@KINDS
@pytest.mark.parametrize("healthy", [WebSocketNode, HttpNode])
def test_what_is_left_unanswered_goes_to_another_node_at_once(kind: type[Node], healthy: type[Node]) -> None:
    with kind() as first, healthy() as second, linked(first, second, limits=SHORT) as link:
        link.next_ledger(None)
        swallow(first)
        started = time.monotonic()
        answers = link.submit(FOUR)
        assert [answer and answer["tx_blob"].lower() for answer in answers] == HEX
        assert time.monotonic() - started < 3
        assert sorted(first.blobs()) == sorted(second.blobs()) == HEX
        assert uses(link, second)
        # From now on it is the one that is asked.
        started = time.monotonic()
        assert unknown(link) == [False] * 4
        assert time.monotonic() - started < 0.3
        assert sorted(first.blobs()) == HEX


def test_what_was_answered_is_not_sent_to_another_node() -> None:
    with WebSocketNode() as first, WebSocketNode() as second, linked(first, second, limits=SHORT) as link:
        link.next_ledger(None)
        swallow(first, lambda request: request["tx_blob"] in HEX[1:3])
        answers = link.submit(FOUR)
        assert [answer and answer["tx_blob"] for answer in answers] == HEX
        assert second.blobs() == HEX[1:3]


@KINDS
def test_a_connection_that_breaks_on_the_way_sends_the_rest_to_another_node(kind: type[Node]) -> None:
    def drop(ws: ServerConnection, request: Json) -> None:
        first.answer(ws, request) if request["tx_blob"] == HEX[0] else first.drop()

    with WebSocketNode() as first, kind() as second, linked(first, second) as link:
        link.next_ledger(None)
        first.replies["submit"] = drop
        assert unknown(link) == [False] * 4
        assert sorted(second.blobs()) == HEX[1:]


@pytest.mark.parametrize(
    ("said", "is_unknown"),
    [
        ({}, True),
        ({"engine_result": "tefMAX_LEDGER"}, True),
        ({"engine_result": "terQUEUED", "queued": True}, False),
        ({"engine_result": "tecUNFUNDED_OFFER", "applied": True}, False),
        ({"engine_result": "telINSUF_FEE_P", "kept": True}, False),
    ],
)
def test_another_node_cannot_refuse_what_may_have_left_by_the_first(said: Json, is_unknown: bool) -> None:
    with WebSocketNode() as first, WebSocketNode() as second, linked(first, second, limits=SHORT) as link:
        link.next_ledger(None)
        swallow(first)
        refuse(second, **said)
        assert unknown(link) == [is_unknown] * 4
        # The one that is asked first can.
        assert unknown(link) == [False] * 4


@KINDS
def test_with_no_node_that_answers_each_is_tried_once_and_one_is_kept_for_its_ledgers(kind: type[Node]) -> None:
    with kind() as first, kind() as second, linked(first, second, limits=SHORT) as link:
        link.next_ledger(None)
        swallow(first)
        swallow(second)
        started = time.monotonic()
        assert unknown(link) == [True] * 4
        assert time.monotonic() - started < 3
        assert sorted(first.blobs()) == sorted(second.blobs()) == HEX
        assert unknown(link) == [True] * 4
        assert len(first.blobs()) == 4  # it has just shown that it does not answer
        for node in (first, second):
            node.ledger = 101
            if isinstance(node, WebSocketNode):
                node.close_ledger()
        assert link.next_ledger(100).ledger_index > 100
        assert uses(link, second)


@KINDS
def test_the_only_node_is_kept_and_heard_again_once_it_answers(kind: type[Node]) -> None:
    with kind() as node, linked(node, limits=SHORT) as link:
        link.next_ledger(None)
        swallow(node)
        for _ in range(3):
            assert unknown(link, FOUR[:1]) == [True]
        answer_again(node)
        assert unknown(link) == [False] * 4
        assert link.ask([{"command": "look", "n": 1}])[0]["echo"] == 1


def test_an_answer_that_comes_too_late_is_nobody_elses() -> None:
    held: list[tuple[ServerConnection, Json]] = []
    with WebSocketNode() as node, linked(node, limits=SHORT) as link:
        link.next_ledger(None)
        node.replies["submit"] = lambda ws, request: held.append((ws, request))
        assert unknown(link, FOUR[:2]) == [True, True]

        def late(ws: ServerConnection, request: Json) -> None:
            for one in held:
                node.answer(*one)
            node.answer(ws, request)

        node.replies["submit"] = late
        [answer] = link.submit([FOUR[3]])
        assert answer is not None
        assert answer["tx_blob"] == HEX[3]
        assert node.connections == 1


def test_a_better_node_that_swallows_blobs_is_not_gone_back_to_for_longer_each_time() -> None:
    skipped = 0.0
    limits = msgspec.structs.replace(SHORT, connect_timeout_seconds=10.0)

    def now() -> float:
        return time.monotonic() + skipped

    away: list[float] = []
    with (
        WebSocketNode() as better,
        WebSocketNode() as other,
        linked(better, other, limits=limits, clock=Clock(monotonic=now)) as link,
    ):
        index = link.next_ledger(None).ledger_index
        swallow(better)
        for _ in range(3):
            assert unknown(link) == [False] * 4
            assert uses(link, other)
            left = now()
            while uses(link, other):
                assert now() < left + 200
                for node in (better, other):
                    node.close_ledger()
                index = link.next_ledger(index).ledger_index
                skipped += 0.5
                time.sleep(0.01)
            away.append(now() - left)
        answer_again(better)
        assert unknown(link) == [False] * 4
        assert uses(link, better)
    assert all(expected <= seconds < expected + 15 for expected, seconds in zip((15, 30, 60), away, strict=True))


# --- who is heard meanwhile ---


def insisting_after(calls: int) -> Callable[[], None]:
    counted = itertools.count()

    def alive() -> None:
        if next(counted) >= calls:
            raise ObservationFailed("a second signal came")

    return alive


@KINDS
@pytest.mark.parametrize("calls", [0, 2])
def test_whoever_insists_ends_the_wait_for_answers(kind: type[Node], calls: int) -> None:
    with (
        kind() as node,
        kind() as other,
        linked(node, other, limits=LONG, alive=insisting_after(calls)) as link,
    ):
        link.next_ledger(None)
        swallow(node)
        started = time.monotonic()
        assert unknown(link) == [True] * 4
        assert time.monotonic() - started < 5
        assert sorted(node.blobs()) == HEX
        assert other.connections == 0


def test_what_was_answered_before_somebody_insisted_is_told() -> None:
    with WebSocketNode() as node, linked(node, limits=LONG, alive=insisting_after(3)) as link:
        link.next_ledger(None)
        swallow(node, lambda request: request["tx_blob"] == HEX[3])
        assert unknown(link) == [False, False, False, True]


def test_whoever_insists_ends_the_wait_for_another_node() -> None:
    with (
        WebSocketNode() as node,
        raw_server(lambda connection: connection.recv(10_000) and connection.recv(1) and None) as port,
        linked(node, f"ws://127.0.0.1:{port}/", limits=LONG, alive=insisting_after(1)) as link,
    ):
        link.next_ledger(None)
        node.replies["submit"] = lambda ws, request: node.drop()
        started = time.monotonic()
        assert unknown(link) == [True] * 4
        assert time.monotonic() - started < 1.5


def test_whoever_insists_ends_the_wait_for_a_connection() -> None:
    with (
        raw_server(lambda connection: connection.recv(10_000) and connection.recv(1) and None) as port,
        linked(f"ws://127.0.0.1:{port}/", limits=LONG, alive=insisting_after(2)) as link,
    ):
        started = time.monotonic()
        assert unknown(link) == [True] * 4
        assert time.monotonic() - started < 1.5


def test_no_node_keeps_blobs_waiting_for_a_connection() -> None:
    with (
        raw_server(lambda connection: connection.recv(10_000) and connection.recv(1) and None) as port,
        WebSocketNode() as node,
        linked(f"ws://127.0.0.1:{port}/", node, limits=SHORT) as link,
    ):
        started = time.monotonic()
        assert unknown(link) == [False] * 4
        assert 0.3 <= time.monotonic() - started < 1.5


@KINDS
def test_a_lost_lease_is_raised_while_answers_are_waited_for(kind: type[Node]) -> None:
    def alive() -> None:
        raise LeaseLost("another process trades")

    with kind() as node, kind() as other, linked(node, other, limits=LONG, alive=alive) as link:
        link.next_ledger(None)
        swallow(node)
        started = time.monotonic()
        with pytest.raises(LeaseLost):
            link.submit(FOUR)
        assert time.monotonic() - started < 5
        assert other.connections == 0


# --- with what a live session is alive by ---


class Trading:
    """A session of engine "neo" that has begun, in a database, and its operator."""

    def __init__(self, folder: Path) -> None:
        self.store = Store.open(f"sqlite:///{(folder / 'neo.db').as_posix()}")
        self.store.hold("neo", 0.6)
        opened = self.store.begin(
            "neo", mode="paper", account="wallet-1", started_at=0.0, plugins=[], config={}, sources=[]
        )
        self.operator = Operator(lambda: (None, None))
        self.idle = Idle(self.operator, self.store, opened.state.session, 30.0, alone=False)


@pytest.mark.rule("INT-X1")
@KINDS
def test_the_lease_is_renewed_while_answers_are_waited_for(tmp_path: Path, kind: type[Node]) -> None:
    trading = Trading(tmp_path)
    limits = msgspec.structs.replace(LONG, submit_timeout_seconds=1.5)
    with kind() as node, linked(node, limits=limits, alive=trading.idle.while_sending) as link:
        link.next_ledger(None)
        swallow(node)
        assert unknown(link) == [True] * 4
        with closing(sqlite3.connect(tmp_path / "neo.db")) as database:
            [(beaten_at,)] = database.execute("SELECT beaten_at FROM leases")
        assert time.time() - beaten_at < 0.6
    trading.store.close()


@KINDS
def test_a_first_signal_changes_nothing_while_blobs_are_sent_and_a_second_ends_the_wait(
    tmp_path: Path, kind: type[Node]
) -> None:
    trading = Trading(tmp_path)
    with kind() as node, linked(node, limits=LONG, alive=trading.idle.while_sending) as link:
        link.next_ledger(None)
        trading.operator.signal("SIGINT")
        answer_after(node, 0.3)
        assert unknown(link) == [False] * 4
        swallow(node)
        trading.operator.signal("SIGINT")
        started = time.monotonic()
        assert unknown(link) == [True] * 4
        assert time.monotonic() - started < 3
    trading.store.close()
