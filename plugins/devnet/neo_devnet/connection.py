"""A WebSocket as the server writes to it: everything goes through one bounded queue, in order."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from aiohttp import web

from neo_devnet.faults import Faults

__all__ = ["Connection"]


class Connection:
    """Who reads too slowly is let go: nobody else waits for it."""

    def __init__(self, socket: web.WebSocketResponse, request: web.BaseRequest, faults: Faults, most: int) -> None:
        self._socket = socket
        self._request = request
        self._faults = faults
        self._most = most
        self._messages: asyncio.Queue[tuple[float, str]] = asyncio.Queue()
        self._kept_back: dict[str, Any] | None = None
        self._loop = asyncio.get_running_loop()
        self._writer = self._loop.create_task(self._write())

    def tell(self, message: dict[str, Any]) -> None:
        """A message of a stream."""
        if self._faults.uses("close_1008", "stream"):
            self._ending = self._loop.create_task(self.end(1008, "threshold exceeded"))
            return
        if self._faults.reorder and self._kept_back is None:
            self._kept_back = message
            return
        for one in (message, self._kept_back):
            if one is not None:
                self._put(one)
                if self._faults.duplicate:
                    self._put(one)
        self._kept_back = None

    def answer(self, reply: dict[str, Any]) -> None:
        self._put(reply)

    def say(self, text: str) -> None:
        if self._messages.qsize() >= self._most:
            self.abort()
            return
        self._messages.put_nowait((self._loop.time() + self._faults.latency_ms / 1000, text))

    def _put(self, message: dict[str, Any]) -> None:
        self.say(msgspec.json.encode(message, order="sorted").decode())

    async def _write(self) -> None:
        while True:
            due, text = await self._messages.get()
            if (early := due - self._loop.time()) > 0:
                await asyncio.sleep(early)
            try:
                await self._socket.send_str(text)
            except (ConnectionError, RuntimeError):
                return

    def abort(self) -> None:
        if self._request.transport is not None:
            self._request.transport.abort()

    async def end(self, code: int, reason: str) -> None:
        """Closes as a server does that has had enough."""
        self._writer.cancel()
        await self._socket.close(code=code, message=reason.encode(), drain=False)

    async def close(self) -> None:
        self._writer.cancel()
        await asyncio.gather(self._writer, return_exceptions=True)
