"""What servers say is read or refused, whatever it is; what a URL holds in secret is in no sentence."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neo_core.errors import ObservationFailed
from neo_core.gateways.xrpl.connecting.messages import (
    Broken,
    Server,
    announced,
    named_in_sentences,
    polled,
    read_json,
    refuse_trouble,
    server_in,
)
from tests.gateway.signing.telling import told_of
from tests.gateway.wire.servers import LIMITS, Chain, HttpNode, Json, WebSocketNode, closed_port, linked, respond

NODE = "wss://node:443/"
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["full", "A" * 64])
)
ANYTHING = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
)
QUICK = msgspec.structs.replace(LIMITS, ledger_timeout_seconds=0.3, request_timeout_seconds=0.5)


@st.composite
def spoilt(draw: st.DrawFn, good: Json) -> Json:
    """A good one of which a few fields are missing, or something else."""
    given_: Json = {**good}
    for name in draw(st.sets(st.sampled_from(sorted(good)), max_size=3)):
        inner = given_.pop(name)
        if draw(st.booleans()):
            given_[name] = draw(spoilt(inner)) if isinstance(inner, dict) and inner else draw(ANYTHING)
    return given_


def assert_read_or_refused(read: Callable[[], Any]) -> None:
    try:
        found = read()
    except Broken as error:
        found = str(error)
        assert found.startswith(NODE)
        assert found.isprintable()
    assert msgspec.json.encode(found)


CHAIN = Chain(network_id=1)
SERVER = Server(0, "", "", "full", "2-100", 1.0, 10, 1_000_000, 200_000)


@given(spoilt(CHAIN.told()))
def test_any_announcement_is_read_or_refused(told: Json) -> None:
    assert_read_or_refused(lambda: announced(NODE, told, 1.0))


@given(spoilt({**CHAIN.result({"command": "ledger"})}))
def test_any_ledger_is_read_or_refused(answer: Json) -> None:
    assert_read_or_refused(lambda: polled(NODE, answer, SERVER, 1.0))


@given(spoilt({"info": CHAIN.info}), st.none() | st.just(1))
def test_any_server_is_read_or_refused(answer: Json, network_id: int | None) -> None:
    assert_read_or_refused(lambda: server_in(NODE, answer, network_id))


@given(st.dictionaries(st.sampled_from(["error", "result", "x"]), ANYTHING))
def test_any_error_is_an_answer_or_the_end(answer: Json) -> None:
    assert_read_or_refused(lambda: refuse_trouble(NODE, answer))


@given(st.binary(max_size=40) | ANYTHING.map(lambda one: repr(one).encode("utf-8", "surrogatepass")))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    assert_read_or_refused(lambda: read_json(NODE, data))


def test_a_server_of_another_make_has_no_state_to_tell() -> None:
    info = {name: said for name, said in CHAIN.info.items() if name not in ("server_state", "pubkey_node")}
    found = server_in(NODE, {"info": {**info, "clio_version": "2.4.0"}}, 1)
    assert (found.state, found.public_key, found.network_id) == ("", "", 1)
    assert (found.base_fee, found.reserve_base, found.reserve_inc) == (10, 1_000_000, 200_000)


def test_a_server_that_the_network_left_behind_is_refused() -> None:
    with pytest.raises(Broken, match="amendment blocked"):
        server_in(NODE, {"info": {**CHAIN.info, "amendment_blocked": True}}, 1)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("wss://xrplcluster.com", "wss://xrplcluster.com:443"),
        ("wss://xrplcluster.com/", "wss://xrplcluster.com:443/"),
        ("https://s1.ripple.com:51234/", "https://s1.ripple.com:51234/"),
        ("ws://[::1]:6006/", "ws://[::1]:6006/"),
        ("http://user:word@host/path?key=word#word", "http://host:80/path"),
        ("wss://host/rpc/0123456789abcdef0123456789abcdef/", "wss://host:443/rpc/…/"),
    ],
)
def test_a_node_is_named_without_what_is_secret_in_its_url(url: str, shown: str) -> None:
    assert named_in_sentences(url) == shown


def overloaded(handler: BaseHTTPRequestHandler, request: Json) -> bool:
    respond(handler, "the key hidden-query of hidden-user is over its limit", 503)
    return True


@contextmanager
def failing(scheme: str, how: str) -> Iterator[int]:
    if how == "absent":
        yield closed_port()
    elif scheme == "http":
        with HttpNode() as http:
            http.reply = overloaded
            yield http.port
    else:
        with WebSocketNode() as ws:
            ws.replies["server_info"] = lambda connection, request: connection.close(
                1008, "the key hidden-query of hidden-user is over its limit"
            )
            yield ws.port


@pytest.mark.parametrize("scheme", ["ws", "http"])
@pytest.mark.parametrize("how", ["absent", "refusing"])
def test_user_password_and_key_are_in_no_report_of_a_failure(scheme: str, how: str) -> None:
    with failing(scheme, how) as port:
        url = f"{scheme}://hidden-user:hidden-word@127.0.0.1:{port}/hidden-path-of-some-length?key=hidden-query"
        with linked(url, limits=QUICK) as link:
            with pytest.raises(ObservationFailed) as failed:
                link.next_ledger(None)
            assert f"{scheme}://127.0.0.1:{port}/…" in str(failed.value)
            assert "hidden" not in told_of(failed.value)
            assert "hidden" not in link.node
            with pytest.raises(ObservationFailed) as failed:
                link.ask([{"command": "ping"}])
            assert "hidden" not in told_of(failed.value)


@pytest.fixture
def tls(tmp_path: Path) -> ssl.SSLContext:
    if shutil.which("openssl") is None:
        pytest.skip("no openssl to make a certificate with")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=loopback"
    subprocess.run(
        ["openssl", *words.split(), "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


@pytest.mark.parametrize("kind", [WebSocketNode, HttpNode])
def test_encrypted_connections_are_kept_and_carry_large_answers(
    kind: type[WebSocketNode | HttpNode],
    tls: ssl.SSLContext,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "certificate.pem"))
    with kind(tls=tls) as node, linked(node) as link:
        assert link.next_ledger(None).ledger_index == 100
        for _ in range(3):
            answers = link.ask([{"command": "look", "n": "x" * 300_000}] * 6)
            assert [len(answer["echo"]) for answer in answers] == [300_000] * 6
        assert node.connections == (1 if kind is WebSocketNode else 4)


@pytest.mark.parametrize("kind", [WebSocketNode, HttpNode])
def test_a_certificate_that_nobody_vouches_for_is_refused(
    kind: type[WebSocketNode | HttpNode], tls: ssl.SSLContext
) -> None:
    with (
        kind(tls=tls) as node,
        linked(node, limits=QUICK) as link,
        pytest.raises(ObservationFailed, match="has no certificate that is valid for it"),
    ):
        link.next_ledger(None)


@pytest.mark.parametrize("scheme", ["wss", "https"])
def test_what_speaks_no_tls_is_refused(scheme: str) -> None:
    with (
        WebSocketNode() as node,
        linked(f"{scheme}://127.0.0.1:{node.port}/", limits=QUICK) as link,
        pytest.raises(ObservationFailed, match="does not speak TLS as it has to"),
    ):
        link.next_ledger(None)
