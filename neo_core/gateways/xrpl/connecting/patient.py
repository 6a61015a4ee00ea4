"""A socket that waits in slices, until a given time and for so many bytes and no more."""

from __future__ import annotations

import errno
import io
import os
import select
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

from neo_core.gateways.xrpl.connecting.link import Clock
from neo_core.gateways.xrpl.connecting.waiting import SLICE_SECONDS

__all__ = ["PatientSocket"]

_T = TypeVar("_T")


class PatientSocket:
    def __init__(self, sock: socket.socket, clock: Clock, until: float, beat: Callable[[], None]) -> None:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = sock
        self._clock = clock
        self.begin(until, beat, 0)

    def begin(self, until: float, beat: Callable[[], None], most: int) -> None:
        """The next exchange: what it may take, and from here on what was received is counted."""
        self._until = until
        self._beat = beat
        self._most = most
        self.received = 0

    def connect(self, address: Any) -> None:
        self._socket.connect_ex(address)
        self._wait(write=True)
        failed = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if failed:
            raise OSError(failed, os.strerror(failed))

    def encrypt(self, tls: ssl.SSLContext, host: str) -> None:
        encrypted = tls.wrap_socket(self._socket, server_hostname=host, do_handshake_on_connect=False)
        self._socket = encrypted
        self._when_ready(encrypted.do_handshake, write=False)

    def sendall(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            now = rest
            rest = rest[self._when_ready(lambda: self._socket.send(now), write=True) :]  # noqa: B023 (called at once)

    def receive(self, buffer: memoryview) -> int:
        if self.received > self._most:
            raise OSError(errno.EMSGSIZE, os.strerror(errno.EMSGSIZE))
        count = self._when_ready(lambda: self._socket.recv_into(buffer), write=False)
        self.received += count
        return count

    def is_over(self) -> bool:
        """Between two exchanges: the other side has closed it, or says what it was not asked."""
        try:
            self._socket.recv(1)
        except (BlockingIOError, ssl.SSLWantReadError):
            return False
        except OSError:
            return True
        return True

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Reader(self))

    def close(self) -> None:
        with suppress(OSError):
            self._socket.close()

    def _when_ready(self, act: Callable[[], _T], *, write: bool) -> _T:
        while True:
            try:
                return act()
            except ssl.SSLWantReadError:
                self._wait(write=False)
            except ssl.SSLWantWriteError:
                self._wait(write=True)
            except BlockingIOError:
                self._wait(write=write)

    def _wait(self, *, write: bool) -> None:
        me = [self._socket]
        while True:
            left = self._until - self._clock.monotonic()
            if left <= 0:
                raise TimeoutError
            # On Windows, a connection that is refused shows as an exception and not as writable.
            ready = select.select([] if write else me, me if write else [], me, min(left, SLICE_SECONDS))
            self._beat()
            if any(ready):
                return


class _Reader(io.RawIOBase):
    """What the answer is read through: closing it leaves the connection as it is."""

    def __init__(self, wire: PatientSocket) -> None:
        super().__init__()
        self._wire = wire

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._wire.receive(memoryview(buffer))
