"""One kept-alive HTTP connection that keeps nobody waiting: every wait has an end, and every answer a size."""

from __future__ import annotations

import http
import http.client
import socket
import ssl
from base64 import b64encode
from collections.abc import Callable
from typing import TypeVar
from urllib.parse import unquote, urlsplit

from neo_core.gateways.xrpl.connecting.link import Clock, Limits
from neo_core.gateways.xrpl.connecting.messages import SCHEMES, Broken, Unanswered
from neo_core.gateways.xrpl.connecting.patient import PatientSocket
from neo_core.gateways.xrpl.connecting.waiting import OVERLOADED_STATUS, why
from neo_core.gateways.xrpl.keys.secrets import Secret

__all__ = ["Channel", "Target"]

HEADERS_BYTES = 64 * 1024

_CHUNK = 64 * 1024
_T = TypeVar("_T")


class Target:
    """Where requests go. Its name is looked up once: one that leads to several servers must not mix them."""

    def __init__(self, url: Secret, node: str, limits: Limits) -> None:
        self.node = node
        self.limits = limits
        self.head = Secret(_head(url))
        scheme, self.host, port = _place(url)
        self.tls = ssl.create_default_context() if scheme == "https" else None
        broken = None
        try:
            found = socket.create_connection((self.host, port), limits.connect_timeout_seconds)
        except OSError as error:
            broken = Broken(f"{node} {why(error)}")
        if broken is not None:
            raise broken
        self.family, self.address = found.family, found.getpeername()
        self._found: socket.socket | None = found

    def opened(self, clock: Clock, until: float, beat: Callable[[], None]) -> PatientSocket:
        first, self._found = self._found, None
        until = min(until, clock.monotonic() + self.limits.connect_timeout_seconds)
        wire = PatientSocket(first or socket.socket(self.family), clock, until, beat)
        try:
            if first is None:
                wire.connect(self.address)
            if self.tls is not None:
                wire.encrypt(self.tls, self.host)
        except BaseException:
            wire.close()
            raise
        return wire

    def close(self) -> None:
        if self._found is not None:
            self._found.close()


class Channel:
    """One request at a time: written, then read."""

    def __init__(self, target: Target, clock: Clock) -> None:
        self._target = target
        self._clock = clock
        self._wire: PatientSocket | None = None
        self._fresh = True
        self._body = b""
        self._until = 0.0
        self._beat: Callable[[], None] = lambda: None

    def write(self, body: bytes, until: float, beat: Callable[[], None]) -> None:
        self._body, self._until, self._beat = body, until, beat
        if self._wire is not None and self._wire.is_over():
            self.close()
        self._fresh = self._wire is None
        self._try(self._send)

    def read(self) -> bytes:
        try:
            return self._try(self._receive)
        except Broken:
            if self._fresh or self._wire is None or self._wire.received:
                raise
        # A server may close a connection that it has kept for long just as it is written to: once more, then.
        self.close()
        self._fresh = True
        self._try(self._send)
        return self._try(self._receive)

    def close(self) -> None:
        wire, self._wire = self._wire, None
        if wire is not None:
            wire.close()

    def _send(self) -> None:
        if self._wire is None:
            self._wire = self._target.opened(self._clock, self._until, self._beat)
        self._wire.begin(self._until, self._beat, self._target.limits.message_bytes + HEADERS_BYTES)
        head = f"{self._target.head.reveal()}Content-Length: {len(self._body)}\r\n\r\n"
        self._wire.sendall(head.encode("latin-1") + self._body)

    def _receive(self) -> bytes:
        assert self._wire is not None  # written to before
        # Its type wants a socket, and all it uses of it is `makefile`.
        response = http.client.HTTPResponse(self._wire, method="POST")  # type: ignore[arg-type]
        response.begin()
        if response.status != http.HTTPStatus.OK:
            raise Broken(
                f"{self._target.node} answered HTTP {response.status}",
                overloaded=response.status in OVERLOADED_STATUS,
            )
        parts = []
        while part := response.read(_CHUNK):  # never all that a server says is to come: it may say anything
            parts.append(part)
        if response.length:
            raise Broken(f"{self._target.node} closed the connection in the middle of an answer")
        if response.will_close:
            self.close()
        return b"".join(parts)

    def _try(self, act: Callable[[], _T]) -> _T:
        broken: Broken
        try:
            return act()
        except TimeoutError as error:
            broken = Unanswered(f"{self._target.node} {why(error)}")
        except (OSError, EOFError, ValueError) as error:
            broken = Broken(f"{self._target.node} {why(error)}")
        except http.client.HTTPException as error:
            broken = Broken(f"{self._target.node} does not speak HTTP as it has to ({type(error).__name__})")
        raise broken  # out here, since those errors and their frames hold what was sent


def _place(url: Secret) -> tuple[str, str, int]:
    parts = urlsplit(url.reveal())
    assert parts.hostname is not None  # a URL without one is refused before
    return parts.scheme, parts.hostname, parts.port or SCHEMES[parts.scheme]


def _head(url: Secret) -> str:
    parts = urlsplit(url.reveal())
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    lines = [
        f"POST {path} HTTP/1.1",
        f"Host: {parts.netloc.rpartition('@')[2]}",
        "Content-Type: application/json",
    ]
    if parts.username is not None:
        user = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        lines.append(f"Authorization: Basic {b64encode(user.encode()).decode()}")
    return "".join([f"{line}\r\n" for line in lines])
