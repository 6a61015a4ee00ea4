"""How long a server waits for a client, and how much it takes from one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from aiohttp import web

__all__ = ["Limits", "Patience"]


class Limits(msgspec.Struct, frozen=True):
    """What a client may ask of the server; beyond it the client goes, not the server."""

    request_bytes: int = 1_000_000
    head_seconds: float = 10.0
    body_seconds: float = 10.0
    idle_seconds: float = 75.0
    connections: int = 256
    queued_messages: int = 4096
    goodbye_seconds: float = 1.0


class Patience(web.Server):
    """Lets go of connections that are too many, and of those on which no whole request comes in time."""

    def __init__(
        self, handler: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]], limits: Limits
    ) -> None:
        super().__init__(
            self._taken,
            request_factory=self._request,
            access_log=None,
            keepalive_timeout=limits.idle_seconds,
            lingering_time=limits.goodbye_seconds,
        )
        self._handler = handler
        self._limits = limits
        self._timers: dict[Any, asyncio.TimerHandle] = {}
        self._open: dict[Any, asyncio.Transport] = {}
        self._ended = False

    async def end(self) -> None:
        """Says goodbye to every connection, and cuts those on which what was sent is not read."""
        self._ended = True
        self.pre_shutdown()
        await self.shutdown(self._limits.goodbye_seconds)
        for transport in tuple(self._open.values()):
            transport.abort()
        async with asyncio.timeout(self._limits.goodbye_seconds):
            while self._open:
                await asyncio.sleep(0)

    def connection_made(self, handler: Any, transport: asyncio.Transport) -> None:
        super().connection_made(handler, transport)
        self._open[handler] = transport
        if self._ended or len(self.connections) > self._limits.connections:
            transport.abort()
            return
        self._wait(handler, transport, self._limits.head_seconds)

    def connection_lost(self, handler: Any, exc: BaseException | None = None) -> None:
        self._no_longer_wait(handler)
        self._open.pop(handler, None)
        super().connection_lost(handler, exc)

    def _wait(self, handler: Any, transport: asyncio.Transport, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        self._timers[handler] = loop.call_later(seconds, transport.abort)

    def _no_longer_wait(self, handler: Any) -> None:
        timer = self._timers.pop(handler, None)
        if timer is not None:
            timer.cancel()

    def _request(self, message: Any, payload: Any, protocol: Any, writer: Any, task: Any) -> web.BaseRequest:
        loop = asyncio.get_running_loop()
        return web.BaseRequest(
            message, payload, protocol, writer, task, loop, client_max_size=self._limits.request_bytes
        )

    async def _taken(self, request: web.BaseRequest) -> web.StreamResponse:
        protocol = request.protocol
        self._no_longer_wait(protocol)
        response = await self._handler(request)
        if request.transport is not None:
            self._wait(protocol, request.transport, self._limits.idle_seconds)
        return response
