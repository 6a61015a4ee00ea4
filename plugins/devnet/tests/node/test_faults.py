"""Every fault that a devnet has on request, seen from outside."""

from __future__ import annotations

import json
import time

import pytest
from neo_devnet.hosting import MAIN, PUBLIC, SECOND
from websockets.exceptions import ConnectionClosed

from .making import founded
from .reaching import fault, hear, listening, post, post_bytes, say, served, until


def test_latency_delays_answers_by_either_road() -> None:
    with served() as (net, _):
        fault(net, latency_ms=120)
        began = time.monotonic()
        post(net.ports[MAIN], "ping")
        assert time.monotonic() - began >= 0.11
        with listening(net.ports[MAIN]) as client:
            began = time.monotonic()
            say(client, "ping")
            assert time.monotonic() - began >= 0.11


def test_a_dropped_connection_answers_nothing_and_does_nothing() -> None:
    with served() as (net, world):
        fault(net, drop=2, methods=["submit"])
        blob = world.blob(world.maker, TransactionType="AccountSet").hex()
        with pytest.raises((ConnectionError, OSError, Exception), match=r".+"):
            post(net.ports[MAIN], "submit", tx_blob=blob)
        with listening(net.ports[MAIN]) as client, pytest.raises(ConnectionClosed):
            say(client, "submit", tx_blob=blob)
        assert net.call(lambda: len(world.node.open.txs)) == 0
        assert post(net.ports[MAIN], "submit", tx_blob=blob)["engine_result"] == "tesSUCCESS"


def test_an_answer_can_be_lost_although_the_transaction_was_taken() -> None:
    with served() as (net, world):
        fault(net, drop_answer=1, methods=["submit"])
        blob = world.blob(world.maker, TransactionType="AccountSet").hex()
        with listening(net.ports[MAIN]) as client, pytest.raises(ConnectionClosed):
            say(client, "submit", tx_blob=blob)
        assert net.call(lambda: len(world.node.open.txs)) == 1
        assert post(net.ports[MAIN], "submit", tx_blob=blob)["engine_result"] == "tefPAST_SEQ"


def test_an_overloaded_server_says_so_in_plain_text_and_recovers() -> None:
    with served() as (net, _):
        fault(net, http_503=1, methods=["fee"])
        asked = json.dumps({"method": "fee"}).encode()
        assert post_bytes(net.ports[MAIN], asked) == (503, "Server is overloaded\r\n")
        assert post_bytes(net.ports[MAIN], asked)[0] == 200


def test_a_websocket_is_closed_with_1008() -> None:
    with served() as (net, _):
        fault(net, close_1008=1)
        with listening(net.ports[MAIN]) as client:
            with pytest.raises(ConnectionClosed) as closed:
                say(client, "ping")
            assert closed.value.rcvd is not None
            assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1008, "threshold exceeded")
        with listening(net.ports[MAIN]) as client:
            assert say(client, "ping")["status"] == "success"


def test_a_stream_can_end_in_1008_too() -> None:
    with served() as (net, _), listening(net.ports[MAIN], streams=["ledger"]) as client:
        fault(net, close_1008=1, methods=["stream"])
        net.accept()
        with pytest.raises(ConnectionClosed):
            hear(client)


def test_every_websocket_breaks_off_at_once() -> None:
    with served() as (net, _), listening(net.ports[MAIN], streams=["ledger"]) as client:
        fault(net, break_connections=True)
        with pytest.raises(ConnectionClosed) as closed:
            hear(client)
        assert closed.value.rcvd is None


def test_a_stale_node_validates_nothing_more_while_the_others_go_on() -> None:
    with served() as (net, world), listening(net.ports[MAIN], streams=["ledger"]) as client:
        fault(net, stale=True)
        sent = post(net.ports[MAIN], "submit", tx_blob=world.blob(world.maker, TransactionType="AccountSet").hex())
        net.accept()
        world.clock.now += 60
        main, second = net.ports[MAIN], net.ports[SECOND]
        assert [post(port, "ledger_closed")["ledger_index"] for port in (main, second)] == [6, 7]
        assert not post(main, "tx", transaction=sent["tx_json"]["hash"]).get("validated")
        assert post(second, "tx", transaction=sent["tx_json"]["hash"])["validated"]
        assert post(main, "server_info")["info"]["validated_ledger"]["age"] >= 60
        fault(net, stale=False)
        net.accept()
        assert hear(client)["ledger_index"] == 8


def test_a_gap_in_the_history_is_told_and_never_glossed_over() -> None:
    with served() as (net, world):
        for _ in range(4):
            net.accept()
        fault(net, gap=[4, 5])
        port, account = net.ports[MAIN], world.maker.address
        assert post(port, "server_info")["info"]["complete_ledgers"] == "2-3,6-10"
        assert post(port, "account_tx", account=account, ledger_index_min=3)["error"] == "lgrIdxMalformed"
        whole = post(port, "account_tx", account=account)
        assert (whole["ledger_index_min"], whole["ledger_index_max"]) == (6, 10)
        old = post(port, "account_tx", account=account, ledger_index_min=3, ledger_index_max=9, api_version=1)
        assert (old["ledger_index_min"], old["ledger_index_max"]) == (6, 9)
        assert post(port, "ledger", ledger_index=5)["error"] == "lgrNotFound"
        lost = world.node.history.get(5)
        assert lost is not None
        asked = {"transaction": lost.entered[0].tx.hash, "min_ledger": 3, "max_ledger": 6}
        answer = post(port, "tx", **asked)
        assert (answer["error"], answer["searched_all"]) == ("txnNotFound", False)
        assert post(net.ports[SECOND], "tx", **asked)["validated"]


