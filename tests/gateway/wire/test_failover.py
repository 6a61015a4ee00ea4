"""Several nodes: which one is used, when it is left, and when it is tried again."""

from __future__ import annotations

import itertools
import time
from http.server import BaseHTTPRequestHandler

import msgspec
import pytest
from websockets.sync.server import ServerConnection

from neo_core.errors import ObservationFailed
from tests.gateway.wire.servers import (
    LIMITS,
    HandClock,
    HttpNode,
    Json,
    WebSocketNode,
    closed_port,
    failure,
    linked,
    respond,
    until,
    uses,
)

BRIEF = msgspec.structs.replace(LIMITS, ledger_timeout_seconds=0.2, connect_timeout_seconds=2.0)
QUICK = msgspec.structs.replace(LIMITS, ledger_timeout_seconds=0.6, connect_timeout_seconds=0.3)
HASTY = msgspec.structs.replace(LIMITS, ledger_timeout_seconds=2.0, connect_timeout_seconds=0.5)
PATIENT = msgspec.structs.replace(LIMITS, ledger_timeout_seconds=30.0, request_timeout_seconds=30.0)


def test_the_first_node_is_used_as_long_as_it_works() -> None:
    with WebSocketNode() as first, WebSocketNode() as second, linked(first, second) as link:
        for index in range(100, 104):
            assert link.next_ledger(index - 1 if index > 100 else None).ledger_index == index
            first.close_ledger()
            second.close_ledger()
        assert uses(link, first)
        assert second.connections == 0


@pytest.mark.parametrize("first", ["ws", "http"])
def test_a_node_that_is_not_there_is_passed_over(first: str) -> None:
    with WebSocketNode() as node, linked(f"{first}://127.0.0.1:{closed_port()}/", node) as link:
        assert link.next_ledger(None).ledger_index == 100
        assert uses(link, node)


def test_with_nobody_there_each_is_named_with_what_it_did() -> None:
    ports = [closed_port(), closed_port()]
    with linked(f"ws://127.0.0.1:{ports[0]}/", f"http://127.0.0.1:{ports[1]}/", limits=QUICK) as link:
        assert failure(link) == (
            f"no new ledger for 0.6 s: ws://127.0.0.1:{ports[0]}/ refused the connection; "
            f"http://127.0.0.1:{ports[1]}/ refused the connection"
        )


def test_a_connection_that_breaks_while_waiting_goes_on_with_the_next_node() -> None:
    with (
        WebSocketNode() as first,
        HttpNode(ledger=101) as second,
        linked(first, second, idle=first.drop) as link,
    ):
        link.next_ledger(None)
        assert link.next_ledger(100).ledger_index == 101
        assert uses(link, second)
        assert link.ask([{"command": "look", "n": 1}])[0]["echo"] == 1
        assert second.asked("look")


@pytest.mark.parametrize(
    ("known", "said"),
    [
        ({"network_id": 1}, "on the network with id 1, expected 0"),
        ({"network_id": "0"}, "on the network with id '0', expected 0"),
        ({"state": "connected"}, "not synced with its network (its state is 'connected')"),
        ({"age": 300}, "its newest ledger is 300 s old"),
        ({"ledger": 94}, "is behind: it shows ledger 94, and 100 was seen before"),
    ],
)
@pytest.mark.parametrize("kind", [WebSocketNode, HttpNode])
def test_a_node_that_is_not_in_step_is_refused(
    kind: type[WebSocketNode | HttpNode], known: Json, said: str
) -> None:
    with kind(**known) as node, linked(node, limits=BRIEF) as link:
        sentence = failure(link, 100)
        assert said in sentence
        assert sentence.startswith(f"no new ledger for 0.2 s: {link.node} is")


@pytest.mark.parametrize("kind", [WebSocketNode, HttpNode])
def test_a_node_that_never_saw_its_network_is_refused(kind: type[WebSocketNode | HttpNode]) -> None:
    with kind() as node, linked(node, limits=BRIEF) as link:
        del node.info["validated_ledger"]
        node.info.update(complete_ledgers="empty", server_state="disconnected")
        assert "not synced with its network (its state is 'disconnected')" in failure(link)
        node.info.clear()
        assert "not synced with its network" in failure(link)


def test_a_node_without_a_network_id_is_on_mainnet_and_another_is_on_what_it_says() -> None:
    with WebSocketNode(network_id=None) as silent, WebSocketNode(network_id=21337) as other:
        with linked(silent) as link:
            assert link.next_ledger(None).ledger_index == 100
        with linked(silent, other, network_id=21337) as link:
            link.next_ledger(None)
            assert uses(link, other)
        with linked(other, network_id=None) as link:
            assert link.next_ledger(None).ledger_index == 100


def test_a_node_a_little_behind_is_waited_for() -> None:
    with WebSocketNode(ledger=97) as node:

        def idle() -> None:
            if node.ledger < 101 and node.asked("subscribe"):
                node.close_ledger()

        with linked(node, idle=idle) as link:
            assert link.next_ledger(100).ledger_index == 101


