"""The open ledger: what would be in the next one if it closed now, in the order in which it came."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

import msgspec

from neo_devnet.amendments import enabled
from neo_devnet.ledger import Applied, Rules, State, apply, genesis, keys
from neo_devnet.results import KEEP_ON_RETRY, applied
from neo_devnet.tx import Tx

__all__ = ["Entered", "Fees", "OpenLedger", "Parent", "apply_all", "beginning"]

ALL_PASSES = 3
RETRY_PASSES = 1
FAILS = ("tef", "tem", "tel")


class Parent(Protocol):
    """The ledger below: what rules take from it."""

    @property
    def index(self) -> int: ...

    @property
    def hash(self) -> str: ...

    @property
    def close_time(self) -> int: ...


class Fees(msgspec.Struct, frozen=True):
    base: int = 10
    reserve_base: int = 1_000_000
    reserve_inc: int = 200_000

    def base_of(self, tx: Tx) -> int:
        """What a transaction of this kind costs on a quiet node."""
        if tx.fields["TransactionType"] in ("AMMCreate", "AccountDelete"):
            return self.reserve_inc
        return self.base * (1 + len(tx.fields.get("Signers", ())))

    def rules(self, parent: Parent, *, is_open: bool = False, position: int = 0, retry: bool = False) -> Rules:
        return Rules(
            ledger_index=parent.index + 1,
            parent_close_time=parent.close_time,
            parent_hash=parent.hash,
            base_fee=self.base,
            reserve_base=self.reserve_base,
            reserve_inc=self.reserve_inc,
            open_ledger=is_open,
            transaction_index=position,
            retry=retry,
        )


def beginning(fees: Fees) -> State:
    """The state of the first ledger: one account that owns everything."""
    return genesis(
        base_fee=fees.base, reserve_base=fees.reserve_base, reserve_inc=fees.reserve_inc, amendments=enabled()
    )


class Entered(msgspec.Struct, frozen=True):
    """A transaction in a closed ledger."""

    tx: Tx
    meta: dict[str, Any]
    ledger_index: int

    @property
    def position(self) -> int:
        position: int = self.meta["TransactionIndex"]
        return position

    @property
    def result(self) -> str:
        result: str = self.meta["TransactionResult"]
        return result


class OpenLedger:
    def __init__(self, parent: Parent, state: State, fees: Fees) -> None:
        self.index = parent.index + 1
        self.state = state
        self.fees = fees
        self.txs: list[Tx] = []
        self._parent = parent

    def account(self, address: str) -> dict[str, Any] | None:
        return self.state.get(keys.account(address))

    def try_out(self, tx: Tx, state: State | None = None) -> tuple[Applied, State]:
        """What the transaction would do here, without letting it in."""
        rules = self.fees.rules(self._parent, is_open=True, position=len(self.txs))
        return apply(self.state if state is None else state, tx.fields, rules)

    def enter(self, tx: Tx, *, fail_hard: bool = False) -> tuple[str, bool]:
        """Lets it in if its result claims a fee; (result, whether it is in)."""
        done, state = self.try_out(tx)
        if not applied(done.result) or (fail_hard and done.result != "tesSUCCESS"):
            return done.result, False
        self.state = state
        self.txs.append(tx)
        return done.result, True


def apply_all(
    txs: Iterable[Tx], state: State, fees: Fees, parent: Parent
) -> tuple[list[Entered], State, list[Tx]]:
    """A close: every transaction in the given order, and those that did not work yet again, up to three times.
    The third answer is what got into no ledger but may still get into a later one.

    While a pass is one of retries, a tec is no end: the transaction is tried again behind all the others.
    """
    entered: list[Entered] = []
    waiting = list(txs)
    retry = True
    for number in range(ALL_PASSES):
        again: list[Tx] = []
        changes = 0
        for tx in waiting:
            rules = fees.rules(parent, position=len(entered), retry=retry)
            done, after = apply(state, tx.fields, rules)
            kept = done.result in KEEP_ON_RETRY and not done.claimed_early
            claims = done.result == "tesSUCCESS" or kept or not retry
            if applied(done.result) and claims:
                assert done.meta is not None
                entered.append(Entered(tx, done.meta, parent.index + 1))
                state = after
                changes += 1
            elif not done.result.startswith(FAILS):
                again.append(tx)
        waiting = again
        if not waiting or (not changes and not retry):
            break
        if not changes or number >= RETRY_PASSES:
            retry = False
    return entered, state, waiting
