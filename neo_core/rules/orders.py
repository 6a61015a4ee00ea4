"""Orders and inventory: booking what is proven, finding what vanished. (SPEC 8)"""

from __future__ import annotations

from decimal import Decimal

from msgspec.structs import replace

from neo_core.model import (
    Account,
    Fill,
    Inventory,
    Offer,
    OfferEvent,
    Order,
    OrderStatus,
    Outcome,
    OwnTransaction,
    Ranges,
    Resolution,
    Side,
)
from neo_core.rules import coverage, matching, payments
from neo_core.rules.order_moves import ALIVE, MARKABLE, MOVES, QUOTED, attach, moved, proven
from neo_core.rules.sheet import Sheet

__all__ = ["ALIVE", "MARKABLE", "MOVES", "QUOTED", "Book", "attach"]

PENDING, OPEN, PARTIALLY_FILLED = OrderStatus.PENDING, OrderStatus.OPEN, OrderStatus.PARTIALLY_FILLED
CANCEL_REQUESTED, CANCELLED_BY_ENGINE = OrderStatus.CANCEL_REQUESTED, OrderStatus.CANCELLED_BY_ENGINE
FILLED, CANCELLED, EXPIRED = OrderStatus.FILLED, OrderStatus.CANCELLED, OrderStatus.EXPIRED
REJECTED, HELD = OrderStatus.REJECTED, OrderStatus.HELD_PENDING_REVIEW
BUY = Side.BUY

GUESS = "guess"
"""Stands among the proofs of an order that was taken for filled; what is left of it is then what was guessed."""
SEEN = "seen"
"""Stands among the proofs of an order of which some fill was booked because the ledger showed less of it."""
REALIGN = "realign"
"""Begins the hash of a fill that books another one back: a realign took its effect from the wallet already."""


