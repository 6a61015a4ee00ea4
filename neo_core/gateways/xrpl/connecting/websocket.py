"""One server by WebSocket: it announces its ledgers, and is asked on the same connection."""

from __future__ import annotations

import select
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from socket import SHUT_RDWR
from typing import Any

import msgspec
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, WebSocketException
from websockets.sync.client import ClientConnection, connect

from neo_core.gateways.xrpl.connecting.link import Answer, Clock, Closed, Limits, Request
from neo_core.gateways.xrpl.connecting.messages import (
    API_VERSION,
    Broken,
    Unanswered,
    announced,
    read_json,
    refuse_trouble,
    server_in,
    warns_of_load,
)
from neo_core.gateways.xrpl.connecting.waiting import OVERLOADED_STATUS, SLICE_SECONDS, Beat, why
from neo_core.gateways.xrpl.keys.secrets import Secret

__all__ = ["WebSocketLine"]

CLOSING_SECONDS = 0.5
MOST_AT_ONCE = 1000
"""Messages that nobody asked for."""

_OVERLOADED_CODES = frozenset({1008, 1013})  # rippled's "threshold exceeded", and "try again later"
_SAID_OF_CODES = {
    1002: "broke the rules of WebSocket",
    1007: "sent text that is not UTF-8",
    1009: "sent a larger message than any answer",
}


