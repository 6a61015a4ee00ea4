"""The queue of what pays less than the open ledger asks: in order of fee, tried after every close."""

from __future__ import annotations

from typing import Any

import msgspec

from neo_devnet.feemetrics import BASE_LEVEL, FeeMetrics, QueueSettings, level_of
from neo_devnet.ledger import State, keys
from neo_devnet.openledger import Entered, OpenLedger
from neo_devnet.results import applied
from neo_devnet.tx import Tx

__all__ = ["Queue", "Queued", "following", "potential_spend"]

RETRIES = 10
BLOCKING_FLAGS = frozenset({2, 4, 5})
"""Of AccountSet: RequireAuth, DisableMaster, AccountTxnID."""
REQUIRE_AUTH_BITS = 0x0004_0000 | 0x0008_0000


class Queued(msgspec.Struct):
    tx: Tx
    level: int
    retries: int = RETRIES


def potential_spend(tx: Tx) -> int:
    fields = tx.fields
    if fields["TransactionType"] == "OfferCreate":
        most = fields.get("TakerGets")
    elif fields["TransactionType"] == "Payment":
        most = fields.get("SendMax", fields.get("Amount"))
    else:
        most = None
    return int(most) if isinstance(most, str) else 0


def following(tx: Tx) -> int:
    taken: int = tx.fields.get("TicketCount", 0) if tx.fields["TransactionType"] == "TicketCreate" else 0
    return tx.sequence + (0 if tx.by_ticket else 1) + taken


def blocks(tx: Tx) -> bool:
    """Whether it may change who signs for the account: nothing of the account is queued beside it."""
    kind, fields = tx.fields["TransactionType"], tx.fields
    if kind == "AccountSet":
        return bool(
            fields.get("SetFlag") in BLOCKING_FLAGS
            or fields.get("ClearFlag") in BLOCKING_FLAGS
            or fields.get("Flags", 0) & REQUIRE_AUTH_BITS
        )
    return kind in ("SetRegularKey", "SignerListSet", "AccountDelete")


class _Refused(Exception):
    def __init__(self, result: str) -> None:
        super().__init__(result)
        self.result = result


def _root_and_ticket(view: OpenLedger, tx: Tx) -> dict[str, Any]:
    root = view.account(tx.account)
    if root is None:
        raise _Refused("terNO_ACCOUNT")
    if tx.by_ticket and view.state.get(keys.ticket(tx.account, tx.sequence)) is None:
        raise _Refused("tefNO_TICKET" if tx.sequence < root["Sequence"] else "terPRE_TICKET")
    return root


