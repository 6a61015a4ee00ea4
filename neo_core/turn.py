"""One tick while it is being judged: what came in, what was concluded so far, and what will come out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

import msgspec
from msgspec.structs import replace

from neo_core.halts import Halt, HaltReason
from neo_core.model import (
    DROPS,
    Cancel,
    Cause,
    Decision,
    Event,
    Facts,
    Fill,
    Input,
    Inventory,
    Mark,
    Mode,
    Observation,
    Order,
    OrderStatus,
    Place,
    Refusal,
    Side,
    View,
)
from neo_core.rules import quoting, risk
from neo_core.rules.orders import Book
from neo_core.state import Faults, Holding, Regime, RiskMemory, State, Sweep

__all__ = ["Turn", "fill_line"]

SESSION_ENDS = (HaltReason.DURATION_ELAPSED, HaltReason.REPLAY_EXHAUSTED, HaltReason.ENGINE_REQUESTED)
RECANCEL_AFTER_LEDGERS = 2
MESSAGES_WINDOW_SECONDS = 60.0

OK, DEGRADED, HALT = Mode.OK, Mode.DEGRADED, Mode.HALT
NOTHING_MEASURED = msgspec.Raw(b"{}")

_encode = msgspec.json.Encoder().encode


class Turn(msgspec.Struct, gc=False):
    """What starts as it was on the tick before, or empty. A struct, because that sets the many fields at once."""

    state: State
    given: Input
    _terms: quoting.Terms
    tick: int
    now: float
    _latest: float
    elapsed: float
    was: Mode
    regime: Regime
    sweep: Sweep | None
    faults: Faults
    armed: bool
    halt: Halt | None
    _serial: int
    _refused: Mapping[str, str]
    risk: RiskMemory
    holding: Holding | None
    opened: Holding | None
    book: Book
    observed: Observation | None
    ledger_index: int | None
    mid: float | None
    anchor: float | None
    anchor_error_bps: float | None
    inventory_pct: float | None = None
    portfolio_value: float | None = None
    sweep_ordered: bool = False
    episode_ended: bool = False
    measures: dict[str, Facts] = {}
    encoded: msgspec.Raw = NOTHING_MEASURED
    _view: View | None = None
    _events: tuple[Event, ...] = ()
    _intents: tuple[Place | Cancel, ...] = ()
    _refusals: tuple[Refusal, ...] = ()

    @classmethod
    def begin(cls, state: State, given: Input, terms: quoting.Terms) -> Turn:
        observed, memory = given.observation, state.risk
        mid = anchor = error = None
        if observed is None:
            ledger_index = state.ledger_index
            memory = replace(memory, failures=memory.failures + 1)
        else:
            ledger_index = observed.ledger_index
            if memory.failures:
                memory = replace(memory, failures=0)
            mid = quoting.mid_of(observed.market)
            if mid is not None:
                anchor, error = quoting.anchor_of(mid, observed.market.amm_price, terms)
        tick, now, latest, before, elapsed = state.tick + 1, given.now, given.now, state.now, state.elapsed
        if before is not None:
            if now > before:
                elapsed += now - before
            else:
                latest = before  # a clock that stands in for a close time may lie behind the last one
        holding = state.holding
        if holding is None and state.inventory is not None:
            holding = _floats(state.inventory)
        book = Book(state.orders, state.closed, state.inventory, state.matched, tick, now)
        if given.acks:
            book.acknowledge(given.acks, ledger_index or 1)
        return cls(
            state,
            given,
            terms,
            tick,
            now,
            latest,
            elapsed,
            state.mode,
            state.regime,
            state.sweep,
            state.faults,
            state.armed,
            state.halt,
            state.serial,
            state.refused,
            memory,
            holding,
            state.opened,
            book,
            observed,
            ledger_index,
            mid,
            anchor,
            error,
        )

    # --- what is known ---

    @property
    def observation(self) -> Observation:
        assert self.observed is not None
        return self.observed

    @property
    def mode(self) -> Mode:
        regime = self.regime
        if self.halt is not None:
            return HALT
        return OK if regime.guard is None and not regime.integrity else DEGRADED

    @property
    def flat(self) -> bool:
        """The observed ledger shows no own offer, and none that was sent can still appear."""
        return self.observed is not None and not self.observed.account.offers and not self.book.alive()

    @property
    def ledger_age(self) -> float:
        """With a failed observation, how long ago the last ledger closed that was seen."""
        if self.observed is not None:
            return self.observed.health.ledger_age_seconds
        return 0.0 if self.state.close_time is None else self.now - self.state.close_time

    @property
    def messages_sent(self) -> int:
        """In the last minute, those of this tick among them."""
        return len(self._recent()) + len(self._intents)

    def _recent(self) -> tuple[float, ...]:
        return tuple(at for at in self.risk.sent if at > self.now - MESSAGES_WINDOW_SECONDS)

    def view(self) -> View:
        if self._view is None:
            observation, state, book = self.observation, self.state, self.book
            market, holding, regime, mode = observation.market, self.holding, self.regime, self.mode
            assert holding is not None
            self._view = View(
                self.tick,
                self.now,
                observation.ledger_index,
                mode,
                regime.source if mode is DEGRADED else "",
                self.tick - state.mode_since if mode is self.was else 0,
                market.bid,
                market.ask,
                self.mid,
                market.amm_price,
                self.anchor,
                self.anchor_error_bps,
                holding.xrp,
                holding.rlusd,
                self.inventory_pct,
                self.portfolio_value,
                book.fills,
                tuple(book.orders.values()),
            )
        return self._view

    def value_inventory(self) -> None:
        """What the inventory is worth at the mid, and what the session has made or lost so far."""
        self._view = None
        inventory, mid, memory = self.book.inventory, self.mid, self.risk
        if inventory is None:
            return
        holding, opening, opened = self.holding, memory.opening or inventory, self.opened
        if inventory is not self.state.inventory or holding is None:
            self.holding = holding = _floats(inventory)
        if mid is None:
            return
        if opened is None:
            self.opened = opened = _floats(opening)
        value = holding.xrp * mid
        self.portfolio_value = total = value + holding.rlusd
        if total > 0.0:
            self.inventory_pct = 100.0 * value / total
        pnl, peak = risk.profit(holding, opened, mid), memory.peak_pnl
        self.risk = RiskMemory(memory.failures, opening, max(peak, pnl), pnl, memory.sent)

    # --- what is concluded ---

    def event(
        self, kind: str, text: str, *, source: str = "", facts: Facts | None = None, debug: bool = False
    ) -> None:
        self._events += (Event(kind, text, source, {} if facts is None else facts, debug),)

    def stop(self, reason: HaltReason, source: str, detail: str) -> None:
        """The first reason stays. Whatever it is, everything is cancelled."""
        if self.halt is not None:
            return
        self.halt = Halt(reason, source, detail)
        self.event("halt", f"{reason}: {detail}", source=source)
        self.order_sweep("SESSION_END_CANCEL" if reason in SESSION_ENDS else "HALT_CANCEL")

    def degraded(self, cause: Cause, facts: Facts, *, joined: bool = False) -> None:
        self._view = None
        if joined:
            self.event("cause_joined", f"{cause.source}: {cause.reason}", source=cause.source, facts=facts)
            return
        self.event("degraded_entered", cause.reason, source=cause.source, facts=facts)
        self.order_sweep("DEGRADED_CANCEL")

    def cause_ended(self, source: str, text: str, facts: Facts | None = None) -> None:
        self._view = None
        self.episode_ended = not self.regime.degraded
        kind = "degraded_ended" if self.episode_ended else "cause_ended"
        self.event(kind, text, source=source, facts=facts)

    def count_fault(self) -> None:
        self.faults = Faults(self.faults.count + 1, 0)

    def order_sweep(self, cause: str) -> None:
        ledger = self.ledger_index or 0
        since = ledger if self.sweep is None else self.sweep.ledger_index
        self.sweep = Sweep(cause, self.tick, since)
        self.sweep_ordered = True

    # --- orders ---

    def place(self, quote: quoting.Quote, rlusd: Decimal) -> Order:
        self._serial += 1
        order = Order(
            id=f"{self.state.session}-{self._serial:06d}",
            side=quote.side,
            price=quote.price,
            drops=quote.drops,
            rlusd=rlusd,
            rest_drops=quote.drops,
            rest_rlusd=rlusd,
            status=OrderStatus.PENDING,
            placed_at=self.now,
            placed_tick=self.tick,
            expires_at=self.now + self._terms.ttl_seconds,
        )
        self.book.put(order)
        self._intents += (Place(order),)
        if quote.side in self._refused:
            self._refused = {side: code for side, code in self._refused.items() if side != quote.side}
        return order

    def refuse(self, refusal: Refusal) -> None:
        """Each is in the decision log; a line is written when a side's reason is a new one."""
        self._refusals += (refusal,)
        if self._refused.get(refusal.side) == refusal.code:
            return
        self._refused = {**self._refused, refusal.side: refusal.code}
        self.event(
            "order_refused",
            f"{refusal.side} refused: {refusal.code}, measured {_short(refusal.measured)}, "
            f"limit {_short(refusal.limit)}",
            source="risk",
            facts={"code": refusal.code, "measured": refusal.measured, "limit": refusal.limit},
        )

    def cancel(self, order: Order, reason: str) -> None:
        self.book.cancel(order, self.ledger_index or 0)
        self._intents += (Cancel(order.id, order.sequence, reason),)

    def cancel_all(self, orders: Sequence[Order], marks: Mapping[str, Mark]) -> None:
        assert self.sweep is not None
        cause = self.sweep.cause
        for order in orders:
            wanted = self.wants_cancel(order)
            marked = self.book.mark(order, marks[order.id]) if order.id in marks else order
            if wanted:
                self.cancel(marked, cause)
        if self.flat:
            self.sweep = None

    def cancel_again(self) -> None:
        assert self.sweep is not None
        again = [order for order in self.book.alive() if self.wants_cancel(order)]
        for order in again:
            self.cancel(order, self.sweep.cause)
        if again:
            since = (self.ledger_index or 0) - self.sweep.ledger_index
            self.event(
                "cancel_all_incomplete",
                f"{self.sweep.cause}: {len(again)} own offers left after {since} ledgers, cancelled again",
                facts={"left": len(again), "ledgers": since},
            )

    def wants_cancel(self, order: Order) -> bool:
        """Its earlier cancel, if any, is known to be dead, or two ledgers have passed since it was sent."""
        if order.status not in (OrderStatus.CANCEL_REQUESTED, OrderStatus.CANCELLED_BY_ENGINE):
            return True
        return order.cancel_ledger == 0 or (self.ledger_index or 0) >= order.cancel_ledger + RECANCEL_AFTER_LEDGERS

    # --- what comes out ---

    def encode_measures(self) -> bool:
        """False if something in them looks like a list or a dict, where only plain values should be."""
        encoded = _encode(self.measures)
        self.encoded = msgspec.Raw(encoded)
        return encoded.count(b"{") == len(self.measures) + 1 and b"[" not in encoded

    def decision(self) -> Decision:
        book = self.book
        return Decision(
            self.tick,
            self.now,
            self.ledger_index or 0,
            self.mode,
            self.regime.source,
            self.anchor,
            self.anchor_error_bps,
            self.encoded,
            book.fills,
            tuple(book.changed.values()) if book.changed else (),
            self._intents,
            self._refusals,
            self._events,
            self.halt,
        )

    def next_state(self, mode: Mode) -> State:
        state, book, observed = self.state, self.book, self.observed
        memory = self.risk
        if self._intents:
            memory = replace(memory, sent=self._recent() + (self.now,) * len(self._intents))
        faults = self.faults
        if faults.count and faults is state.faults and observed is not None:
            faults = Faults(faults.count, faults.clean_ticks + 1)
        return State(
            state.session,
            self.tick,
            self._latest,
            self.elapsed,
            self.ledger_index,
            state.close_time if observed is None else observed.close_time,
            state.mode_since if mode is self.was else self.tick,
            self.regime,
            self.sweep,
            faults,
            memory,
            book.inventory,
            book.orders,
            book.closed,
            self._serial,
            self._refused,
            self.armed,
            self.halt,
            self.holding,
            self.opened,
            None if book.changed else book.matched,
        )


def _floats(inventory: Inventory) -> Holding:
    return Holding(inventory.drops / DROPS, float(inventory.rlusd))


def fill_line(fill: Fill) -> str:
    verb = "bought" if fill.side is Side.BUY else "sold"
    return f"{verb} {fill.drops / DROPS:g} XRP at {fill.price:.5f}, order {fill.order_id}"


def _short(value: float | None) -> str:
    return "none" if value is None else f"{value:.6g}"
