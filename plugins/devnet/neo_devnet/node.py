"""The node: an open ledger above the last closed one, a queue, held transactions, and the history of closes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol

from neo_devnet.canonical import canonical
from neo_devnet.faults import Faults
from neo_devnet.feemetrics import QueueSettings, drops_at
from neo_devnet.history import RESOLUTION, RIPPLE_EPOCH, History, Ledger, seal
from neo_devnet.ledger import State, keys
from neo_devnet.openledger import Fees, OpenLedger, apply_all, beginning
from neo_devnet.queue import Queue
from neo_devnet.results import code_of, message_of
from neo_devnet.rpc import answer
from neo_devnet.tx import Tx, read

__all__ = ["Listener", "Node"]

ALL_COINS = 100_000_000_000_000_000
LOCAL_LEDGERS = 5
"""For so many ledgers a node tries what was submitted to it again."""
SLOW_SECONDS = 5.0


class Listener(Protocol):
    """Who is told what happens: the streams of a port, or a test."""

    def proposed(self, tx: Tx, result: str) -> None: ...

    def closed(self, ledger: Ledger) -> None: ...


class Node:
    """`clock` gives Unix seconds, from which close times come. With `ledger_seconds` it is only asked once, or
    `begins_at` says it: from then on every close moves ledger time on by so much, however fast ledgers really
    close. Without `network_id` the server names none, as one that stands alone.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        ledger_seconds: float | None = None,
        fees: Fees | None = None,
        queue: QueueSettings | None = None,
        network_id: int | None = None,
        keep_states: int = 1024,
        state: State | None = None,
        total_coins: int = ALL_COINS,
        begins_at: float | None = None,
    ) -> None:
        self.fees = fees or Fees()
        self.network_id = network_id
        self.monotonic = monotonic
        self.started_at = monotonic()
        self.history = History(keep_states)
        self.queue = Queue(queue or QueueSettings())
        self.listeners: list[Listener] = []
        self.before_close: Callable[[Node], None] | None = None
        self.clock = clock
        self._ledger_seconds = ledger_seconds
        self._time = clock() if begins_at is None else begins_at
        self._held: dict[str, dict[tuple[bool, int], Tx]] = {}
        self._local: list[tuple[int, Tx]] = []
        first = seal(
            parent=None,
            entered=(),
            state=beginning(self.fees) if state is None else state,
            close_time=0,
            closed_at=monotonic(),
            total_coins=total_coins,
        )
        self.history.add(first)
        self.validated = first
        self.open = self._opened()
        self.accept()

    def catch_up(self) -> None:
        """Closes a ledger at the time that the clock says now, if that is later."""
        self._time = max(self._time, self.clock() - (self._ledger_seconds or 0.0))
        self.accept()

    # -- closing ---

    def accept(
        self, close_time: int | None = None, *, ledger_hash: str | None = None, slow_seconds: float = 0.0
    ) -> int:
        """Closes the open ledger; the index of the new one. `close_time` (seconds since 2000) and `ledger_hash`
        are given only where a recorded close is repeated. `slow_seconds` is ledger time that passes besides.
        """
        if self.before_close is not None and self.validated.index > 1:
            self.before_close(self)
        self._retry_held()
        parent = self.validated
        ordered = canonical(self.open.txs)
        assert parent.state is not None
        entered, state, waiting = apply_all(ordered, parent.state, self.fees, parent)
        ledger = seal(
            parent=parent,
            entered=entered,
            state=state,
            close_time=self._close_time(slow_seconds) if close_time is None else close_time,
            closed_at=self.monotonic(),
            total_coins=parent.total_coins - sum(one.tx.fee for one in entered),
        )
        if ledger_hash is not None:
            ledger.hash = ledger_hash
        self.history.add(ledger)
        self.validated = ledger
        base_fees = {one.tx.hash: self.fees.base_of(one.tx) for one in entered}
        if parent.index > 1:
            self.queue.closed(entered, ledger.index, base_fees, slow=slow_seconds > SLOW_SECONDS)
        self.open = self._opened()
        for tx in waiting:
            self.open.enter(tx)
        self.queue.into(self.open, ledger.hash)
        self._retry_local()
        for listener in tuple(self.listeners):
            listener.closed(ledger)
        return self.open.index

    def _opened(self) -> OpenLedger:
        assert self.validated.state is not None
        return OpenLedger(self.validated, self.validated.state, self.fees)

    def _close_time(self, slow_seconds: float) -> int:
        if self._ledger_seconds is None:
            self._time = self.clock()
        elif self.validated.index > 1:
            self._time += self._ledger_seconds + slow_seconds
        now = int(self._time) - RIPPLE_EPOCH
        half_up = now + RESOLUTION // 2
        return max(half_up - half_up % RESOLUTION, self.validated.close_time + 1)

    def _retry_held(self) -> None:
        held = [tx for own in self._held.values() for tx in own.values()]
        self._held.clear()
        for tx in canonical(held, bytes(32)):
            self.queue.take(self.open, tx)

    def _retry_local(self) -> None:
        """What was submitted here and is in no ledger yet is tried again, for some ledgers."""
        kept: list[tuple[int, Tx]] = []
        for until, tx in self._local:
            root = self.open.account(tx.account)
            used = root is not None and (
                root["Sequence"] > tx.sequence
                and (not tx.by_ticket or self.open.state.get(keys.ticket(tx.account, tx.sequence)) is None)
            )
            if self.validated.index <= until and not used and self.history.find(tx.hash) is None:
                kept.append((until, tx))
        self._local = kept
        for tx in canonical([tx for _, tx in kept], bytes(32)):
            self.queue.take(self.open, tx)

    # -- taking in ---

    def submit(self, blob: bytes, *, fail_hard: bool = False) -> dict[str, Any]:
        """What a node answers to a submit. Raises NotATransaction."""
        tx = read(blob)
        self.history.seen[tx.hash] = tx
        result, is_in = self._take(tx, fail_hard=fail_hard)
        queued = result == "terQUEUED"
        stays = not fail_hard or result == "tesSUCCESS"
        if stays:
            until = self.open.index + LOCAL_LEDGERS
            if tx.last_ledger is not None:
                until = min(until, tx.last_ledger + 1)
            self._local.append((until, tx))
        if result.startswith("ter") and not queued and stays:
            self._held.setdefault(tx.account, {})[tx.turn] = tx
        answer = self._answer(tx, result, applied=is_in, queued=queued, kept=stays)
        if result == "tesSUCCESS":
            self._release_after(tx)
        return answer

    def _take(self, tx: Tx, *, fail_hard: bool = False) -> tuple[str, bool]:
        result, is_in = self.queue.take(self.open, tx, fail_hard=fail_hard)
        if is_in:
            for listener in tuple(self.listeners):
                listener.proposed(tx, result)
        return result, is_in

    def _release_after(self, tx: Tx) -> None:
        """A gap is filled: what was held for it goes in at once, one after the other."""
        while True:
            held = self._held.get(tx.account, {})
            following = next((held[turn] for turn in sorted(held) if turn > tx.turn), None)
            if following is None or not (following.by_ticket or following.sequence == tx.sequence + 1):
                return
            del held[following.turn]
            if self._take(following)[0] != "tesSUCCESS":
                return
            tx = following

    def _answer(self, tx: Tx, result: str, *, applied: bool, queued: bool, kept: bool) -> dict[str, Any]:
        root = self.open.account(tx.account)
        sequence = root["Sequence"] if root else 0
        level = self.queue.metrics.required(len(self.open.txs))
        shown = dict(tx.fields)
        if (entered := self.history.find(tx.hash)) is not None:
            shown |= {"inLedger": entered.ledger_index, "ledger_index": entered.ledger_index}
        broadcast = applied or queued
        return {
            "accepted": applied or queued or kept or broadcast,
            "account_sequence_available": self.queue.next_sequence(tx.account, sequence),
            "account_sequence_next": sequence,
            "applied": applied,
            "broadcast": broadcast,
            "engine_result": result,
            "engine_result_code": code_of(result),
            "engine_result_message": message_of(result),
            "kept": kept,
            "open_ledger_cost": str(drops_at(level, self.fees.base_of(tx))),
            "queued": queued,
            "tx_blob": tx.blob.hex().upper(),
            "tx_json": shown,
            "validated_ledger_index": self.validated.index,
        }

    # -- asking ---

    def rpc(
        self,
        method: str,
        params: dict[str, Any] | None = None,
        api_version: int = 2,
        *,
        admin: bool = True,
        faults: Faults | None = None,
    ) -> dict[str, Any]:
        """The `result` of a JSON-RPC response, `status` and all. Subscribing is the business of Streams."""
        return answer(self, method, params or {}, api_version, admin=admin, faults=faults or Faults())
