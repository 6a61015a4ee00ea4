"""A fresh node in the place of the recorded server, reached as that one was: by HTTP and WebSocket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine, Mapping
from typing import Any, Self, TypeVar

import aiohttp
from neo_devnet.faults import FOREVER
from neo_devnet.feemetrics import QueueSettings
from neo_devnet.market.keys import genesis
from neo_devnet.node import Node
from neo_devnet.serve import Port

from .recording import RIPPLE_EPOCH, Recording

__all__ = ["Server"]

T = TypeVar("T")

QUEUES = {"17_fee_queue": QueueSettings(minimum_txn_in_ledger=5, target_txn_in_ledger=5, ledgers_in_queue=20)}
"""The recorded server's own [transaction_queue], where it had one."""

FAULTS: dict[str, dict[int, dict[str, Any]]] = {
    # It had no network.
    "19_not_synced": {0: {"not_synced": FOREVER}},
    # It came to its network when that had three ledgers.
    "20_live_network": {0: {"gap": [2, 3]}},
    # After the recorder's many requests, of which only some were written down.
    "21_rate_limit": {
        2: {"warn_load": True},
        3: {"http_503": 1},
        10: {"warn_load": False},
        11: {"warn_load": True},
    },
}
"""How the recorded server was from an entry on."""


class Repeating(Node):
    """Gives its ledgers the recorded hashes, as far as they are told: a pool's address follows from one."""

    def __init__(self, told_hashes: Mapping[int, str], **more: Any) -> None:
        self._told = told_hashes
        super().__init__(**more)

    def accept(
        self, close_time: int | None = None, *, ledger_hash: str | None = None, slow_seconds: float = 0.0
    ) -> int:
        if self.validated.index == 1:
            self.validated.hash = self._told.get(1, self.validated.hash)
        told = self._told.get(self.validated.index + 1, ledger_hash)
        return super().accept(close_time, ledger_hash=told, slow_seconds=slow_seconds)


class Server:
    def __init__(self, recording: Recording) -> None:
        self.time = recording.first_close
        self.node = Repeating(
            recording.hashes,
            clock=lambda: self.time + RIPPLE_EPOCH,
            monotonic=lambda: self.time,
            queue=QUEUES.get(recording.name),
        )
        self._faults = FAULTS.get(recording.name, {})
        self._use_sequences(recording.genesis_sequence)
        self._admin, self._public = Port(self.node), Port(self.node, admin=False)
        self._loop = asyncio.new_event_loop()
        self._pushed: list[Any] = []
        self._socket: aiohttp.ClientWebSocketResponse | None = None

    def __enter__(self) -> Self:
        self._client = self._run(self._start())
        self._meet(0)
        return self

    def __exit__(self, *_: object) -> None:
        self._run(self._stop())
        self._loop.close()

    @property
    def validated_index(self) -> int:
        return self.node.validated.index

    def close_ledger(self) -> None:
        self._run(self._close())

    def ask(self, entry: dict[str, Any]) -> tuple[Any, int]:
        """(the answer, its HTTP status)"""
        self._meet(entry["n"])
        port = self._public if entry.get("port") == "public" else self._admin
        if entry["transport"] == "ws":
            return self._run(self._say(port, entry["request"])), 200
        return self._run(self._post(port, entry["request"]))

    def pushed(self) -> list[Any]:
        """Every message of a stream so far."""
        self._run(self._catch_up())
        return self._pushed

    def _meet(self, n: int) -> None:
        for port in (self._admin, self._public):
            port.faults.change(self._faults.get(n, {}))

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._loop.run_until_complete(work)

    async def _start(self) -> aiohttp.ClientSession:
        await self._admin.start()
        await self._public.start()
        return aiohttp.ClientSession()

    async def _stop(self) -> None:
        await self._hang_up()
        await self._client.close()
        await self._admin.stop()
        await self._public.stop()

    async def _close(self) -> None:
        self.node.accept()

    async def _post(self, port: Port, body: Any) -> tuple[Any, int]:
        # A recorded body that was no JSON is kept as text.
        data = body if isinstance(body, str) else json.dumps(body)
        async with self._client.post(port.url, data=data) as answer:
            text = await answer.text()
            try:
                return json.loads(text), answer.status
            except json.JSONDecodeError:
                return {"_raw_text": text}, answer.status

    async def _say(self, port: Port, command: dict[str, Any]) -> Any:
        # The recorder counts from 1 on each connection.
        if self._socket is None or command["id"] == 1:
            await self._hang_up()
            self._socket = await self._client.ws_connect(port.ws_url)
        return await self._said(self._socket, command)

    async def _catch_up(self) -> None:
        """What was sent before an answer is here before it."""
        if self._socket is not None:
            await self._said(self._socket, {"id": "last", "command": "ping"})

    async def _hang_up(self) -> None:
        await self._catch_up()
        if self._socket is not None:
            await self._socket.close()

    async def _said(self, socket: aiohttp.ClientWebSocketResponse, command: dict[str, Any]) -> Any:
        await socket.send_json(command)
        while True:
            message = await socket.receive_json()
            if message.get("id") == command["id"]:
                return message
            self._pushed.append(message)

    def _use_sequences(self, next_sequence: int) -> None:
        """Brings the genesis account to where the scenarios before this one had left it."""
        key = genesis()
        for sequence in range(1, next_sequence):
            fields = {"TransactionType": "AccountSet", "Account": key.address, "Fee": "10", "Sequence": sequence}
            self.node.submit(key.sign(fields))
