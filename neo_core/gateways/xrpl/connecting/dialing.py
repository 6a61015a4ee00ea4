"""Making a connection beside the main thread, since looking up a name can take longer than anybody may wait."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Protocol

from neo_core.gateways.xrpl.connecting.link import Answer, Closed, Request
from neo_core.gateways.xrpl.connecting.messages import Broken, Server

__all__ = ["Connect", "Dial", "Line"]


class Line(Protocol):
    """A connection to one server, which is in step with the network that was asked for."""

    node: str
    server: Server
    busy: bool
    """It has said that it is asked too much."""

    @property
    def newest(self) -> Closed: ...

    def wait(self, seconds: float, idle: Callable[[], None]) -> None: ...

    def ask(self, requests: Sequence[Request], idle: Callable[[], None]) -> list[Answer]: ...

    def submit(
        self, blobs: Sequence[bytes], fail_hard: bool, answers: list[Answer | None], beat: Callable[[], None]
    ) -> None: ...

    def close(self) -> None: ...


Connect = Callable[[Callable[[], None]], Line]


class Dial:
    """Whoever gives it up need not wait: a connection that is made after that is closed."""

    def __init__(self, node: str, connect: Connect) -> None:
        self._node = node
        self._connect = connect
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._given_up = False
        self._line: Line | None = None
        self._broken: Broken | None = None
        threading.Thread(target=self._run, name="neo-dial", daemon=True).start()

    def wait(self, seconds: float) -> bool:
        return self._done.wait(seconds)

    def result(self) -> Line:
        if self._broken is not None:
            raise self._broken
        assert self._line is not None  # one of them is there when it is done
        return self._line

    def give_up(self) -> None:
        with self._lock:
            self._given_up = True
            line = self._line
        if line is not None:
            line.close()

    def _run(self) -> None:
        line = broken = None
        try:
            line = self._connect(self._check)
        except Broken as error:
            broken = error
        except Exception as error:  # noqa: BLE001 (a thread has nobody else to tell it to)
            broken = Broken(f"{self._node} could not be talked to ({type(error).__name__})")
        with self._lock:
            self._line, self._broken = line, broken
            late = self._given_up
        self._done.set()
        if late and line is not None:
            line.close()

    def _check(self) -> None:
        if self._given_up:
            raise Broken(f"{self._node} did not answer in time")
