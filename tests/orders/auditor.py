"""What must hold after every tick, told from the inputs and the decisions alone. (sections 8 and 9)"""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

from msgspec.structs import replace

from neo_core.model import Decision, Fill, Input, Inventory, OfferEvent, Order, OrderStatus, Side
from neo_core.rules.orders import ALIVE, MOVES
from neo_core.state import State

from .house import OLD
from .ledger import FEE, Ledger

__all__ = ["Auditor"]

HELD, MARKED = OrderStatus.HELD_PENDING_REVIEW, OrderStatus.CANCELLED_BY_ENGINE
REJECTED, FILLED = OrderStatus.REJECTED, OrderStatus.FILLED
ENDINGS = {
    "filled": "FILLED",
    "cancelled": "CANCELLED",
    "replaced": "REPLACED",
    "expired": "EXPIRED",
    "partial_fill": "",
}
OVER = frozenset({FILLED, OrderStatus.CANCELLED, OrderStatus.EXPIRED, REJECTED})


def _closure(proven: bool) -> dict[OrderStatus, frozenset[OrderStatus]]:
    """Where an order may have gone in one tick, by one move or by several.

    What is held stays so for the tick; but what was taken for filled is held between the guess and the proof.
    """
    reached = {}
    for start in MOVES:
        found, ahead = {start}, [start]
        while ahead:
            freely, by_proof = MOVES[ahead.pop()]
            new = (freely | by_proof if proven else freely) - found
            found |= new
            ahead += new if start in (HELD, FILLED) else new - {HELD}
        reached[start] = frozenset(found)
    return reached


LEGAL = {proven: _closure(proven) for proven in (True, False)}