class Queue:
    def __init__(self, settings: QueueSettings) -> None:
        self.settings = settings
        self.metrics = FeeMetrics(settings)
        self.largest: int | None = None
        self._waiting: dict[str, dict[tuple[bool, int], Queued]] = {}
        self._parent_hash = 0

    def __len__(self) -> int:
        return sum(len(queued) for queued in self._waiting.values())

    def of(self, account: str) -> list[Queued]:
        queued = self._waiting.get(account, {})
        return [queued[turn] for turn in sorted(queued)]

    def next_sequence(self, account: str, sequence: int) -> int:
        """The first sequence that neither the open ledger nor the queue has used."""
        for queued in self.of(account):
            if queued.tx.by_ticket or queued.tx.sequence > sequence:
                break
            if queued.tx.sequence == sequence:
                sequence = following(queued.tx)
        return sequence

    def take(self, view: OpenLedger, tx: Tx, *, fail_hard: bool = False) -> tuple[str, bool]:
        """(result, whether it is now in the open ledger)."""
        root = view.account(tx.account)
        level = level_of(tx.fee, view.fees.base_of(tx))
        at_turn = root is not None and (tx.by_ticket or tx.sequence == root["Sequence"])
        if at_turn and level >= self.metrics.required(len(view.txs)):
            result, is_in = view.enter(tx, fail_hard=fail_hard)
            if is_in:
                self._drop(tx)
            return result, is_in
        try:
            return self._hold(view, tx, level, fail_hard=fail_hard)
        except _Refused as refused:
            return refused.result, False

    def _hold(self, view: OpenLedger, tx: Tx, level: int, *, fail_hard: bool) -> tuple[str, bool]:
        trial = view.try_out(tx)[0].result
        if trial.startswith("tem"):
            raise _Refused(trial)
        root = _root_and_ticket(view, tx)
        mine = [queued for queued in self.of(tx.account) if queued.tx.turn >= (False, root["Sequence"])]
        replaced = self._waiting.get(tx.account, {}).get(tx.turn)
        alone = len(mine) == 1 and replaced is not None
        if mine:
            self._check_beside(tx, mine, replaced, level, alone=alone)
        if not tx.by_ticket and tx.sequence < root["Sequence"]:
            raise _Refused("tefPAST_SEQ")
        if mine and not alone:
            self._check_wait(view, tx, root["Sequence"], replaced, fail_hard=fail_hard)
            self._check_turn(tx, root["Sequence"], mine, replaced)
            trial = view.try_out(tx, self._after_those_before(view, tx, root, mine))[0].result
        elif not mine and not tx.by_ticket and tx.sequence > root["Sequence"]:
            raise _Refused("terPRE_SEQ")
        if not applied(trial):
            raise _Refused(trial)
        if mine and not alone and (result := self._clear_up_to(view, tx, mine, level)) is not None:
            return result, True
        self._check_wait(view, tx, root["Sequence"], replaced, fail_hard=fail_hard)
        if replaced is None:
            self._make_room(tx, level)
        self._waiting.setdefault(tx.account, {})[tx.turn] = Queued(tx, level)
        return "terQUEUED", False

    def _check_beside(
        self, tx: Tx, mine: list[Queued], replaced: Queued | None, level: int, *, alone: bool
    ) -> None:
        if blocks(tx) and not alone:
            raise _Refused("telCAN_NOT_QUEUE_BLOCKS")
        if blocks(mine[0].tx) and not alone:
            raise _Refused("telCAN_NOT_QUEUE_BLOCKED")
        if replaced is not None and level <= replaced.level * (100 + self.settings.retry_percent) // 100:
            raise _Refused("telCAN_NOT_QUEUE_FEE")

    def _check_wait(
        self, view: OpenLedger, tx: Tx, sequence: int, replaced: Queued | None, *, fail_hard: bool
    ) -> None:
        """Whether it may wait at all: long enough, and not behind too many of its own."""
        if "AccountTxnID" in tx.fields or "PreviousTxnID" in tx.fields or fail_hard:
            raise _Refused("telCAN_NOT_QUEUE")
        if tx.last_ledger is not None and tx.last_ledger < view.index + self.settings.last_ledger_buffer:
            raise _Refused("telCAN_NOT_QUEUE")
        queued = self.of(tx.account)
        if replaced is not None or len(queued) < self.settings.per_account:
            return
        gap = self.next_sequence(tx.account, sequence)
        fills_a_gap = not tx.by_ticket and tx.sequence == gap
        if not fills_a_gap or all(one.tx.by_ticket or one.tx.sequence < gap for one in queued):
            raise _Refused("telCAN_NOT_QUEUE_FULL")

    def _check_turn(self, tx: Tx, sequence: int, mine: list[Queued], replaced: Queued | None) -> None:
        if tx.by_ticket:
            return
        if all(queued.tx.turn >= tx.turn for queued in mine):
            if tx.sequence > sequence:
                raise _Refused("terPRE_SEQ")
        elif replaced is None and self.next_sequence(tx.account, sequence) != tx.sequence:
            raise _Refused("telCAN_NOT_QUEUE")

    def _after_those_before(self, view: OpenLedger, tx: Tx, root: dict[str, Any], mine: list[Queued]) -> State:
        """The state with the account as it would be when what is queued has been applied."""
        fees = spend = 0
        for place, queued in enumerate(mine):
            counted = queued.tx
            if queued.tx.turn == tx.turn:
                if place == len(mine) - 1:
                    continue
                counted = tx
            fees += counted.fee
            spend += potential_spend(counted)
        balance, reserve = int(root["Balance"]), view.fees.reserve_base
        if fees >= balance or (reserve > 10 * view.fees.base and fees >= reserve):
            raise _Refused("telCAN_NOT_QUEUE_BALANCE")
        spent = fees + min(balance - min(balance, reserve), spend)
        turn = self.next_sequence(tx.account, root["Sequence"]) if tx.by_ticket else tx.sequence
        return view.state.with_changes(
            {keys.account(tx.account): {**root, "Balance": str(balance - spent), "Sequence": turn}}
        )

    def _clear_up_to(self, view: OpenLedger, tx: Tx, mine: list[Queued], level: int) -> str | None:
        """A high fee pays for those queued before it, too; None where it does not, or where one of them fails."""
        required = self.metrics.required(len(view.txs))
        if tx.by_ticket or not level > required > BASE_LEVEL or mine[0].retries < RETRIES:
            return None
        before = [queued for queued in mine if queued.tx.turn < tx.turn]
        paid = level + sum(queued.level for queued in before)
        if paid < self.metrics.required_for_series(len(view.txs), len(before) + 1):
            return None
        state, txs = view.state, list(view.txs)
        for one in [*(queued.tx for queued in before), tx]:
            result, is_in = view.enter(one)
            if not is_in:
                view.state, view.txs = state, txs
                for queued in before:
                    queued.retries -= 1
                return None
        for one in [*(queued.tx for queued in before), tx]:
            self._drop(one)
        return result

    def _make_room(self, tx: Tx, level: int) -> None:
        """A full queue lets in who pays more than the cheapest, which goes."""
        if self.largest is None or len(self) < self.largest:
            return
        cheapest = self._by_fee()[-1]
        others = self.of(cheapest.tx.account)
        mean = sum(queued.level for queued in others) // len(others)
        if cheapest.tx.account == tx.account or level <= max(cheapest.level, mean):
            raise _Refused("telCAN_NOT_QUEUE_FULL")
        self._drop(others[-1].tx)

    def _drop(self, tx: Tx) -> None:
        queued = self._waiting.get(tx.account)
        if queued is not None and queued.pop(tx.turn, None) is not None and not queued:
            del self._waiting[tx.account]

    def closed(self, entered: list[Entered], index: int, fees_of: dict[str, int], *, slow: bool) -> None:
        """After a close: figures of what the ledger holds, and whatever is too late for the next goes."""
        self.metrics.closed([level_of(one.tx.fee, fees_of[one.tx.hash]) for one in entered], slow=slow)
        if not slow:
            self.largest = max(
                self.metrics.expected * self.settings.ledgers_in_queue, self.settings.queue_size_min
            )
        for queued in self._by_fee():
            if queued.tx.last_ledger is not None and queued.tx.last_ledger <= index:
                self._drop(queued.tx)

    def into(self, view: OpenLedger, parent_hash: str) -> None:
        """Fills a new open ledger: the best fee first, an account's own order kept, until the fee is too low."""
        skipped: set[str] = set()
        waiting = self._by_fee()
        while waiting:
            queued = waiting.pop(0)
            if queued.tx.account in skipped:
                continue
            if not queued.tx.by_ticket and queued is not self.of(queued.tx.account)[0]:
                continue
            if queued.level < self.metrics.required(len(view.txs)):
                break
            result, is_in = view.enter(queued.tx)
            if is_in or result.startswith(("tef", "tem")) or queued.retries <= 0:
                self._drop(queued.tx)
                # One that was passed over because this stood before it has its turn now.
                waiting = self._by_fee() if is_in else waiting
                continue
            queued.retries -= 1
            skipped.add(queued.tx.account)
        self._parent_hash = int(parent_hash, 16)

    def _by_fee(self) -> list[Queued]:
        every = [queued for own in self._waiting.values() for queued in own.values()]
        return sorted(every, key=lambda queued: (-queued.level, int(queued.tx.hash, 16) ^ self._parent_hash))