def test_a_silent_node_is_left_for_one_that_has_a_new_ledger_before_the_time_is_over() -> None:
    hand = HandClock(step=5.0)
    with (
        WebSocketNode() as silent,
        WebSocketNode(ledger=101) as other,
        linked(silent, other, limits=PATIENT, clock=hand.clock, idle=hand.idle) as link,
    ):
        link.next_ledger(None)
        started = hand.time
        assert uses(link, silent)
        assert link.next_ledger(100).ledger_index == 101
        assert uses(link, other)
        assert 15 <= hand.time - started < 30


def test_a_silent_connection_is_made_again_when_there_is_no_other_node() -> None:
    hand = HandClock(step=5.0)
    with WebSocketNode() as node, linked(node, limits=PATIENT, clock=hand.clock, idle=hand.idle) as link:
        link.next_ledger(None)
        node.ledger = 101  # and it is not announced
        assert link.next_ledger(100).ledger_index == 101
        assert node.connections == 2
        node.close_ledger()
        assert link.next_ledger(101).ledger_index == 102
        assert node.connections == 2


def test_when_no_node_has_a_new_ledger_the_observation_fails_in_time() -> None:
    hand = HandClock(step=5.0)
    with (
        WebSocketNode() as one,
        WebSocketNode() as two,
        linked(one, two, limits=PATIENT, clock=hand.clock, idle=hand.idle) as link,
    ):
        link.next_ledger(None)
        started = hand.time
        sentence = failure(link, 100)
        assert 30 <= hand.time - started <= 40
        assert "no new ledger for 30 s" in sentence
        assert f":{one.port}/ showed no ledger after 100" in sentence
        assert f":{two.port}/ is behind: it shows ledger 100" in sentence
        two.ledger = 101
        assert link.next_ledger(100).ledger_index == 101


def test_a_slow_ledger_is_waited_for() -> None:
    hand = HandClock(step=4.0)
    with WebSocketNode() as node:

        def idle() -> None:
            hand.idle()
            if hand.idled == 6:
                node.close_ledger()

        with linked(node, limits=PATIENT, clock=hand.clock, idle=idle) as link:
            link.next_ledger(None)
            hand.idled = 0
            assert link.next_ledger(100).ledger_index == 101


def test_the_better_node_is_used_again_once_it_is_back_and_no_ledger_is_missed() -> None:
    with WebSocketNode() as better, WebSocketNode() as other, linked(better, other) as link:
        link.next_ledger(None)
        better.replies["server_info"] = lambda ws, request: better.refuse(ws, request, "noNetwork")
        better.drop()
        other.close_ledger()
        assert link.next_ledger(100).ledger_index == 101
        assert uses(link, other)
        del better.replies["server_info"]
        better.ledger = 101
        index = 101
        deadline = time.monotonic() + 20
        while uses(link, other):
            assert time.monotonic() < deadline
            other.close_ledger()
            better.close_ledger()
            closed = link.next_ledger(index)
            assert closed.ledger_index == index + 1
            index = closed.ledger_index
            time.sleep(0.01)
        assert uses(link, better)


def test_a_better_node_that_is_behind_is_not_gone_back_to() -> None:
    with WebSocketNode() as better, WebSocketNode() as other, linked(better, other) as link:
        link.next_ledger(None)
        better.drop()
        other.close_ledger()
        link.next_ledger(100)
        before = len(better.asked("subscribe"))
        index = 101
        deadline = time.monotonic() + 20
        while len(better.asked("subscribe")) < before + 2:
            assert time.monotonic() < deadline
            other.close_ledger()
            index = link.next_ledger(index).ledger_index
            time.sleep(0.01)
        assert uses(link, other)


def overloaded_by_warning(ws: ServerConnection, request: Json, node: WebSocketNode) -> None:
    node.answer(ws, request, warning="load")


def test_a_node_that_warns_of_load_answers_once_more_and_is_left() -> None:
    with WebSocketNode() as busy, WebSocketNode() as other, linked(busy, other) as link:
        link.next_ledger(None)
        busy.replies["look"] = lambda ws, request: overloaded_by_warning(ws, request, busy)
        assert link.ask([{"command": "look", "n": 1}]) == [{"echo": 1}]
        assert uses(link, busy)
        index = 100
        deadline = time.monotonic() + 10
        while uses(link, busy):
            assert time.monotonic() < deadline
            busy.close_ledger()
            other.close_ledger()
            index = link.next_ledger(index).ledger_index
        assert busy.connections == 1


def test_a_node_that_warns_of_load_is_kept_when_there_is_no_other() -> None:
    with HttpNode() as node, linked(node) as link:
        link.next_ledger(None)
        node.reply = lambda handler, request: (
            respond(handler, '{"result": {"echo": 1, "warning": "load"}}') is None
        )
        assert link.ask([{"command": "look"}])[0]["echo"] == 1
        node.reply = lambda handler, request: False
        node.ledger = 101
        assert link.next_ledger(100).ledger_index == 101