class Auditor:
    """Keeps books of its own: what the wallet began with, and what decisions have booked since. `seen` counts."""

    def __init__(self, ledger: Ledger, seen: Counter[str], evidence: bool) -> None:
        self._ledger = ledger
        self._evidence = evidence
        self._seen = seen
        self._owned = ledger.holds
        self._known: dict[tuple[str, int], OfferEvent] = {}
        self._shown: set[int] = set()
        self._paid: set[str] = set()
        self._booked: set[tuple[str, int]] = set()
        self._moved = Counter[str]()
        self._watching = False

    def realign(self, drops: int, rlusd: Decimal) -> None:
        self._owned = Inventory(self._owned.drops + drops, self._owned.rlusd + rlusd)

    def restart(self) -> None:
        self._watching = False

    def judge(self, before: State, after: State, given: Input, decision: Decision) -> None:
        seen = given.observation
        events = () if seen is None else seen.account.events
        shown = proven = {event.sequence for event in events}
        if seen is not None:
            account = seen.account
            shown = shown | {offer.sequence for offer in account.offers}
            shown |= {transaction.sequence for transaction in account.transactions}
            self._known |= {(event.tx_hash, event.sequence): event for event in events}
            for paid in account.transactions:
                if paid.ledger_index < account.covers_from:
                    continue  # it is told with its whole ledger, and paid then
                if paid.tx_hash not in self._paid and paid.ledger_index > before.realigned:
                    self.realign(-FEE, Decimal(0))
                self._paid.add(paid.tx_hash)
        self._shown |= shown
        self._halt(before, decision)
        told = [None, *decision.fills]
        for number, fill in enumerate(decision.fills):
            self._fill(before, given, decision, fill, told[number])
        self._moves(before, after, proven, shown)
        self._endings(decision)
        self._watching = seen is not None
        if after.inventory is not None:
            assert after.inventory == self._owned

    def _halt(self, before: State, decision: Decision) -> None:
        if decision.halt is None or before.halt is not None:
            return
        reason, detail = decision.halt.reason.value, decision.halt.detail
        self._seen[reason] += 1
        held = reason == "reconciler_halt" and "are held for review" in detail
        assert held or reason == "engine_requested_halt", detail

    def _endings(self, decision: Decision) -> None:
        """What is on record about an order's end is what its ledger says."""
        for event in decision.events:
            if event.kind == "order_waits":
                self._seen["waited for"] += 1
            if event.kind != "order_ended":
                continue
            token = str(event.facts["token"])
            self._seen[token] += 1
            happened = [one for one in self._ledger.events if one.tx_hash == event.facts["hash"]]
            if token == "NEVER_PLACED":
                assert not happened
            else:
                assert token in {ENDINGS[one.cause or one.event] for one in happened if one.event != "placed"}

    def _fill(self, before: State, given: Input, decision: Decision, fill: Fill, last: Fill | None) -> None:
        order = {**before.closed, **before.orders}[fill.order_id]
        assert (fill.tx_hash, fill.sequence) not in self._booked, "booked twice"
        self._booked.add((fill.tx_hash, fill.sequence))
        bought, with_it = 1 if fill.side is Side.BUY else -1, 1 if fill.side is order.side else -1
        self.realign(bought * fill.drops, -bought * fill.rlusd)
        self._moved[order.id] += with_it * fill.drops
        if fill.proven:
            way = self._proven(order, fill)
        elif fill.tx_hash.startswith("realign:"):
            way = "booked back"
            assert last is not None
            assert fill.ledger_index <= before.realigned
            assert replace(fill, tx_hash=last.tx_hash, side=last.side, proven=last.proven) == last
            assert fill.side is last.side.opposite
        else:
            assert order.status is not MARKED, "a marked order moved inventory without proof"
            way = self._unproven(order, given, decision, fill)
        self._seen[way] += 1

    def _proven(self, order: Order, fill: Fill) -> str:
        event = self._known[fill.tx_hash, fill.sequence]
        assert (fill.drops, fill.rlusd, fill.side) == (event.drops, event.rlusd, event.side)
        assert order.sequence == event.sequence
        return "proven, of a marked order" if order.status is MARKED else "proven"

    def _unproven(self, order: Order, given: Input, decision: Decision, fill: Fill) -> str:
        if fill.tx_hash.startswith("seen:"):
            assert given.observation is not None
            assert not given.observation.account.proves_fills
            taken = [event.drops for event in self._ledger.events if event.sequence == fill.sequence]
            assert self._moved[order.id] <= sum(taken)
            return "seen"
        if fill.side is not order.side:
            return "taken back"
        said = {
            event.kind
            for event in decision.events
            if event.facts.get("order_id") == order.id and event.facts.get("verdict") in ("phantom_fill", "filled")
        }
        if "order_resolved" in said:
            return "resolved as filled"
        assert "anomaly" in said, "inventory moved and nobody said why"
        assert self._watching
        assert given.observation is not None
        assert not (self._evidence and given.observation.account.proves_fills), "guessed where proof may come"
        assert order.sequence in self._shown
        assert decision.now - order.placed_at < OLD
        return "guess"

    def _moves(self, before: State, after: State, proven: set[int], shown: set[int]) -> None:
        was = {**before.closed, **before.orders}
        for name, order in {**after.closed, **after.orders}.items():
            old = was.get(name, order)
            if name in before.closed and name in after.orders and order.status in ALIVE:
                self._seen["shown again"] += 1
            if order.status is not old.status:
                by_proof = order.sequence in proven or order.status is REJECTED
                by_proof = by_proof or (order.status in ALIVE and order.sequence in shown)
                assert order.status in LEGAL[by_proof][old.status], (old.status, order.status)
                self._seen[order.status.value] += 1
                if order.status is REJECTED:
                    landed = [event for event in self._ledger.events if event.tx_hash == order.tx_hash]
                    assert not landed, "it was placed, and the engine says that it never was"
            assert order.rest_drops <= old.rest_drops
            assert order.filled_drops <= order.drops
        assert not OVER & {order.status for order in after.orders.values()}
