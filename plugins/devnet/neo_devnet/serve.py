"""One address at which clients reach a node, by JSON-RPC and by WebSocket."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
from aiohttp import WSMsgType, web

from neo_devnet.connection import Connection
from neo_devnet.faults import FAULT_METHOD, Faults
from neo_devnet.node import Node
from neo_devnet.patience import Limits, Patience
from neo_devnet.rpc import ADMIN_ONLY, refused
from neo_devnet.rpc.call import RpcError, fail
from neo_devnet.streams import Streams

__all__ = ["Port"]

NOT_JSON = "Unable to parse request: * Line 1, Column 1\n  Syntax error: value, object or array expected.\n\r\n"
TOO_MUCH = "Server is overloaded\r\n"
VERSIONS = (1, 2)
Say = Callable[[dict[str, Any]], dict[str, Any]]
"""What a request of the devnet's own method is answered."""


class Port:
    def __init__(
        self,
        node: Node,
        *,
        admin: bool = True,
        host: str = "127.0.0.1",
        port: int = 0,
        limits: Limits | None = None,
        say: Say | None = None,
    ) -> None:
        """`say` answers `devnet_fault`."""
        self.faults = Faults()
        self._node = node
        self._streams = Streams(node, self.faults)
        self._admin = admin
        self._at = (host, port)
        self._limits = limits or Limits()
        self._say = say
        self.connections: set[Connection] = set()
        self._server: asyncio.Server | None = None
        self._http: Patience | None = None

    @property
    def url(self) -> str:
        return f"http://{self._at[0]}:{self._at[1]}/"

    @property
    def ws_url(self) -> str:
        return f"ws://{self._at[0]}:{self._at[1]}/"

    async def start(self) -> None:
        self._http = Patience(self._handle, self._limits)
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._http, self._at[0], self._at[1])
        self._at = (self._at[0], self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        if self._server is None or self._http is None:
            return
        self._server.close()
        for connection in tuple(self.connections):
            await connection.end(1001, "going away")
        await self._http.end()
        await self._server.wait_closed()
        self._server = None
        self._streams.close()

    def break_connections(self) -> None:
        """Every WebSocket breaks off, without a farewell."""
        for connection in tuple(self.connections):
            connection.abort()

    # -- HTTP ---

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.method == "GET" and request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._websocket(request)
        if request.method != "POST":
            return _text(405, "Method Not Allowed\r\n")
        try:
            async with asyncio.timeout(self._limits.body_seconds):
                body = await request.read()
        except TimeoutError:
            _cut(request)
            return _text(408, "Request Timeout\r\n")
        except web.HTTPRequestEntityTooLarge:
            return _text(400, NOT_JSON)
        return await self._rpc(request, body)

    async def _rpc(self, request: web.BaseRequest, body: bytes) -> web.StreamResponse:
        asked = _object(body)
        if asked is None:
            return _text(400, NOT_JSON)
        method, params = asked.get("method"), asked.get("params")
        if method is None:
            return _text(400, "Null method\r\n")
        if not isinstance(method, str):
            return _text(400, "method is not string\r\n")
        if not method:
            return _text(400, "method is empty\r\n")
        if not params:
            params = {}
        elif not isinstance(params, list) or len(params) != 1 or not isinstance(params[0] or {}, dict):
            return _text(400, "params unparseable\r\n")
        else:
            params = params[0] or {}
        version = params.get("api_version", 1)
        if version not in VERSIONS:
            return _text(400, "invalid_API_version\r\n")
        if method in ADMIN_ONLY and not self._admin:
            return _text(403, "Forbidden\r\n")
        return await self._answered(request, asked, method, params, version)

    async def _answered(
        self, request: web.BaseRequest, asked: dict[str, Any], method: str, params: dict[str, Any], version: int
    ) -> web.StreamResponse:
        faults = self.faults
        if faults.latency_ms:
            await asyncio.sleep(faults.latency_ms / 1000)
        if faults.uses("drop", method):
            _cut(request)
            return _text(500, "")
        if faults.uses("http_503", method):
            return _text(503, TOO_MUCH)
        answer = self._answer(method, params, version)
        if faults.uses("drop_answer", method):
            _cut(request)
            return _text(500, "")
        if faults.uses("garbage", method):
            return _text(200, "<html>This is no ledger</html>")
        if faults.warn_load:
            answer = {**answer, "warning": "load"}
        reply: dict[str, Any] = {"result": answer}
        for name in ("jsonrpc", "ripplerpc", "id"):
            if name in asked:
                reply[name] = asked[name]
        return web.Response(body=msgspec.json.encode(reply, order="sorted"), content_type="application/json")

    def _answer(self, method: str, params: dict[str, Any], version: int) -> dict[str, Any]:
        try:
            if method == FAULT_METHOD and self._say is not None:
                return self._say(params)
            if method in ("subscribe", "unsubscribe"):
                return refused(fail("invalidParams"), method, params)
            return self._node.rpc(method, params, version, admin=self._admin, faults=self.faults)
        except Exception as error:  # noqa: BLE001 (whatever a request does to the node, the node goes on answering)
            return refused(RpcError(_internal(error)), method, params)

    # -- WebSocket ---

    async def _websocket(self, request: web.BaseRequest) -> web.StreamResponse:
        socket = web.WebSocketResponse(
            max_msg_size=self._limits.request_bytes, heartbeat=self._limits.idle_seconds, compress=False
        )
        await socket.prepare(request)
        connection = Connection(socket, request, self.faults, self._limits.queued_messages)
        subscriber = self._streams.join(connection.tell)
        self.connections.add(connection)
        try:
            async for message in socket:
                if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                    data = message.data.encode() if isinstance(message.data, str) else message.data
                    await self._message(connection, subscriber, data)
        finally:
            self._streams.leave(subscriber)
            self.connections.discard(connection)
            await connection.close()
        return socket

    async def _message(self, connection: Connection, subscriber: Any, data: bytes) -> None:
        asked = _object(data)
        if asked is None:
            connection.answer({"error": "jsonInvalid", "type": "error", "value": data.decode("utf-8", "replace")})
            return
        method, version = asked.get("command", asked.get("method")), asked.get("api_version", 1)
        named: dict[str, Any] = {name: asked[name] for name in ("api_version", "id") if name in asked}
        if version not in VERSIONS or not isinstance(method, str):
            token = "missingCommand" if version in VERSIONS else "invalid_API_version"
            connection.answer({**named, "error": token, "request": asked, "status": "error", "type": "response"})
            return
        faults = self.faults
        if faults.uses("drop", method):
            connection.abort()
            return
        if faults.uses("close_1008", method):
            await connection.end(1008, "threshold exceeded")
            return
        params = {name: value for name, value in asked.items() if name != "command"}
        if method == "subscribe":
            result = self._streams.subscribe(subscriber, params, version)
        elif method == "unsubscribe":
            result = self._streams.unsubscribe(subscriber, params)
        elif method in ADMIN_ONLY and not self._admin:
            result = refused(fail("forbidden"), method, params)
        else:
            result = self._answer(method, params, version)
        if faults.uses("drop_answer", method):
            connection.abort()
            return
        if faults.uses("garbage", method):
            connection.say("}{ this is no ledger")
            return
        reply = _reply(result, named)
        connection.answer({**reply, "warning": "load"} if faults.warn_load else reply)


def _reply(result: dict[str, Any], named: dict[str, Any]) -> dict[str, Any]:
    if result["status"] == "error":
        return {**result, **named, "type": "response"}
    status = result["status"]
    shown = {name: value for name, value in result.items() if name != "status"}
    return {**named, "result": shown, "status": status, "type": "response"}


def _object(data: bytes) -> dict[str, Any] | None:
    try:
        asked = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return asked if isinstance(asked, dict) and asked else None


def _internal(error: Exception) -> dict[str, Any]:
    said = f"Internal error: {type(error).__name__}: {error}"
    return {"error": "internal", "error_code": 73, "error_message": said}


def _text(status: int, text: str) -> web.Response:
    return web.Response(status=status, text=text)


def _cut(request: web.BaseRequest) -> None:
    if request.transport is not None:
        request.transport.abort()