def test_two_nodes_disagree_about_hash_and_index() -> None:
    with served() as (net, _), listening(net.ports[SECOND], streams=["ledger"]) as client:
        fault(net, port=SECOND, other_hash=True, lag=2)
        for _ in range(3):
            net.accept()
        main, second = net.ports[MAIN], net.ports[SECOND]
        here, there = post(main, "ledger_closed"), post(second, "ledger_closed")
        assert (here["ledger_index"], there["ledger_index"]) == (9, 7)
        here = post(main, "ledger", ledger_index=7)
        there = post(second, "ledger", ledger_index="validated")
        assert (here["ledger_index"], there["ledger_index"]) == (7, 7)
        assert here["ledger_hash"] != there["ledger_hash"]
        assert post(second, "ledger", ledger_hash=there["ledger_hash"])["ledger_index"] == 7
        assert post(second, "ledger", ledger_hash=here["ledger_hash"])["error"] == "lgrNotFound"
        assert [hear(client)["ledger_index"] for _ in range(3)] == [5, 6, 7]


@pytest.mark.parametrize(("name", "error"), [("too_busy", "tooBusy"), ("not_synced", "notSynced")])
def test_a_node_that_will_not_answer_now(name: str, error: str) -> None:
    with served() as (net, _):
        fault(net, **{name: 2, "methods": ["fee"]})
        assert [post(net.ports[MAIN], "fee").get("error") for _ in range(3)] == [error, error, None]
        with listening(net.ports[MAIN]) as client:
            fault(net, **{name: -1})
            answers = [say(client, "fee") for _ in range(3)]
            assert [(one["error"], one["status"], one["id"]) for one in answers] == [(error, "error", 1)] * 3


def test_a_node_without_its_network_says_so_and_tells_of_no_ledger() -> None:
    with served() as (net, _), listening(net.ports[MAIN]) as client:
        fault(net, not_synced=-1)
        info = post(net.ports[MAIN], "server_info")["info"]
        assert (info["server_state"], info["complete_ledgers"]) == ("disconnected", "empty")
        assert "validated_ledger" not in info
        assert say(client, "subscribe", streams=["ledger"])["result"] == {}
        net.accept()
        fault(net, clear=True)
        net.accept()
        assert hear(client)["ledger_index"] == 8


def test_stream_messages_come_twice_and_out_of_order() -> None:
    with served() as (net, _), listening(net.ports[MAIN], streams=["ledger"]) as client:
        fault(net, duplicate=True)
        net.accept()
        assert [hear(client)["ledger_index"] for _ in range(2)] == [7, 7]
        fault(net, duplicate=False, reorder=True)
        for _ in range(4):
            net.accept()
        assert [hear(client)["ledger_index"] for _ in range(4)] == [9, 8, 11, 10]


def test_answers_can_be_nonsense() -> None:
    with served() as (net, _):
        fault(net, garbage=2)
        status, text = post_bytes(net.ports[MAIN], b'{"method": "fee"}')
        assert status == 200
        with pytest.raises(json.JSONDecodeError):
            json.loads(text)
        with listening(net.ports[MAIN]) as client, pytest.raises(json.JSONDecodeError):
            say(client, "fee")


def test_a_loaded_server_warns() -> None:
    with served() as (net, _), listening(net.ports[MAIN]) as client:
        fault(net, warn_load=True)
        assert post(net.ports[MAIN], "fee")["warning"] == "load"
        answer = say(client, "fee")
        assert answer["warning"] == "load"
        assert "warning" not in answer["result"]


def test_a_ledger_can_take_twenty_seconds() -> None:
    """Four seconds of ledger time pass in a tenth of a second, so twenty more take half a second."""
    with served(founded(ledger_seconds=4.0), close_seconds=0.1) as (net, world):
        until(lambda: world.node.validated.index >= 8, "ledgers close by themselves")
        fault(net, slow_ledger_seconds=20)
        slow = net.call(lambda: world.node.open.index)
        until(lambda: world.node.validated.index >= slow + 1, "the slow ledger and the next have closed")
        closes = [world.node.history.get(index) for index in (slow - 1, slow, slow + 1)]
        before, late, after = [one.closed_at for one in closes if one is not None]
        assert before == late == after  # this world's clock stands: only ledger time tells
        times = [one.close_time for one in closes if one is not None]
        assert times[1] - times[0] >= 20
        assert times[2] - times[1] <= 10


def test_faults_are_cleared_and_wrong_ones_refused() -> None:
    with served() as (net, _):
        fault(net, port=SECOND, too_busy=5, gap=[3, 4])
        shown = fault(net, port=SECOND, clear=True)["faults"]
        assert (shown["too_busy"], shown["gap"]) == (0, None)
        for wrong in ({"no_such": 1}, {"drop": "many"}, {"port": "nowhere"}):
            answer = fault(net, **wrong)
            assert (answer["error"], answer["status"]) == ("invalidParams", "error")
        status, text = post_bytes(net.ports[PUBLIC], b'{"method": "devnet_fault", "params": [{"drop": 1}]}')
        assert (status, text) == (403, "Forbidden\r\n")
