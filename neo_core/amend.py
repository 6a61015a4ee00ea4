"""What an operator changes in the books while no engine runs: held orders are resolved, the wallet is believed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal

import msgspec
from msgspec.structs import replace

from neo_core.config import LiveConfig
from neo_core.errors import UsageError
from neo_core.model import DROPS, Event, Inventory, Order, OrderStatus
from neo_core.rules import truth
from neo_core.rules.orders import ALIVE, Book
from neo_core.rules.truth import Suspect
from neo_core.state import RiskMemory, State
from neo_core.store import Keeper, Store
from neo_core.wiring import LIVE, Wallet, wallet_of, wallet_on_the_ledger

__all__ = ["Sides", "realign", "resolve", "sides"]


class Sides(msgspec.Struct, frozen=True):
    """The books and the wallet, and what may explain the difference.

    `unsettled` are our transactions that the wallet's ledger has seen since the engine's last tick.
    """

    account: str
    inventory: Inventory
    books_ledger: int
    wallet: Wallet
    suspects: tuple[Suspect, ...]
    unsettled: int

    @property
    def drops(self) -> int:
        return self.wallet.holds.drops - self.inventory.drops

    @property
    def rlusd(self) -> Decimal:
        return self.wallet.holds.rlusd - self.inventory.rlusd


@contextmanager
def _books(store: Store, engine: str, purpose: str) -> Iterator[tuple[Keeper, State]]:
    """The books, held for as long as they are changed: no engine may run on them meanwhile."""
    holder = store.holder(engine)
    if holder is not None:
        raise UsageError(
            f"engine {engine!r} is running (session {holder['session']}, process {holder['pid']} on "
            f"{holder['host']}), and {purpose} needs it stopped: `neo stop`, then try again"
        )
    store.hold(engine)
    try:
        found = store.books(engine)
        if found is None:
            raise UsageError(
                f"engine {engine!r} has no session in this database yet, so there is nothing to change"
            )
        yield found
    finally:
        store.let_go()


def resolve(store: Store, engine: str, order_id: str, filled: bool, reason: str) -> None:
    with _books(store, engine, "resolving an order this way") as (keeper, state):
        order = state.orders.get(order_id)
        if order is None or order.status is not OrderStatus.HELD_PENDING_REVIEW:
            raise UsageError(f"order {order_id} is not held for review, so there is nothing to resolve")
        if state.inventory is None:
            raise UsageError(f"engine {engine!r} has no inventory on record, so nothing can be booked into it")
        book = _book(state)
        book.decide_held(order, filled, max(state.ledger_index or 0, 1))
        after = replace(state, orders=book.orders, closed=book.closed, inventory=book.inventory)
        word = "filled" if filled else "cancelled"
        text = f"order {order_id} was {word}, says the operator: {reason}"
        event = Event("order_resolved", text, facts={"order_id": order_id, "verdict": word, "reason": reason})
        changed = tuple((book.changed or {}).values())
        store.amend(
            engine, keeper, state, after, orders=changed, fills=book.fills, events=(event,), at=time.time()
        )


def sides(store: Store, engine: str, database: str, live: LiveConfig) -> Sides:
    """The wallet is read where the last session traded: from the paper ledger's file, or asked from a node."""
    found = store.books(engine)
    if found is None or found[1].inventory is None:
        raise UsageError(f"engine {engine!r} has no inventory on record yet: its first tick takes the wallet's")
    keeper, state = found
    last = state.ledger_index or 0
    if store.sessions(engine)[-1]["mode"] == LIVE:
        wallet = wallet_on_the_ledger(live, keeper.account, last)
        if wallet.ledger_index < last:
            raise UsageError(
                f"the node shows ledger {wallet.ledger_index}, and the books are as of ledger {last}: it is "
                "behind, or of another network; wait until it is not, or name another"
            )
    else:
        wallet = wallet_of(database, keeper.account, last)
    orders = [*state.orders.values(), *state.closed.values()]
    unsettled = sum(1 for ledger in wallet.busy_ledgers if ledger > last)
    assert state.inventory is not None
    return Sides(keeper.account, state.inventory, last, wallet, truth.suspects(orders), unsettled)


def realign(store: Store, engine: str, seen: Sides, reason: str) -> None:
    """Takes the wallet for right, as it was shown. What is proven later about the time before it moves nothing."""
    with _books(store, engine, "a realign") as (keeper, state):
        if state.inventory != seen.inventory or state.ledger_index != (seen.books_ledger or None):
            raise UsageError("the books have changed since they were shown; look again, then decide")
        ledger = max(seen.wallet.ledger_index, seen.books_ledger)
        after = replace(
            state,
            inventory=seen.wallet.holds,
            orders=_as_left(state, seen.wallet, ledger),
            realigned=ledger,
            risk=_moved_along(state, seen),
        )
        told = f"{Decimal(seen.drops) / DROPS:+f} XRP and {seen.rlusd:+f} RLUSD"
        event = Event(
            "realigned",
            f"the books were brought to the wallet of ledger {ledger}: {told}: {reason}",
            facts={
                "xrp_before": str(Decimal(seen.inventory.drops) / DROPS),
                "rlusd_before": str(seen.inventory.rlusd),
                "xrp_after": str(Decimal(seen.wallet.holds.drops) / DROPS),
                "rlusd_after": str(seen.wallet.holds.rlusd),
                "ledger_index": ledger,
                "reason": reason,
            },
        )
        changed = tuple(order for key, order in after.orders.items() if order is not state.orders[key])
        store.amend(engine, keeper, state, after, orders=changed, fills=(), events=(event,), at=time.time())


def _book(state: State) -> Book:
    now = state.now or 0.0
    return Book(state.orders, state.closed, state.inventory, None, state.realigned, state.tick, now)


def _as_left(state: State, wallet: Wallet, ledger_index: int) -> dict[str, Order]:
    """What is left of each offer at the wallet's ledger: what was taken of it before is in the wallet already, and
    so is whatever became of an order that is gone.
    """
    left = {offer.sequence: offer for offer in wallet.offers}
    orders = dict(state.orders)
    for name, order in state.orders.items():
        offer = left.get(order.sequence)
        if order.status not in ALIVE:
            continue
        if offer is None and order.seen:
            orders[name] = replace(order, vanished_ledger=ledger_index)
        elif offer is not None and offer.drops < order.rest_drops:
            orders[name] = replace(order, rest_drops=offer.drops, rest_rlusd=offer.rlusd)
    return orders


def _moved_along(state: State, seen: Sides) -> RiskMemory:
    """What came in or went out is neither a profit nor a loss: the opening inventory moves along."""
    opening = state.risk.opening
    if opening is None:
        return state.risk
    moved = Inventory(opening.drops + seen.drops, opening.rlusd + seen.rlusd)
    return replace(state.risk, opening=moved)
