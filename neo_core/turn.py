"""One tick while it is being judged: what came in, what was concluded so far, and what will come out."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from msgspec.structs import replace

from neo_core import answers
from neo_core.halts import Halt, HaltReason
from neo_core.measures import Measures
from neo_core.model import (
    Cancel,
    Cause,
    Decision,
    Event,
    Facts,
    Input,
    Mode,
    Moved,
    Observation,
    Order,
    OrderStatus,
    Place,
    Ranges,
    Refusal,
    TruthCheck,
    View,
)
from neo_core.rules import coverage, modes, quoting, risk
from neo_core.rules.orders import Book
from neo_core.state import Faults, Holding, Regime, Resting, RiskMemory, State, Sweep, Truth, mode_of

__all__ = ["Turn", "counted"]

SESSION_ENDS = (HaltReason.DURATION_ELAPSED, HaltReason.REPLAY_EXHAUSTED, HaltReason.ENGINE_REQUESTED)
RECANCEL_AFTER_LEDGERS = 2
MESSAGES_WINDOW_SECONDS = 60.0

OK, DEGRADED = Mode.OK, Mode.DEGRADED
CANCEL_SENT = (OrderStatus.CANCEL_REQUESTED, OrderStatus.CANCELLED_BY_ENGINE)
NOTHING_MEASURED = msgspec.Raw(b"{}")
LIST = ord("[")  # as a number: Python looks for that at once, and for b"[" only after an error of its own

_encode = msgspec.json.Encoder().encode


class Turn(msgspec.Struct, gc=False):
    """What starts as it was on the tick before, or empty. A struct, because that sets the many fields at once."""

    state: State
    given: Input
    tick: int
    now: float
    _latest: float | None
    elapsed: float
    was: Mode
    mode: Mode
    regime: Regime
    sweep: Sweep | None
    faults: Faults
    armed: bool
    halt: Halt | None
    serial: int
    refused: Mapping[str, str]
    risk: RiskMemory
    holding: Holding | None
    opened: Holding | None
    book: Book
    truth: Truth
    watched_since: int
    waits_since: int
    observed: Observation | None
    ledger_index: int | None
    mid: float | None
    anchor: float | None
    anchor_error_bps: float | None
    inventory_pct: float | None = None
    portfolio_value: float | None = None
    sweep_ordered: bool = False
    episode_ended: bool = False
    resting: Resting | None = None
    check: TruthCheck | None = None
    done: tuple[int, ...] = ()
    measures: dict[str, Facts | Measures] = {}
    encoded: msgspec.Raw = NOTHING_MEASURED
    _view: View | None = None
    _events: tuple[Event, ...] = ()
    intents: tuple[Place | Cancel, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    asked: Ranges = ()

    @classmethod
    def begin(cls, state: State, given: Input, terms: quoting.Terms) -> Turn:
        observed, memory = given.observation, state.risk
        mid = anchor = error = None
        if observed is None:
            ledger_index, watched_since = state.ledger_index, 0
            if given.stop is None:  # whoever wants the session to end did not let it wait for a ledger
                memory = replace(memory, failures=memory.failures + 1)
        else:
            ledger_index, watched_since = observed.ledger_index, state.watched_since or state.tick + 1
            if memory.failures:
                memory = replace(memory, failures=0)
            mid = quoting.mid_of(observed.market)
            if mid is not None:
                anchor, error = quoting.anchor_of(mid, observed.market.amm_price, terms)
        tick, now, before, elapsed = state.tick + 1, given.now, state.now, state.elapsed
        was = mode_of(state.halt, state.regime)
        latest: float | None = now
        if observed is None and state.close_time is None:
            latest = before  # the machine's clock may be off, and no ledger has said yet what time it is
        elif before is not None:
            if now > before:
                elapsed += now - before
            else:
                latest = before  # a clock that stands in for a close time may lie behind the last one
        holding = state.holding
        if holding is None and state.inventory is not None:
            holding = Holding.of(state.inventory)
        book = Book(
            state.orders, state.closed, state.inventory, state.matched, state.realigned, tick, now, state.untold
        )
        if given.acks:
            book.acknowledge(given.acks, ledger_index or 1)
        return cls(
            state,
            given,
            tick,
            now,
            latest,
            elapsed,
            was,
            was,
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
            state.truth,
            watched_since,
            state.waits_since,
            observed,
            ledger_index,
            mid,
            anchor,
            error,
        )

    # --- what is known ---

    @property
    def flat(self) -> bool:
        """The observed ledger shows no own offer but those spared, and none that was sent can still appear."""
        if self.observed is None:
            return False
        offers, alive = self.observed.account.offers, self.book.alive()
        spared = () if self.sweep is None else self.sweep.spared
        if spared:
            alive = [order for order in alive if order.id not in spared]
            stay = {self.book.orders[name].sequence for name in spared if name in self.book.orders}
            offers = tuple([offer for offer in offers if offer.sequence not in stay])
        return not offers and not alive

    def messages_sent(self) -> int:
        """In the last minute, those of this tick among them."""
        return len(self._recent()) + len(self.intents)

    def _recent(self) -> tuple[float, ...]:
        """What was sent by a clock that was ahead seems to lie in the future, and is not remembered until then."""
        now = self.now
        return tuple([at for at in self.risk.sent if abs(now - at) < MESSAGES_WINDOW_SECONDS])

    def view(self) -> View:
        if self._view is None:
            observation, holding, regime, book = self.observed, self.holding, self.regime, self.book
            assert observation is not None
            assert holding is not None
            market, account, mode = observation.market, observation.account, self.mode
            self._view = View(
                self.tick,
                self.now,
                observation.ledger_index,
                mode,
                regime.source if mode is DEGRADED else "",
                self.tick - self.state.mode_since if mode is self.was else 0,
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
                account.events,
                book.untold,
                account.proves_fills,
            )
        return self._view

    def value_inventory(self) -> None:
        """What the inventory is worth at the mid, and what the session has made or lost so far."""
        if self._view is not None:
            self._view = None
        inventory, mid, memory = self.book.inventory, self.mid, self.risk
        if inventory is None:
            return
        holding, opening, opened = self.holding, memory.opening, self.opened
        if opening is None:
            opening = inventory
        if inventory is not self.state.inventory or holding is None:
            self.holding = holding = Holding.of(inventory)
        if mid is None:
            return
        if opened is None:
            self.opened = opened = Holding.of(opening)
        value = holding.xrp * mid
        self.portfolio_value = total = value + holding.rlusd
        if total > 0.0:
            self.inventory_pct = 100.0 * value / total
        pnl, peak = risk.profit(holding, opened, mid), memory.peak_pnl
        if pnl > peak:
            peak = pnl
        self.risk = RiskMemory(memory.failures, opening, peak, pnl, memory.sent)

    # --- what is concluded ---

    def event(
        self, kind: str, text: str, *, source: str = "", facts: Facts | None = None, debug: bool = False
    ) -> None:
        self._events += (Event(kind, text, source, {} if facts is None else facts, debug),)

    def stop(self, reason: HaltReason, source: str, detail: str) -> None:
        """The first reason stays. Whatever it is, everything is cancelled."""
        if self.halt is not None:
            return
        self.refuse(reason, source, detail)
        self.order_sweep("SESSION_END_CANCEL" if reason in SESSION_ENDS else "HALT_CANCEL")

    def refuse(self, reason: HaltReason, source: str, detail: str) -> None:
        """Ends the session, and touches nothing."""
        self.halt = Halt(reason, source, detail)
        self.mode, self._view = mode_of(self.halt, self.regime), None
        self.event("halt", f"{reason}: {detail}", source=source)

    def degraded(self, cause: Cause, facts: Facts, *, joined: bool = False) -> None:
        self.mode, self._view = mode_of(self.halt, self.regime), None
        if joined:
            self.event("cause_joined", f"{cause.source}: {cause.reason}", source=cause.source, facts=facts)
            return
        self.event("degraded_entered", cause.reason, source=cause.source, facts=facts)
        self.order_sweep("DEGRADED_CANCEL")

    def cause_ended(self, source: str, text: str, facts: Facts | None = None) -> None:
        self.mode, self._view = mode_of(self.halt, self.regime), None
        self.episode_ended = not self.regime.degraded
        kind = "degraded_ended" if self.episode_ended else "cause_ended"
        self.event(kind, text, source=source, facts=facts)

    def suspect(self, source: str, reason: str, facts: Facts) -> None:
        """An integrity cause appears, or is there already. It joins whatever keeps the engine DEGRADED."""
        cause, before = Cause(source, reason, self.tick, self.now, self.elapsed), self.regime
        self.regime = modes.raise_integrity(before, cause)
        if self.regime is not before:
            self.degraded(cause, facts, joined=before.degraded)

    def trust_again(self, source: str, text: str, facts: Facts | None = None) -> None:
        """An integrity cause ends; if it is the last one, not before its cancel_all is complete."""
        regime = self.regime
        active = any(cause.source == source for cause in regime.integrity)
        if active and (self.sweep is None or not modes.is_last(regime, source)):
            self.regime = modes.mend(regime, source)
            self.cause_ended(source, text, facts)

    def count_fault(self) -> None:
        self.faults = Faults(self.faults.count + 1, 0)

    def note_fault(self, name: str, hook: str, error: BaseException) -> None:
        self.event(
            "plugin_fault",
            f"plugin {name}: {hook} failed with {answers.words(error)}",
            source=name,
            facts={"plugin": name, "hook": hook, "where": answers.where(error)},
        )

    def order_sweep(self, cause: str, spared: tuple[str, ...] = ()) -> None:
        ledger, running = self.ledger_index or 0, self.sweep
        if running is not None and self.sweep_ordered and running.cause == "OPERATOR_CANCEL":
            return  # who asked for it is on record, whatever else would have ordered it on this tick
        self.sweep = Sweep(cause, self.tick, ledger if running is None else running.ledger_index, spared)
        self.sweep_ordered = True

    # --- orders ---

    def next_order_id(self) -> str:
        self.serial += 1
        return f"{self.state.session}-{self.serial:06d}"

    def cancel(self, order: Order, reason: str) -> None:
        self.book.cancel(order, self.ledger_index or 0)
        self.intents += (Cancel(order.id, order.sequence, reason),)

    def ask_again(self, first: int, last: int) -> None:
        """The next observation is to tell these ledgers once more; of very old ones nothing is expected."""
        self.asked = coverage.joined(self.asked, max(first, last - coverage.KEEP_ASKING_LEDGERS), last)

    def wants_cancel(self, order: Order) -> bool:
        """Its earlier cancel, if any, is known to be dead, or two ledgers have passed since it was sent."""
        if order.status not in CANCEL_SENT:
            return True
        return order.cancel_ledger == 0 or (self.ledger_index or 0) >= order.cancel_ledger + RECANCEL_AFTER_LEDGERS

    # --- what comes out ---

    def encode_measures(self) -> bool:
        """False if something in them looks like a list or a dict, where only plain values should be."""
        encoded = _encode(self.measures)
        self.encoded = msgspec.Raw(encoded)
        braces = len(encoded) - len(encoded.replace(b"{", b""))  # a third of what `count` takes
        return braces == len(self.measures) + 1 and LIST not in encoded

    def decision(self) -> Decision:
        book, mode = self.book, self.mode
        return Decision(
            self.tick,
            self.now,
            self.ledger_index or 0,
            mode,
            "" if mode is OK else self.regime.source,
            self.anchor,
            self.anchor_error_bps,
            self.encoded,
            book.fills,
            tuple(book.changed.values()) if book.changed else (),
            self.intents,
            self.refusals,
            self._events,
            self.halt,
            self.check,
            None if book.inventory is self.state.inventory else self._moved(),
            self.done,
        )

    def _moved(self) -> Moved | None:
        before, after = self.state.inventory, self.book.inventory
        return None if before is None or after is None else Moved(before, after)

    def next_state(self) -> State:
        state, book, observed, memory = self.state, self.book, self.observed, self.risk
        if self.intents:
            memory = replace(memory, sent=self._recent() + (self.now,) * len(self.intents))
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
            state.mode_since if self.mode is self.was else self.tick,
            self.regime,
            self.sweep,
            faults,
            memory,
            book.inventory,
            book.orders,
            book.closed,
            self.serial,
            self.refused,
            self.armed,
            self.halt,
            self.holding,
            self.opened,
            None if book.changed else book.matched,
            state.resting if self.resting is None and not book.changed else self.resting,
            self.truth,
            book.realigned,
            self.watched_since,
            state.fresh and observed is None,
            book.untold,
            state.asked if observed is None else self.asked,
            0 if self.armed else self.waits_since,
        )


def counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
