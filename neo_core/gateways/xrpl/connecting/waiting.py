"""Waiting in slices, so that signals are seen and a sign of life is given, and why a wait was for nothing."""

from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import Callable

from neo_core.gateways.xrpl.connecting.link import Clock

__all__ = ["OVERLOADED_STATUS", "SLICE_SECONDS", "Beat", "why"]

SLICE_SECONDS = 0.05
OVERLOADED_STATUS = frozenset({429, 503})


class Beat:
    """Calls `idle` whenever a slice has passed since it last did."""

    def __init__(self, idle: Callable[[], None], clock: Clock) -> None:
        self._idle = idle
        self._clock = clock
        self._due = clock.monotonic() + SLICE_SECONDS

    def __call__(self) -> None:
        now = self._clock.monotonic()
        if now >= self._due:
            self._due = now + SLICE_SECONDS
            self._idle()


def why(error: BaseException) -> str:
    """In words of our own: those of libraries may hold the URL."""
    match error:
        case ConnectionRefusedError():
            return "refused the connection"
        case TimeoutError():
            return "did not answer in time"
        case socket.gaierror():
            return "has a name that nobody knows"
        case ssl.SSLCertVerificationError():
            return "has no certificate that is valid for it"
        case ssl.SSLError():
            return "does not speak TLS as it has to"
        case OSError(errno=errno.EMSGSIZE):
            return "sent a larger answer than any"
        case ConnectionError() | EOFError():
            return "closed the connection"
        case _:
            return f"could not be talked to ({type(error).__name__})"