@pytest.mark.parametrize(
    ("kind", "jitter", "first", "longest"), [("1008", 0.0, 2.5, 30), ("503", 0.0, 2.5, 30), ("503", 1.0, 5.0, 60)]
)
def test_an_overloaded_node_is_left_alone_for_longer_each_time(
    kind: str, jitter: float, first: float, longest: float
) -> None:
    hand = HandClock(step=0.25)
    tries: list[float] = []

    def reply(handler: BaseHTTPRequestHandler, request: Json) -> bool:
        if request["command"] == "server_info":
            tries.append(hand.time)
        respond(handler, "Server is overloaded\r\n", 503)
        return True

    def end(ws: ServerConnection, request: Json) -> None:
        tries.append(hand.time)
        ws.close(1008)

    limits = msgspec.structs.replace(PATIENT, ledger_timeout_seconds=200.0)
    with WebSocketNode() as ws, HttpNode() as http:
        ws.replies["server_info"] = end
        http.reply = reply
        node = ws if kind == "1008" else http
        with linked(node, limits=limits, clock=hand.clock, idle=hand.idle, jitter=jitter) as link:
            assert kind in failure(link)
    pauses = [later - earlier for earlier, later in itertools.pairwise(tries)]
    expected = [min(longest, first * 2**n) for n in range(len(pauses))]
    assert len(pauses) >= 4
    assert all(wanted <= pause < wanted + 2 for wanted, pause in zip(expected, pauses, strict=True))


def test_a_node_that_broke_is_tried_again_soon() -> None:
    hand = HandClock(step=0.05)
    tries: list[float] = []

    def drop(ws: ServerConnection, request: Json) -> None:
        tries.append(hand.time)
        ws.close(1011)

    limits = msgspec.structs.replace(PATIENT, ledger_timeout_seconds=60.0)
    with WebSocketNode() as node, linked(node, limits=limits, clock=hand.clock, idle=hand.idle) as link:
        node.replies["server_info"] = drop
        assert "code 1011" in failure(link)
    pauses = [later - earlier for earlier, later in itertools.pairwise(tries)]
    expected = [min(7.5, 0.25 * 2**n) for n in range(len(pauses))]
    assert all(wanted <= pause < wanted + 1 for wanted, pause in zip(expected, pauses, strict=True))


@pytest.mark.parametrize(("ledgers", "longest"), [(0, 8.5), (6, 1.0)])
def test_each_ledger_makes_good_for_one_failure(ledgers: int, longest: float) -> None:
    hand = HandClock(step=0.05)
    tries: list[float] = []
    with WebSocketNode() as node, linked(node, limits=PATIENT, clock=hand.clock, idle=hand.idle) as link:

        def fail_at_first(ws: ServerConnection, request: Json) -> None:
            tries.append(hand.time)
            if len(tries) > 6:
                node.answer(ws, request)
            else:
                ws.close(1011)

        node.replies["server_info"] = fail_at_first
        index = link.next_ledger(None).ledger_index
        for _ in range(ledgers):
            node.close_ledger()
            index = link.next_ledger(index).ledger_index
        node.ledger += 1
        node.drop()
        broke = hand.time
        assert link.next_ledger(index).ledger_index == index + 1
        assert longest - 1.5 < tries[-1] - broke < longest


def test_blobs_go_to_whoever_can_be_reached() -> None:
    with WebSocketNode() as node, linked(f"ws://127.0.0.1:{closed_port()}/", node) as link:
        [answer] = link.submit([b"\0"])
        assert answer is not None
        assert uses(link, node)
    with linked(f"ws://127.0.0.1:{closed_port()}/", limits=QUICK) as link:
        assert link.submit([b"\0", b"\1"]) == [None, None]


def test_nothing_interrupts_the_sending_of_blobs() -> None:
    def idle() -> None:
        raise KeyboardInterrupt

    for node in (WebSocketNode(), HttpNode()):
        with node, linked(f"ws://127.0.0.1:{closed_port()}/", node, idle=idle) as link:
            for _ in range(2):
                [answer] = link.submit([b"\0"])
                assert answer is not None


def test_a_closed_link_leaves_no_connection_behind() -> None:
    with WebSocketNode() as node:
        with linked(node) as link:
            link.next_ledger(None)
        until(lambda: not node.open_connections(), "the connection is closed")


def test_the_clock_of_the_link_is_the_one_it_was_given() -> None:
    with linked("ws://127.0.0.1:1/", clock=HandClock(1.0).clock) as link:
        assert link.now() == 1.7e9


def test_a_node_that_is_distrusted_is_left_for_the_next() -> None:
    with WebSocketNode() as first, WebSocketNode() as second, linked(first, second) as link:
        assert link.next_ledger(None).ledger_index == 100
        link.distrust(ObservationFailed("its answers cannot be"))
        assert link.next_ledger(None).ledger_index == 100
        assert uses(link, second)
        link.distrust(ObservationFailed("nor can these"))
        link.distrust(ObservationFailed("and nobody is asked any more"))