class WebSocketLine:
    def __init__(
        self,
        url: Secret,
        node: str,
        network_id: int | None,
        limits: Limits,
        clock: Clock,
        idle: Callable[[], None],
    ) -> None:
        self.node = node
        self.busy = False
        self._limits = limits
        self._clock = clock
        self._last_id = 0
        self._newest: Closed | None = None
        self._socket = _opened(url, node, limits)
        try:
            info, subscribed = self.ask(
                [{"command": "server_info"}, {"command": "subscribe", "streams": ["ledger"]}], idle
            )
            self.server = server_in(node, info, network_id)
            self._learn(subscribed)
        except BaseException:
            self.close()
            raise

    @property
    def newest(self) -> Closed:
        assert self._newest is not None  # a connection without one is not made
        return self._newest

    def wait(self, seconds: float, idle: Callable[[], None]) -> None:
        """For so long, or until a newer ledger is announced; then on to the newest that is here already."""
        before = self._newest
        until = self._clock.monotonic() + seconds
        for _ in range(MOST_AT_ONCE):
            left = until - self._clock.monotonic() if self._newest is before else 0.0
            message = self._message(max(0.0, left))
            if message is None:
                return
            self._hear(message)
        idle()

    def ask(self, requests: Sequence[Request], idle: Callable[[], None]) -> list[Answer]:
        until = self._clock.monotonic() + self._limits.request_timeout_seconds
        pending: dict[int, int] = {}
        beat = Beat(idle, self._clock)
        self._write(requests, pending, until, beat)
        answers: list[Answer] = [{}] * len(requests)
        for place, answer in self._answers(pending, until, beat):
            refuse_trouble(self.node, answer)
            answers[place] = answer
        return answers

    def submit(
        self, blobs: Sequence[bytes], fail_hard: bool, answers: list[Answer | None], beat: Callable[[], None]
    ) -> None:
        """What is answered is put into `answers`, also when the connection breaks on the way."""
        limits = self._limits
        until = self._clock.monotonic() + min(limits.submit_timeout_seconds, limits.request_timeout_seconds)
        requests = [{"command": "submit", "tx_blob": blob.hex().upper(), "fail_hard": fail_hard} for blob in blobs]
        pending: dict[int, int] = {}
        broken = None
        try:
            self._write(requests, pending, until, beat)
        except Broken as error:  # what had left before may be answered
            broken = error
        for place, found in self._answers(pending, until, beat):
            answers[place] = found
        if broken is not None:
            raise broken
        for answer in answers:
            refuse_trouble(self.node, answer or {})

    def close(self) -> None:
        # Without this, a server that reads nothing could keep the closing handshake waiting.
        with suppress(OSError):
            self._socket.socket.shutdown(SHUT_RDWR)
        with suppress(OSError, WebSocketException):
            self._socket.close()

    def _write(
        self, requests: Sequence[Request], pending: dict[int, int], until: float, beat: Callable[[], None]
    ) -> None:
        for place, request in enumerate(requests):
            self._last_id += 1
            text = msgspec.json.encode({**request, "api_version": API_VERSION, "id": self._last_id}).decode()
            self._until_writable(until, beat)
            try:
                self._socket.send(text)
            except (OSError, WebSocketException) as error:
                raise self._broken(error) from None
            pending[self._last_id] = place

    def _until_writable(self, until: float, beat: Callable[[], None]) -> None:
        """The library waits without end for a server that reads nothing. A request is shorter than what fits."""
        while True:
            left = until - self._clock.monotonic()
            try:
                _, writable, _ = select.select([], [self._socket.socket], [], max(0.0, min(left, SLICE_SECONDS)))
            except (OSError, ValueError):  # closed: the library says why
                return
            if writable:
                return
            if left <= 0:
                raise Unanswered(f"{self.node} does not read what it is sent")
            beat()

    def _answers(
        self, pending: dict[int, int], until: float, beat: Callable[[], None]
    ) -> Iterator[tuple[int, Answer]]:
        """Each answer with the place of its request, as they come."""
        asked = len(pending)
        while pending:
            left = until - self._clock.monotonic()
            if left <= 0:
                raise Unanswered(f"{self.node} left {len(pending)} of {asked} requests without an answer")
            message = self._message(min(left, SLICE_SECONDS))
            if message is not None:
                number = message.get("id")
                place = pending.pop(number, None) if type(number) is int else None
                if place is None:
                    self._hear(message)
                else:
                    yield place, self._result(message)
            beat()

    def _result(self, message: dict[str, Any]) -> Answer:
        self.busy = self.busy or warns_of_load(message)
        if "error" in message:
            return message
        result = message.get("result")
        if not isinstance(result, dict):
            raise Broken(f"{self.node} sent an answer without a result")
        return result

    def _hear(self, message: dict[str, Any]) -> None:
        """Of what comes unasked only the newest ledger is kept: one that is told late or twice changes nothing."""
        if message.get("type") == "ledgerClosed":
            self._learn(message)

    def _learn(self, told: Answer) -> None:
        closed = announced(self.node, told, self._clock.monotonic())
        newest = self._newest
        if newest is None or closed.ledger_index > newest.ledger_index:
            self._newest = closed
        elif closed.ledger_index == newest.ledger_index and closed.ledger_hash != newest.ledger_hash:
            raise Broken(f"{self.node} announced two different ledgers {closed.ledger_index}")

    def _message(self, seconds: float) -> dict[str, Any] | None:
        try:
            text = self._socket.recv(seconds)
        except TimeoutError:
            return None
        except (OSError, WebSocketException) as error:
            raise self._broken(error) from None
        if not isinstance(text, str):
            raise Broken(f"{self.node} sent binary data where JSON was expected")
        return read_json(self.node, text)

    def _broken(self, error: Exception) -> Broken:
        if not isinstance(error, ConnectionClosed):
            return Broken(f"{self.node} {why(error)}")
        if error.sent is not None and error.sent.code in _SAID_OF_CODES:
            return Broken(f"{self.node} {_SAID_OF_CODES[error.sent.code]}")
        code = error.rcvd.code if error.rcvd is not None else None
        overloaded = code in _OVERLOADED_CODES
        said = f" (code {code}{', overloaded' if overloaded else ''})" if code is not None else ""
        return Broken(f"{self.node} closed the connection{said}", overloaded=overloaded)


class _Mute:
    """The library logs what it raises as well, and on the screen where nobody set up its logger."""

    def isEnabledFor(self, _level: int) -> bool:  # noqa: N802 (its name is the library's)
        return False


def _opened(url: Secret, node: str, limits: Limits) -> ClientConnection:
    try:
        return connect(
            url.reveal(),
            compression=None,  # what a few bytes grow to has no bound of its own
            proxy=None,
            open_timeout=limits.connect_timeout_seconds,
            ping_interval=None,  # ledgers are the sign of life
            close_timeout=CLOSING_SECONDS,
            max_size=limits.message_bytes,
            logger=_Mute(),  # type: ignore[arg-type]  # all that is called of a logger that logs nothing
        )
    except InvalidStatus as error:
        status = error.response.status_code
        broken = Broken(f"{node} answered HTTP {status}", overloaded=status in OVERLOADED_STATUS)
    except InvalidHandshake:
        broken = Broken(f"{node} does not speak WebSocket")
    except (OSError, EOFError, WebSocketException) as error:
        broken = Broken(f"{node} {why(error)}")
    raise broken  # out here, since those errors and their frames hold the URL
