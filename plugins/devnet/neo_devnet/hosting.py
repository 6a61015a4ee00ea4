"""A node with its ports and its closes: in a loop of its own, or in a thread beside a test."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import msgspec

from neo_devnet.faults import FAULT_METHOD, Faults
from neo_devnet.node import Node
from neo_devnet.patience import Limits
from neo_devnet.rpc import refused
from neo_devnet.rpc.call import RpcError, fail
from neo_devnet.serve import Port

__all__ = ["MAIN", "PUBLIC", "SECOND", "Devnet", "running"]

MAIN, SECOND, PUBLIC = "main", "second", "public"
THREAD_SECONDS = 30.0
T = TypeVar("T")


class Devnet:
    """`main` is for the administrator, `second` is the same with faults of its own, `public` is for strangers."""

    def __init__(
        self,
        node: Node,
        *,
        close_seconds: float | None = None,
        ledger_seconds: float | None = None,
        host: str = "127.0.0.1",
        ports: dict[str, int] | None = None,
        limits: Limits | None = None,
    ) -> None:
        """`ports`: which ports there are, and their numbers; 0 lets the system choose. Without `close_seconds`
        ledgers close when somebody asks for it.
        """
        self.node = node
        self.ports = {
            name: Port(node, admin=name != PUBLIC, host=host, port=number, limits=limits, say=self.fault)
            for name, number in (ports or {MAIN: 0}).items()
        }
        self._close_seconds = close_seconds
        self._ledger_seconds = ledger_seconds or close_seconds
        self._slow = 0.0
        self._hurry: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def url(self) -> str:
        return self.ports[MAIN].url

    @property
    def ws_url(self) -> str:
        return self.ports[MAIN].ws_url

    @property
    def faults(self) -> Faults:
        return self.ports[MAIN].faults

    # -- inside the loop ---

    async def run(self, started: Callable[[], None], stop: asyncio.Event) -> None:
        """Serves until `stop` is set. Raises what a close raised."""
        self._loop = asyncio.get_running_loop()
        self._hurry = asyncio.Event()
        for port in self.ports.values():
            await port.start()
        waits: list[asyncio.Task[Any]] = [asyncio.create_task(stop.wait())]
        if self._close_seconds is not None:
            waits.append(asyncio.create_task(self._closes(self._close_seconds)))
        started()
        try:
            done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in waits:
                task.cancel()
            await asyncio.gather(*waits, return_exceptions=True)
            for port in self.ports.values():
                await port.stop()

    async def _closes(self, every: float) -> None:
        assert self._hurry is not None
        loop = asyncio.get_running_loop()
        last = loop.time()
        while True:
            due = last + every + self._slow * every / (self._ledger_seconds or every)
            if (wait := due - loop.time()) > 0:
                self._hurry.clear()
                try:
                    async with asyncio.timeout(wait):
                        await self._hurry.wait()
                except TimeoutError:
                    pass
                else:
                    continue
            last = loop.time()
            self._close()

    def _close(self) -> int:
        slow, self._slow = self._slow, 0.0
        return self.node.accept(slow_seconds=slow)

    # -- faults ---

    def slow_ledger(self, seconds: float) -> None:
        """The ledger that is open closes so many seconds of ledger time late."""
        self._slow = seconds
        if self._hurry is not None:
            self._hurry.set()

    def fault(self, params: dict[str, Any]) -> dict[str, Any]:
        """The method `devnet_fault`: `port`, `clear`, `break_connections`, `slow_ledger_seconds`, `stale`, and
        every field of Faults.
        """
        asked = {name: value for name, value in params.items() if name not in ("api_version", "id", "command")}
        name = asked.pop("port", MAIN)
        try:
            if name not in self.ports:
                raise fail("invalidParams", f"There is no port {name!r}; there are {', '.join(self.ports)}.")
            port = self.ports[name]
            if asked.pop("clear", False):
                port.faults.change(msgspec.to_builtins(Faults()))
                self._slow = 0.0
            if "stale" in asked:
                asked["stale_at"] = self.node.validated.index if asked.pop("stale") else None
            slow, breaks = asked.pop("slow_ledger_seconds", None), asked.pop("break_connections", False)
            try:
                port.faults.change(asked)
            except msgspec.ValidationError as error:
                raise fail("invalidParams", f"{error}.") from error
            if slow is not None:
                self.slow_ledger(float(slow))
            if breaks:
                port.break_connections()
        except RpcError as error:
            return refused(error, FAULT_METHOD, params)
        return {"faults": msgspec.to_builtins(port.faults), "port": name, "status": "success"}

    # -- from another thread ---

    def call(self, work: Callable[[], T]) -> T:
        """Does something with the node where its loop runs, and waits for it."""
        assert self._loop is not None

        async def done() -> T:
            return work()

        return asyncio.run_coroutine_threadsafe(done(), self._loop).result(THREAD_SECONDS)

    def accept(self) -> int:
        return self.call(self._close)


@contextmanager
def running(devnet: Devnet) -> Iterator[Devnet]:
    """Runs a devnet in a thread. What made it end by itself is raised at the end."""
    ready = threading.Event()
    failure: list[BaseException] = []
    ways: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def serve() -> None:
        stop = asyncio.Event()
        ways.append((asyncio.get_running_loop(), stop))
        await devnet.run(ready.set, stop)

    def work() -> None:
        try:
            asyncio.run(serve())
        except BaseException as error:  # noqa: BLE001 (raised in the thread that waits for this one)
            failure.append(error)
        finally:
            ready.set()

    thread = threading.Thread(target=work, name="devnet", daemon=True)
    thread.start()
    ready.wait(THREAD_SECONDS)
    try:
        if not failure:
            yield devnet
    finally:
        for loop, stop in ways:
            if thread.is_alive():
                loop.call_soon_threadsafe(stop.set)
        thread.join(THREAD_SECONDS)
        if failure:
            raise failure[0]
