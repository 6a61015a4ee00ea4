"""Orders and inventory: the table of moves, booking what is proven, finding what vanished. (SPEC 8)"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec.structs import replace

from neo_core.errors import IllegalMove
from neo_core.model import (
    Account,
    Ack,
    AckOutcome,
    Cancel,
    Fill,
    Inventory,
    Mark,
    Offer,
    OfferEvent,
    Order,
    OrderStatus,
    Outcome,
    Prepared,
    Resolution,
    Side,
)
from neo_core.state import State

__all__ = ["ALIVE", "MARKABLE", "MOVES", "QUOTED", "Book", "attach", "may_move"]

_S = OrderStatus

QUOTED = frozenset({_S.PENDING, _S.OPEN, _S.PARTIALLY_FILLED})
MARKABLE = QUOTED | {_S.CANCEL_REQUESTED}
ALIVE = MARKABLE | {_S.CANCELLED_BY_ENGINE}
"""An order in one of these may still be taken by someone, so exposure counts it."""

_ENDS = {_S.FILLED, _S.CANCELLED, _S.EXPIRED}
_LEAVES = {_S.CANCEL_REQUESTED, _S.CANCELLED_BY_ENGINE, _S.HELD_PENDING_REVIEW} | _ENDS

# From a status: where an order may go on anybody's word, and where only a validated transaction takes it.
MOVES: Mapping[OrderStatus, tuple[frozenset[OrderStatus], frozenset[OrderStatus]]] = {
    _S.PENDING: (frozenset({_S.OPEN, _S.PARTIALLY_FILLED, _S.REJECTED} | _LEAVES), frozenset()),
    _S.OPEN: (frozenset({_S.PARTIALLY_FILLED} | _LEAVES), frozenset()),
    _S.PARTIALLY_FILLED: (frozenset({_S.PARTIALLY_FILLED} | _LEAVES), frozenset()),
    _S.CANCEL_REQUESTED: (
        frozenset({_S.CANCELLED_BY_ENGINE, _S.HELD_PENDING_REVIEW, _S.REJECTED} | _ENDS),
        frozenset(),
    ),
    _S.CANCELLED_BY_ENGINE: (frozenset(), frozenset({_S.REJECTED} | _ENDS)),
    _S.HELD_PENDING_REVIEW: (frozenset({_S.FILLED, _S.CANCELLED}), frozenset({_S.EXPIRED, _S.REJECTED})),
    _S.FILLED: (frozenset(), frozenset({_S.CANCELLED, _S.EXPIRED})),
    _S.CANCELLED: (frozenset(), frozenset({_S.FILLED, _S.EXPIRED})),
    _S.EXPIRED: (frozenset(), frozenset({_S.FILLED, _S.CANCELLED})),
    _S.REJECTED: (frozenset(), frozenset(_ENDS)),
}


def may_move(old: OrderStatus, new: OrderStatus, *, proven: bool) -> bool:
    freely, by_proof = MOVES[old]
    return new in freely or (proven and new in by_proof)


def _move(order: Order, status: OrderStatus, *, proven: bool = False, **changes: object) -> Order:
    if not may_move(order.status, status, proven=proven):
        raise IllegalMove(f"order {order.id} cannot go from {order.status} to {status}")
    return replace(order, status=status, **changes)


def attach(order: Order, prepared: Prepared) -> Order:
    """What preparing has told: the sequence and hash of a placement, the hash of a cancel."""
    if isinstance(prepared.intent, Cancel):
        return replace(order, cancel_tx_hash=prepared.tx_hash)
    return replace(order, sequence=prepared.sequence, tx_hash=prepared.tx_hash, last_ledger=prepared.last_ledger)


class Book:
    """The orders and the inventory during one tick. What it was given is copied before the first change.

    `impossible` is the first thing seen that cannot be: the orders then no longer add up.
    """

    changed: Mapping[str, Order] = {}
    fills: tuple[Fill, ...] = ()
    impossible = ""

    def __init__(self, state: State, tick: int, now: float) -> None:
        self.orders = state.orders
        self.closed = state.closed
        self.inventory = state.inventory
        self._tick = tick
        self._now = now

    def put(self, order: Order) -> None:
        if not self.changed:
            self.changed = {}
            self.orders = dict(self.orders)
            self.closed = dict(self.closed)
        changed, orders, closed = self.changed, self.orders, self.closed
        assert isinstance(changed, dict)
        assert isinstance(orders, dict)
        assert isinstance(closed, dict)
        changed[order.id] = order
        orders.pop(order.id, None)
        closed.pop(order.id, None)
        (closed if order.closed_ledger else orders)[order.id] = order

    def forget(self, before_ledger: int) -> None:
        """Closed orders are kept a while, for proof that comes late; then the database alone has them."""
        closed = self.closed
        if closed and next(iter(closed.values())).closed_ledger < before_ledger:
            self.closed = {i: o for i, o in closed.items() if o.closed_ledger >= before_ledger}

    def acknowledge(self, acks: Iterable[Ack], ledger_index: int) -> None:
        for ack in acks:
            order = self.orders.get(ack.order_id)
            if order is None or ack.outcome is not AckOutcome.REFUSED:
                continue
            if ack.cancel:
                self.put(replace(order, cancel_ledger=0))
            elif not order.seen and order.status in MARKABLE:
                self.put(_move(order, _S.REJECTED, closed_ledger=max(ledger_index, 1)))

    def settle(self, account: Account, ledger_index: int, since: int | None) -> list[Order]:
        """Books what is proven, and answers the orders that vanished without proof."""
        if self.inventory is None:
            self.inventory = Inventory(account.xrp_drops, account.rlusd)
        elif account.transactions or account.events:
            self._prove(account, ledger_index, -1 if since is None else since)
        return self._look(account.offers, ledger_index)

    def _prove(self, account: Account, ledger_index: int, since: int) -> None:
        inventory = self.inventory
        assert inventory is not None
        named = {o.sequence: o for orders in (self.closed, self.orders) for o in orders.values()}
        rejected = []
        for transaction in account.transactions:
            if transaction.ledger_index > since:
                inventory = replace(inventory, drops=inventory.drops - transaction.fee_drops)
                if transaction.result != "tesSUCCESS" and transaction.sequence in named:
                    rejected.append(named[transaction.sequence])
        self.inventory = inventory
        for event in account.events:
            order = named.get(event.sequence)
            if order is not None:
                named[event.sequence] = self._apply(order, event)
            elif event.ledger_index > since:
                self._cannot_be(
                    f"ledger {event.ledger_index} shows offer {event.sequence}, which this engine never made"
                )
        for order in rejected:
            self.put(_move(order, _S.REJECTED, proven=True, closed_ledger=ledger_index))

    def _apply(self, order: Order, event: OfferEvent) -> Order:
        """One proven event. A fill is booked once, by its transaction, whatever the order's status."""
        kind = event.event
        if kind in ("partial_fill", "filled"):
            if event.tx_hash in order.proofs:
                return order
            if event.drops > order.rest_drops:
                self._cannot_be(
                    f"transaction {event.tx_hash} filled {event.drops} drops of order {order.id}, "
                    f"which had {order.rest_drops} left"
                )
                return order
            self._fill(order, event.drops, event)
            order = replace(
                order,
                rest_drops=event.rest_drops,
                rest_rlusd=event.rest_rlusd,
                proofs=(*order.proofs, event.tx_hash),
            )
            if kind == "filled":
                order = _move(order, _S.FILLED, proven=True, closed_ledger=event.ledger_index)
            elif order.status in (_S.PENDING, _S.OPEN):
                order = _move(order, _S.PARTIALLY_FILLED)
        elif kind == "placed":
            if order.seen or order.closed_ledger:
                return order
            order = replace(order, seen=True)
            if order.status is _S.PENDING:
                order = _move(order, _S.OPEN)
        else:
            if order.closed_ledger:
                return order
            ended = _S.EXPIRED if event.cause == "expired" else _S.CANCELLED
            order = _move(order, ended, proven=True, closed_ledger=event.ledger_index)
        self.put(order)
        return order

    def _fill(self, order: Order, drops: int, event: OfferEvent | None) -> None:
        rlusd = order.rest_rlusd if event is None else event.rlusd
        assert self.inventory is not None
        bought = 1 if order.side is Side.BUY else -1
        self.inventory = Inventory(self.inventory.drops + bought * drops, self.inventory.rlusd - bought * rlusd)
        fill = Fill(
            order_id=order.id,
            side=order.side,
            drops=drops,
            rlusd=rlusd,
            tx_hash="" if event is None else event.tx_hash,
            sequence=order.sequence,
            ledger_index=0 if event is None else event.ledger_index,
            tick=self._tick,
            at=self._now,
            proven=event is not None,
        )
        self.fills += (fill,)

    def _look(self, offers: Sequence[Offer], ledger_index: int) -> list[Order]:
        """Compares our orders with the offers that the ledger shows."""
        shown = {offer.sequence: offer for offer in offers}
        vanished, first_seen = [], []
        for order in self.orders.values():
            offer = shown.pop(order.sequence, None)
            if offer is None:
                if order.status in ALIVE and (order.seen or 0 < order.last_ledger < ledger_index):
                    vanished.append(order)
                continue
            if offer.drops != order.rest_drops:
                change = "grew" if offer.drops > order.rest_drops else "shrank without proof"
                self._cannot_be(
                    f"what is left of order {order.id} {change}: "
                    f"{order.rest_drops} drops known, {offer.drops} seen"
                )
            if not order.seen:
                first_seen.append(order)
        for order in first_seen:
            seen = replace(order, seen=True)
            self.put(_move(seen, _S.OPEN) if seen.status is _S.PENDING else seen)
        if shown:
            self._cannot_be(f"the ledger shows our offers {sorted(shown)}, which this engine never made")
        return vanished

    def _cannot_be(self, what: str) -> None:
        self.impossible = self.impossible or what

    def resolve(self, order: Order, resolution: Resolution, ledger_index: int) -> None:
        """What a layer concluded. A mark is stronger than any guess: such an order never moves inventory."""
        outcome = resolution.outcome
        if order.status is _S.CANCELLED_BY_ENGINE:
            self.put(replace(order, closed_ledger=ledger_index))
        elif outcome is Outcome.HELD:
            self.put(_move(order, _S.HELD_PENDING_REVIEW))
        elif outcome is Outcome.PHANTOM_FILL:
            self._fill(order, order.rest_drops, None)
            self.put(_move(order, _S.FILLED, closed_ledger=ledger_index))
        else:
            ended = _S.EXPIRED if outcome is Outcome.EXPIRED else _S.CANCELLED
            self.put(_move(order, ended, closed_ledger=ledger_index))

    def mark(self, order: Order, mark: Mark) -> Order:
        marked = _move(
            order, _S.CANCELLED_BY_ENGINE, cancelled_at=mark.cancelled_at, cancel_reason=mark.cancel_reason
        )
        self.put(marked)
        return marked

    def cancel(self, order: Order, ledger_index: int) -> None:
        if order.status in QUOTED:
            order = _move(order, _S.CANCEL_REQUESTED)
        self.put(replace(order, cancel_ledger=ledger_index))

    def alive(self) -> list[Order]:
        return [order for order in self.orders.values() if order.status in ALIVE]
