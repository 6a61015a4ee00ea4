"""The orders and the inventory during one tick: how they are kept, marked and forgotten. (SPEC 8)"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from msgspec.structs import replace

from neo_core.model import (
    Ack,
    AckOutcome,
    Fill,
    Inventory,
    Mark,
    Offer,
    Order,
    OrderStatus,
    Ranges,
    Transfer,
)
from neo_core.rules.order_moves import ALIVE, MARKABLE, QUOTED, moved

__all__ = ["Sheet"]

CANCEL_REQUESTED, CANCELLED_BY_ENGINE = OrderStatus.CANCEL_REQUESTED, OrderStatus.CANCELLED_BY_ENGINE
REJECTED, HELD = OrderStatus.REJECTED, OrderStatus.HELD_PENDING_REVIEW
SENT, REFUSED = AckOutcome.SENT, AckOutcome.REFUSED
MOST_CLOSED = 32
MOST_LEDGERS_CLOSED = 512


class Sheet(msgspec.Struct, gc=False):
    """The orders and the inventory during one tick. What it was given is copied before the first change.

    `untold` are the ledgers of which nothing was told yet, `covered` is whether there is none. `holds` is whether
    an order was held on this tick, `ended` are the orders that the ledger has ended, `transfers` what came in or
    went out.
    `strangers` are offers of ours that no order has made, `reopened` are orders that were closed without proof and
    that the ledger shows again, `shrunk_unbooked` marked orders that shrank without proof. `impossible` is the
    first thing seen that cannot be: the orders then no longer add up.
    """

    orders: dict[str, Order]
    closed: dict[str, Order]
    inventory: Inventory | None
    matched: tuple[Offer, ...] | None
    realigned: int
    _tick: int
    _now: float
    untold: Ranges = ()
    changed: dict[str, Order] | None = None
    fills: tuple[Fill, ...] = ()
    never_placed: tuple[Order, ...] = ()
    shrunk_unbooked: tuple[Order, ...] = ()
    strangers: tuple[Offer, ...] = ()
    reopened: tuple[str, ...] = ()
    ended: tuple[str, ...] = ()
    transfers: tuple[Transfer, ...] = ()
    covered: bool = False
    holds: bool = False
    impossible: str = ""

    def put(self, order: Order) -> None:
        changed, name = self.changed, order.id
        if changed is None:
            self.changed = changed = {}
            self.orders = self.orders.copy()
            self.closed = self.closed.copy()
        changed[name] = order
        if order.status is HELD:
            self.holds = True
        if order.closed_ledger:
            self.closed[name] = order
            self.orders.pop(name, None)
            return
        self.orders[name] = order
        if name in self.closed:
            del self.closed[name]

    def forget(self, before_ledger: int) -> None:
        """Closed orders are kept a while, for proof that comes late; then the database alone has them."""
        if len(self.closed) > MOST_CLOSED:
            if self.untold:  # what they still have to tell must find its order
                before_ledger = max(min(before_ledger, self.untold[0][0]), before_ledger - MOST_LEDGERS_CLOSED)
            self.closed = {i: o for i, o in self.closed.items() if o.closed_ledger >= before_ledger}

    def acknowledge(self, acks: Iterable[Ack], ledger_index: int) -> None:
        for ack in acks:
            order = self.orders.get(ack.order_id)
            if order is None or ack.outcome is SENT:
                continue
            refused = ack.outcome is REFUSED
            if ack.cancel:
                tx_hash = "" if refused else order.cancel_tx_hash
                self.put(replace(order, cancel_ledger=0, cancel_tx_hash=tx_hash))
            elif not order.seen:
                self.cancel_failed(order.tx_hash, known=refused)
                if refused and order.status in MARKABLE:
                    self.put(replace(order, status=moved(order, REJECTED), closed_ledger=max(ledger_index, 1)))

    def cancel_failed(self, tx_hash: str, *, known: bool = True) -> None:
        """The transaction was to cancel an order, or to replace it. If not `known`, it may have failed."""
        for order in tuple(self.orders.values()):
            if tx_hash and order.cancel_tx_hash == tx_hash:
                self.put(replace(order, cancel_ledger=0, cancel_tx_hash="" if known else tx_hash))

    def wait(self, order: Order, ledger_index: int) -> Order:
        """It stays as it is, and counts as alive, until it is known what became of it."""
        if not order.vanished_ledger:
            order = replace(order, vanished_ledger=ledger_index)
            self.put(order)
        return order

    def adopt(self, orders: Iterable[Order]) -> None:
        """Offers that were on the ledger before this engine knew of them."""
        for order in orders:
            self.put(order)
        self.strangers = ()

    def mark(self, order: Order, mark: Mark) -> Order:
        status = moved(order, CANCELLED_BY_ENGINE)
        marked = replace(order, status=status, cancelled_at=mark.cancelled_at, cancel_reason=mark.cancel_reason)
        self.put(marked)
        return marked

    def cancel(self, order: Order, ledger_index: int) -> None:
        status = CANCEL_REQUESTED if order.status in QUOTED else order.status
        self.put(replace(order, status=status, cancel_ledger=ledger_index))

    def alive(self) -> list[Order]:
        return [order for order in self.orders.values() if order.status in ALIVE]

    def cannot_be(self, what: str) -> None:
        self.impossible = self.impossible or what
