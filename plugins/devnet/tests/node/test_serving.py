"""Real sockets, and traffic that should stop nobody."""

from __future__ import annotations

import json
import random
import socket
import time
from contextlib import suppress

import pytest
from neo_devnet.hosting import MAIN, PUBLIC, Devnet, running
from neo_devnet.serve import Port
from websockets.exceptions import ConnectionClosed

from .making import founded
from .reaching import PATIENCE, SHORT, hear, listening, post, post_bytes, raw, say, served, until

NOT_JSON = "Unable to parse request: * Line 1, Column 1\n  Syntax error: value, object or array expected.\n\r\n"


def alive(port: Port) -> bool:
    return bool(post(port, "ping")["status"] == "success")


@pytest.mark.parametrize(
    ("body", "status", "text"),
    [
        (b"not json", 400, NOT_JSON),
        (b"", 400, NOT_JSON),
        (b"[]", 400, NOT_JSON),
        (b"[" * 100_000, 400, NOT_JSON),
        (b"\xff\xfe\x00", 400, NOT_JSON),
        (b'{"method": ', 400, NOT_JSON),
        (b'{"params": [{}]}', 400, "Null method\r\n"),
        (b'{"method": 7}', 400, "method is not string\r\n"),
        (b'{"method": ""}', 400, "method is empty\r\n"),
        (b'{"method": "fee", "params": [1, 2]}', 400, "params unparseable\r\n"),
        (b'{"method": "fee", "params": ["x"]}', 400, "params unparseable\r\n"),
        (b'{"method": "fee", "params": [{"api_version": 9}]}', 400, "invalid_API_version\r\n"),
        (b'{"method": "ledger_accept"}', 403, "Forbidden\r\n"),
    ],
)
def test_requests_that_are_none_get_the_text_that_rippled_gives(body: bytes, status: int, text: str) -> None:
    with served() as (net, _):
        assert post_bytes(net.ports[PUBLIC], body) == (status, text)
        assert alive(net.ports[PUBLIC])


def test_empty_params_of_every_form_are_none() -> None:
    with served() as (net, _):
        for params in (b"", b', "params": {}', b', "params": []', b', "params": [null]', b', "params": null'):
            assert post_bytes(net.ports[MAIN], b'{"method": "ping"' + params + b"}")[0] == 200


def test_what_json_rpc_2_sends_along_comes_back() -> None:
    with served() as (net, _):
        _, text = post_bytes(net.ports[MAIN], b'{"method": "ping", "jsonrpc": "2.0", "id": 17}')
        assert {name: json.loads(text)[name] for name in ("jsonrpc", "id")} == {"jsonrpc": "2.0", "id": 17}


def test_a_body_that_is_too_long_is_refused() -> None:
    with served(limits=SHORT) as (net, _):
        assert post_bytes(net.ports[MAIN], b'{"x": "' + b"y" * 30_000 + b'"}') == (400, NOT_JSON)
        with listening(net.ports[MAIN]) as client:
            client.send(b"x" * 30_000)
            with pytest.raises(ConnectionClosed):
                hear(client)
        assert alive(net.ports[MAIN])