class Book(Sheet, gc=False):
    """The orders and the inventory, and what a ledger does to them."""

    def unmoved(self, account: Account, since: int | None) -> bool:
        """Whether nothing happened: the ledger shows the very offers that matched our orders the last time."""
        return (
            account.offers is self.matched
            and not account.events
            and not account.transactions
            and not account.transfers
            and self.changed is None
            and not self.untold
            and since is not None
            and account.covers_from <= since + 1
        )

    def settle(self, account: Account, ledger_index: int, since: int | None, starting: bool) -> list[Order]:
        """Books what is proven, and answers the orders that vanished without proof.

        While a session is `starting`, an event that it cannot explain is not impossible: it may be another's.
        """
        before = self.untold
        if since is not None:
            self.untold = coverage.still_untold(before, since, account.covers_from, ledger_index)
        if self.inventory is None:
            self.inventory = Inventory(account.xrp_drops, account.rlusd)
            self.realigned = ledger_index  # what is told later of ledgers up to this one is in it already
        if account.transactions or account.events or account.transfers:
            self._prove(account, ledger_index, -1 if since is None else since, before, starting)
        self.covered = since is not None and not self.untold
        return self._look(account, ledger_index)

    def _prove(self, account: Account, ledger_index: int, since: int, untold: Ranges, starting: bool) -> None:
        """New is what happened in a ledger of which nothing had been told before."""
        self._pay(account, since, untold)
        # Before any event: what failed was not placed, nor was what lost its sequence to another transaction,
        # though it may have been taken for seen: the offer was the other's.
        for transaction in account.transactions:
            sequence, at = transaction.sequence, transaction.ledger_index
            if transaction.result != "tesSUCCESS":
                self.cancel_failed(transaction.tx_hash)
            for order in tuple(self.orders.values()):
                if order.sequence == sequence and not matching.is_proven(order):
                    lost = at > since or coverage.is_in(untold, at)
                    self._used(order, transaction, lost, ledger_index, account.proves_fills)
        for event in account.events:
            named = matching.named(event, self.orders, self.closed)
            if named is not None:
                self._apply(named, event)
            elif not starting and (event.ledger_index > since or coverage.is_in(untold, event.ledger_index)):
                self.cannot_be(
                    f"ledger {event.ledger_index} shows {event.side} offer {event.sequence}, which this engine "
                    "never made"
                )

    def _used(
        self, order: Order, transaction: OwnTransaction, lost: bool, ledger_index: int, proves: bool
    ) -> None:
        """Its sequence was used by this transaction: by its own, or by another, to which it is lost."""
        if transaction.tx_hash != order.tx_hash:
            if lost:
                self._reject(order, ledger_index)
        elif transaction.result != "tesSUCCESS":
            self._reject(order, ledger_index)
        elif not (order.seen or proves):
            self.put(replace(order, seen=True))  # it landed, and may have been taken in the same ledger

    def _pay(self, account: Account, since: int, untold: Ranges) -> None:
        assert self.inventory is not None
        drops, rlusd, self.transfers = payments.due(account, since, untold, self.realigned)
        if drops or rlusd:
            owned = self.inventory
            self.inventory = Inventory(owned.drops + drops, owned.rlusd + rlusd if rlusd else owned.rlusd)

    def _apply(self, order: Order, event: OfferEvent) -> None:
        """One proven event. What moved is booked once, by its transaction, whatever the order's status."""
        kind = event.event
        if GUESS in order.proofs and kind != "placed" and event.tx_hash not in order.proofs:
            order = self._take_back(order)
        if event.drops and not _is_booked(order, event):
            left = order.drops - order.filled_drops
            if event.drops > left:
                self.cannot_be(
                    f"transaction {event.tx_hash} filled {event.drops} drops of order {order.id}, "
                    f"which had {left} left"
                )
                return
            order = self._traded(order, event)
        if kind == "placed":
            self._landed(order, event)
        elif kind in ("filled", "removed"):
            self._over(order, event)

    def _traded(self, order: Order, event: OfferEvent) -> Order:
        self._fill(order, order.side, event.drops, event.rlusd, event.ledger_index, event.tx_hash)
        less, partly = event.rest_drops < order.rest_drops, event.event != "filled" and order.status in QUOTED
        traded = replace(
            order,
            status=moved(order, PARTIALLY_FILLED) if partly else order.status,
            rest_drops=event.rest_drops if less else order.rest_drops,
            rest_rlusd=event.rest_rlusd if less else order.rest_rlusd,
            filled_drops=order.filled_drops + event.drops,
            proofs=(*order.proofs, event.tx_hash),
            seen=True,
        )
        self.put(traded)
        return traded

    def _landed(self, order: Order, event: OfferEvent) -> None:
        proofs = order.proofs
        if event.tx_hash == order.tx_hash and event.tx_hash not in proofs:
            proofs = (*proofs, event.tx_hash)
        if not order.seen and not order.closed_ledger:
            # The ledger may have rounded the amounts when it placed the offer: what rests is what it says.
            self.put(
                replace(
                    order,
                    status=OPEN if order.status is PENDING else order.status,
                    rest_drops=event.rest_drops,
                    rest_rlusd=event.rest_rlusd,
                    seen=True,
                    vanished_ledger=0,
                    proofs=proofs,
                )
            )
        elif proofs is not order.proofs:
            self.put(replace(order, proofs=proofs))

    def _over(self, order: Order, event: OfferEvent) -> None:
        removed = EXPIRED if event.cause == "expired" else CANCELLED
        ended = removed if event.event == "removed" else FILLED
        if order.status not in (ended, FILLED):
            self.put(self._end(order, ended, event.ledger_index))
        elif order.vanished_ledger:
            self.put(replace(order, vanished_ledger=0))  # what was concluded without proof is confirmed

    def _end(self, order: Order, status: OrderStatus, ledger_index: int) -> Order:
        """The ledger has ended it. Proof in another order than it happened in may end it twice.

        Without a `vanished_ledger` it is closed for good.
        """
        if order.id not in self.ended:
            self.ended += (order.id,)
        return replace(order, status=proven(order, status), closed_ledger=ledger_index, vanished_ledger=0)

    def _take_back(self, order: Order) -> Order:
        """Proof has come about an order that was taken for filled: what was guessed is undone before it counts."""
        self._guess(order, order.side.opposite)
        proofs = tuple([proof for proof in order.proofs if proof != GUESS])
        filled = order.filled_drops - order.rest_drops
        status = proven(order, HELD)
        order = replace(order, status=status, closed_ledger=0, filled_drops=filled, proofs=proofs)
        self.put(order)
        return order

    def _guess(self, order: Order, side: Side) -> None:
        """What was left of the order when it vanished is taken for filled, or no longer."""
        tx_hash = f"{GUESS}:{order.id}:{side}:{self._now:.0f}"
        at = order.vanished_ledger
        self._fill(order, side, order.rest_drops, order.rest_rlusd, at, tx_hash, proven=False)

    def _fill(
        self,
        order: Order,
        side: Side,
        drops: int,
        rlusd: Decimal,
        ledger_index: int,
        tx_hash: str,
        *,
        proven: bool = True,
    ) -> None:
        """Moves the inventory. What lies before a realign is in it already, and is booked there and back."""
        assert self.inventory is not None
        fill = Fill(
            order_id=order.id,
            side=side,
            drops=drops,
            rlusd=rlusd,
            tx_hash=tx_hash,
            sequence=order.sequence,
            ledger_index=ledger_index,
            tick=self._tick,
            at=self._now,
            proven=proven,
        )
        self.fills += (fill,)
        if 0 < self.realigned >= ledger_index:
            back = replace(fill, side=side.opposite, tx_hash=f"{REALIGN}:{tx_hash}", proven=False)
            self.fills += (back,)
            return
        bought = 1 if side is BUY else -1
        self.inventory = Inventory(self.inventory.drops + bought * drops, self.inventory.rlusd - bought * rlusd)

    def _reject(self, order: Order, ledger_index: int) -> None:
        self.never_placed += (order,)
        self.put(self._end(order, REJECTED, ledger_index))
        self.cancel_failed(order.tx_hash)

    def _look(self, account: Account, ledger_index: int) -> list[Order]:
        """Compares our orders with the offers that the ledger shows."""
        found = matching.find(account.offers, self.orders, self.closed)
        for order in found.again:
            self._reopen(order)
        appeared, missing = [], []
        for order in tuple(self.orders.values()):
            offer = found.left.get(order.id)
            if offer is None:
                if order.status in ALIVE and order.id not in found.doubt:
                    missing.append(order)
                continue
            if offer.drops < order.rest_drops and not (account.proves_fills and self.covered):
                order = self._shrunk(order, offer, ledger_index, account.proves_fills)  # noqa: PLW2901 (the same)
            elif offer.drops != order.rest_drops:
                change = "grew" if offer.drops > order.rest_drops else "shrank without proof"
                self.cannot_be(
                    f"what is left of order {order.id} {change}: "
                    f"{order.rest_drops} drops known, {offer.drops} seen"
                )
            if not order.seen or order.vanished_ledger or order.status in (PENDING, HELD):
                appeared.append(order)
        for order in appeared:
            status = proven(order, OPEN) if order.status in (PENDING, HELD) else order.status
            self.put(replace(order, status=status, seen=True, vanished_ledger=0))
        self.strangers = found.strangers
        clean = not (appeared or missing or found.doubt or found.strangers or self.impossible)
        self.matched = account.offers if clean else None
        return [order for order in missing if self._vanished(order, ledger_index)]

    def _reopen(self, order: Order) -> None:
        """What was concluded of it without proof is wrong: the ledger has it still. A mark stays a mark."""
        self.reopened += (order.id,)
        if GUESS in order.proofs:
            self._take_back(order)
        elif order.status is CANCELLED_BY_ENGINE:
            self.put(replace(order, closed_ledger=0))
        else:
            self.put(replace(order, status=proven(order, OPEN), closed_ledger=0))

    def _shrunk(self, order: Order, offer: Offer, ledger_index: int, proves_fills: bool) -> Order:
        """There is less of it. Where a gateway tells no fills, only a trade can have taken it, and it is booked.

        Not of a marked order, which moves nothing without proof; nor where the proof may yet come, behind a gap in
        what was told. Wallet truth will tell.
        """
        smaller = replace(order, rest_drops=offer.drops, rest_rlusd=offer.rlusd)
        if order.status is CANCELLED_BY_ENGINE or proves_fills:
            self.shrunk_unbooked += (order,)
        else:
            drops, rlusd = order.rest_drops - offer.drops, order.rest_rlusd - offer.rlusd
            self._fill(
                order, order.side, drops, rlusd, ledger_index, f"{SEEN}:{order.id}:{offer.drops}", proven=False
            )
            proofs = order.proofs if SEEN in order.proofs else (*order.proofs, SEEN)
            smaller = replace(smaller, filled_drops=order.filled_drops + drops, proofs=proofs)
            if order.status in QUOTED:
                smaller = replace(smaller, status=moved(order, PARTIALLY_FILLED))
        self.put(smaller)
        return smaller

    def _vanished(self, order: Order, ledger_index: int) -> bool:
        """Was it seen, or must it have landed?

        Absence is proof that it was never placed, if no ledger is untold.
        """
        if order.seen:
            return True
        if not 0 < order.last_ledger <= ledger_index:
            return False
        if self.covered:
            self._reject(order, ledger_index)
            return False
        return order.last_ledger < ledger_index

    def resolve(self, order: Order, resolution: Resolution, ledger_index: int) -> None:
        """What a layer concluded. A mark is stronger than any guess: such an order never moves inventory."""
        outcome = resolution.outcome
        order = replace(order, vanished_ledger=order.vanished_ledger or ledger_index)
        if order.status is CANCELLED_BY_ENGINE:
            self.put(replace(order, closed_ledger=ledger_index))
        elif outcome is Outcome.HELD:
            self.put(replace(order, status=moved(order, HELD)))
        elif outcome is Outcome.PHANTOM_FILL:
            self._take_for_filled(order, ledger_index)
        else:
            ended = EXPIRED if outcome is Outcome.EXPIRED else CANCELLED
            self.put(replace(order, status=moved(order, ended), closed_ledger=ledger_index))

    def _take_for_filled(self, order: Order, ledger_index: int) -> None:
        self._guess(order, order.side)
        filled, proofs = order.filled_drops + order.rest_drops, (*order.proofs, GUESS)
        status = moved(order, FILLED)
        self.put(replace(order, status=status, closed_ledger=ledger_index, filled_drops=filled, proofs=proofs))

    def decide_held(self, order: Order, filled: bool, ledger_index: int) -> None:
        """An operator's word about a held order. Proof that comes later replaces it, as it does any guess."""
        if filled:
            self._take_for_filled(order, ledger_index)
        else:
            self.put(replace(order, status=moved(order, CANCELLED), closed_ledger=ledger_index))


def _is_booked(order: Order, event: OfferEvent) -> bool:
    """By this very transaction, or because the ledger was seen to have no more left than the event left."""
    proofs = order.proofs
    return event.tx_hash in proofs or (SEEN in proofs and event.rest_drops >= order.drops - order.filled_drops)