@pytest.mark.parametrize(
    "start",
    [
        b"",
        b"POST / HTTP/1.1\r\nHost: x\r\nX-Slow: ",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{",
    ],
)
def test_who_sends_too_slowly_is_let_go(start: bytes) -> None:
    with served(limits=SHORT) as (net, _), raw(net.ports[MAIN]) as slow:
        slow.sendall(start)
        began = time.monotonic()
        assert _ended(slow)
        assert time.monotonic() - began < PATIENCE / 2
        assert alive(net.ports[MAIN])


def _ended(connection: socket.socket) -> bool:
    try:
        while connection.recv(65_536):
            pass
    except ConnectionError:
        pass
    return True


def test_too_many_connections_are_turned_away_and_room_is_made_again() -> None:
    with served(limits=SHORT) as (net, _):
        crowd = [raw(net.ports[MAIN]) for _ in range(SHORT.connections)]
        with raw(net.ports[MAIN]) as one_more:
            assert _ended(one_more)
        for one in crowd:
            one.close()
        until(lambda: _answers(net.ports[MAIN]), "there is room again")


def _answers(port: Port) -> bool:
    try:
        return alive(port)
    except OSError:
        return False


def test_a_reader_that_does_not_read_is_dropped_and_the_others_hear_everything() -> None:
    with served(limits=SHORT) as (net, _), listening(net.ports[MAIN], streams=["ledger"]) as client:
        deaf = raw(net.ports[MAIN])
        deaf.sendall(_upgrade())
        _read_until(deaf, b"\r\n\r\n")
        until(lambda: net.call(lambda: len(net.ports[MAIN].connections)) == 2, "both are connected")
        asking = _masked(b'{"command": "feature"}')
        with suppress(ConnectionError):
            for _ in range(20):  # each answer is some ten thousand bytes, and nobody reads them
                deaf.sendall(asking * 100)
        until(lambda: net.call(lambda: len(net.ports[MAIN].connections)) == 1, "who does not read is gone")
        deaf.close()
        net.accept()
        assert hear(client)["ledger_index"] == 7


def _upgrade() -> bytes:
    return (
        b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )


def _masked(text: bytes) -> bytes:
    assert len(text) < 126
    return bytes([0x81, 0x80 | len(text), 0, 0, 0, 0]) + text


def _read_until(connection: socket.socket, end: bytes) -> None:
    got = b""
    while end not in got:
        got += connection.recv(1)


def test_nonsense_on_a_websocket_is_answered_and_the_connection_stays() -> None:
    with served() as (net, _), listening(net.ports[PUBLIC]) as client:
        client.send("not json")
        assert hear(client)["error"] == "jsonInvalid"
        client.send("[1, 2]")
        assert hear(client)["error"] == "jsonInvalid"
        client.send('{"id": 5}')
        assert (hear(client)["error"]) == "missingCommand"
        client.send('{"id": 5, "command": "ping", "api_version": "two"}')
        assert hear(client)["error"] == "invalid_API_version"
        assert say(client, "ledger_accept")["error"] == "forbidden"
        answer = say(client, "account_info", account="rnobody")
        assert (answer["error"], answer["type"], answer["request"]["id"]) == ("actMalformed", "response", 1)
        assert say(client, "ping")["status"] == "success"


def test_transactions_unsigned_badly_signed_cut_short_or_scrambled_do_no_harm() -> None:
    dice = random.Random(7)
    with served() as (net, world):
        good = world.blob(world.maker, TransactionType="AccountSet")
        for _ in range(300):
            blob = bytearray(good)
            kind = dice.randrange(3)
            if kind == 0:
                blob = blob[: dice.randrange(len(blob))]
            elif kind == 1:
                blob[dice.randrange(len(blob))] ^= 1 << dice.randrange(8)
            else:
                blob[dice.randrange(len(blob)) :] = dice.randbytes(dice.randrange(1, 80))
            answer = post(net.ports[PUBLIC], "submit", tx_blob=bytes(blob).hex())
            assert answer["status"] == "error" or bytes(blob) == good
        assert net.call(lambda: len(world.node.open.txs)) == 0
        assert post(net.ports[PUBLIC], "submit", tx_blob=good.hex())["engine_result"] == "tesSUCCESS"


def test_answers_come_in_the_order_of_the_questions() -> None:
    with served() as (net, _), listening(net.ports[MAIN]) as client:
        for number in range(50):
            client.send(json.dumps({"command": "ledger_current", "id": number}))
        assert [hear(client)["id"] for _ in range(50)] == list(range(50))


def test_three_hundred_ledgers_close_by_themselves() -> None:
    world = founded(ledger_seconds=4.0)
    first = world.node.validated
    with running(Devnet(world.node, close_seconds=0.002, ledger_seconds=4.0)):
        until(lambda: world.node.validated.index >= first.index + 300, "three hundred ledgers have closed")
    passed = world.node.validated.close_time - first.close_time
    assert abs(passed - 4 * (world.node.validated.index - first.index)) <= 10


def test_a_close_that_fails_ends_the_devnet_and_says_why() -> None:
    world = founded()

    def break_down(node: object) -> None:
        raise RuntimeError("the market broke down")

    world.node.before_close = break_down
    net = Devnet(world.node, close_seconds=0.01)
    with pytest.raises(RuntimeError, match="broke down"), running(net):
        until(lambda: not _answers(net.ports[MAIN]), "it has ended")


def test_a_port_ends_although_somebody_does_not_read_and_somebody_has_said_nothing() -> None:
    with served() as (net, _):
        deaf, silent = raw(net.ports[MAIN]), raw(net.ports[MAIN])
        deaf.sendall(_upgrade())
        _read_until(deaf, b"\r\n\r\n")
        asking = _masked(b'{"command": "feature"}')
        deaf.sendall(asking * 500)
        until(lambda: net.call(lambda: len(net.ports[MAIN].connections)) == 1, "it is connected")
        began = time.monotonic()
    assert time.monotonic() - began < PATIENCE
    assert _ended(silent)
    deaf.close()
    silent.close()
