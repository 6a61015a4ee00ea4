"""Orders and what a ledger may do to them, in any order, against a ledger of its own. (sections 8 and 9)"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any, ClassVar

import pytest
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test
from msgspec.structs import replace

from neo_core.model import (
    Ack,
    AckOutcome,
    Cancel,
    CancelAll,
    Command,
    Input,
    OfferEvent,
    OrderStatus,
    Place,
    Prepared,
    Resolve,
)
from neo_core.rules.orders import ALIVE
from neo_core.state import State

from .auditor import Auditor
from .house import ENGINES, Amber, reborn
from .ledger import SECONDS, Ledger, Take

STEPS_WANTED = 20_000
REMEMBERED = 50  # ledgers for which a closed order is known in any case
HELD = OrderStatus.HELD_PENDING_REVIEW


class Machine(RuleBasedStateMachine):
    """`untold` are events that no committed tick has heard of, `late` the orders whose events are held back.

    It is `misled` by an operator who was wrong, or when proof would come so late that the order is forgotten.
    """

    ticks = 0
    seen: ClassVar[Counter[str]] = Counter()

    @initialize(
        exact=st.booleans(),
        policy=st.sampled_from(["cancel", "cancel", "adopt"]),
        proves=st.booleans(),
        evidence=st.sampled_from([False, False, True]),
    )
    def start(self, exact: bool, policy: str, proves: bool, evidence: bool) -> None:
        self.exact = exact
        self.proves = exact or proves
        self.engine = ENGINES[exact, policy, evidence]
        self.ledger = Ledger()
        self.auditor = Auditor(self.ledger, Machine.seen, evidence)
        self.state = State(session=1)
        self.acks: tuple[Ack, ...] = ()
        self.untold: list[OfferEvent] = []
        self.late: set[int] = set()
        self.mid = 2.0
        self.number = 0
        self.misled = False
        self.closing = 0
        Amber.says = ""
        self.tick()

    # --- what may happen ---

    @rule(count=st.integers(1, 4))
    def nothing_happens(self, count: int) -> None:
        for _ in range(count):
            self.tick()

    @rule(mid=st.sampled_from([1.998, 2.0, 2.002]), crossing=st.sampled_from([0, 0, 0, 30, 100]))
    def the_price_moves(self, mid: float, crossing: int) -> None:
        self.mid = mid
        self.tick()
        self.tick(crossing=crossing)

    takes = st.lists(
        st.builds(Take, st.integers(0, 3), st.sampled_from([1, 33, 50, 100, 100, 100])), min_size=1, max_size=2
    )

    @rule(before=takes, after=st.one_of(st.just([]), takes), late=st.booleans(), again=st.booleans())
    def offers_are_taken(self, before: list[Take], after: list[Take], late: bool, again: bool) -> None:
        self.tick(before, after, late=late, again=again)

    @rule(before=takes, won=st.booleans(), late=st.booleans())
    def a_cancel_races_a_taker(self, before: list[Take], won: bool, late: bool) -> None:
        self.mid = 2.002 if self.mid < 2.001 else 1.998
        self.tick()
        self.tick((), before, late=late) if won else self.tick(before, (), late=late)

    @rule(takes=takes, seconds=st.sampled_from([70.0, 130.0]), late=st.booleans())
    def time_passes(self, takes: list[Take], seconds: float, late: bool) -> None:
        """Offers grow old, or expire; one that has expired is removed when somebody touches it."""
        self.tick(seconds=seconds)
        self.tick(takes, late=late)

    @rule(count=st.integers(1, 3), takes=takes, late=st.booleans(), backwards=st.booleans())
    def the_node_is_away(self, count: int, takes: list[Take], late: bool, backwards: bool) -> None:
        for _ in range(count):
            self.tick(takes, failed=True)
        self.tick(late=late, backwards=backwards)

    @rule(arrive=st.integers(0, 2), acked=st.booleans(), crossing=st.sampled_from([0, 0, 30, 100]))
    def sending_fails(self, arrive: int, acked: bool, crossing: int) -> None:
        """Only the first few of what is sent arrive; the rest is refused, or lost without a word."""
        self.mid = 2.002 if self.mid < 2.001 else 1.998
        self.tick(arrive=arrive, acked=acked)
        self.tick(crossing=crossing, arrive=arrive, acked=acked)

    @precondition(lambda self: not self.exact)
    @rule(arrive=st.integers(0, 2), crossing=st.sampled_from([0, 100]), count=st.integers(3, 6))
    def the_node_remembers_little(self, arrive: int, crossing: int, count: int) -> None:
        """Whatever became of what is sent now is not told: some observations cover their own ledger only."""
        self.mid = 2.002 if self.mid < 2.001 else 1.998
        self.tick(arrive=arrive)
        self.tick(arrive=arrive, crossing=crossing, late=True)
        for number in range(count):
            self.tick(arrive=0, late=number % 2 == 0)

    @precondition(lambda self: not self.exact)
    @rule(
        left_out=st.sets(st.integers(0, 3), min_size=1, max_size=4),
        lost=st.booleans(),
        takes=st.one_of(st.just([]), takes),
        failed=st.sampled_from([False, False, True]),
        stop=st.sampled_from([None, None, None, "enough"]),
    )
    def an_answer_leaves_offers_out(
        self, left_out: set[int], lost: bool, takes: list[Take], failed: bool, stop: str | None
    ) -> None:
        """They are there all the same, and may be taken; what was to replace or to cancel them may be lost."""
        if lost:
            self.mid = 2.002 if self.mid < 2.001 else 1.998
            self.tick(arrive=0)
        self.tick(left_out=left_out, arrive=0 if lost else 9, stop=stop)
        self.tick(takes, failed=failed)
        self.tick()

    @rule(ledgers=st.integers(1, 3))
    def what_was_sent_has_to_wait(self, ledgers: int) -> None:
        self.mid = 2.002 if self.mid < 2.001 else 1.998
        self.tick()
        self.ledger.waits = ledgers
        self.tick()

    @rule(late=st.booleans())
    def the_ledger_refuses_what_was_sent(self, late: bool) -> None:
        """What was to be replaced lives on."""
        self.mid = 2.002 if self.mid < 2.001 else 1.998
        self.tick()
        old = {one.intent.replaces for one in self.ledger.pending if isinstance(one.intent, Place)} - {0}
        self.tick(refused=True, late=late)
        for sequence in old & set(self.ledger.resting):
            assert any(
                order.sequence == sequence and order.status in ALIVE for order in self.state.orders.values()
            )
            Machine.seen["lived on"] += 1

    @rule(says=st.sampled_from(["enter", "well", ""]), before=st.one_of(st.just([]), takes), late=st.booleans())
    def the_guard_speaks(self, says: str, before: list[Take], late: bool) -> None:
        Amber.says = says
        self.tick()
        Amber.says = "well" if says == "enter" else says
        self.tick(before, late=late)

    @rule(before=st.one_of(st.just([]), takes), late=st.booleans(), arrive=st.sampled_from([0, 9]))
    def an_operator_cancels_all(self, before: list[Take], late: bool, arrive: int) -> None:
        self.number += 1
        self.tick(commands=(CancelAll(self.number, "because"),), arrive=arrive)
        self.tick(before, late=late)

    @precondition(lambda self: any(order.status is HELD for order in self.state.orders.values()))
    @rule(filled=st.booleans(), failed=st.sampled_from([False, False, True]))
    def an_operator_decides_a_held_order(self, filled: bool, failed: bool) -> None:
        self.number += 1
        held = next(order for order in self.state.orders.values() if order.status is HELD)
        if filled and held.tx_hash not in {one.tx_hash for one in self.ledger.transactions}:
            self.misled = True  # it never was on the ledger, and no proof will ever say so
        self.tick(commands=(Resolve(self.number, held.id, filled, "I looked"),), failed=failed)

    @precondition(lambda self: self.state.orders and self.state.halt is None)
    @rule(filled=st.booleans(), place=st.integers(0, 3))
    def an_operator_decides_an_order_that_is_not_held(self, filled: bool, place: int) -> None:
        orders = list(self.state.orders.values())
        order = orders[place % len(orders)]
        if order.status is not HELD:
            self.number += 1
            self.tick(commands=(Resolve(self.number, order.id, filled, "I looked"),), failed=True)
            assert "resolve_refused" in {event.kind for event in self.decision.events}

    @precondition(lambda self: not self.exact and self.proves and self.late)
    @rule(place=st.integers(0, 5), failed=st.booleans())
    def something_is_told_late(self, place: int, failed: bool) -> None:
        self.late.discard(sorted(self.late)[place % len(self.late)])
        self.tick(failed=failed)

    @rule(
        fresh=st.booleans(),
        ledgers=st.integers(0, 2),
        takes=takes,
        lost=st.sampled_from(["", "", "sent", "tick"]),
        blind=st.integers(0, 3),
    )
    def the_process_dies(self, fresh: bool, ledgers: int, takes: list[Take], lost: str, blind: int) -> None:
        """Between two ticks; or before it could send what was committed; or before a tick was committed.

        The next one gives the sequences of what never left to something else, and may not be told what came of it.
        """
        if lost:
            self.mid = 2.002 if self.mid < 2.001 else 1.998
            self.tick(arrive=0, committed=lost != "tick")
        for _ in range(ledgers):
            self._close(takes)
        self._begin(fresh)
        self.tick()
        for _ in range(0 if self.exact else blind):
            self.tick(muted=True)

    @precondition(lambda self: not self.exact)
    @rule(fresh=st.booleans())
    def the_gateway_shows_more_or_less(self, fresh: bool) -> None:
        self.proves = not self.proves
        self._begin(fresh)
        self.tick()

    @rule(fresh=st.booleans(), takes=takes)
    def an_operator_takes_the_wallet_for_right(self, fresh: bool, takes: list[Take]) -> None:
        """What the books then hold is the wallet of this ledger, and of each offer what it has left."""
        self._close(takes)
        owned, holds, state = self.state.inventory, self.ledger.holds, self.state
        assert owned is not None
        self.auditor.realign(holds.drops - owned.drops, holds.rlusd - owned.rlusd)
        left = {offer.sequence: offer for offer in self.ledger.offers}
        orders = {
            name: replace(order, rest_drops=left[order.sequence].drops, rest_rlusd=left[order.sequence].rlusd)
            if order.sequence in left and order.status in ALIVE
            else order
            for name, order in state.orders.items()
        }
        self.state = replace(state, inventory=holds, realigned=self.ledger.index, orders=orders)
        self._begin(fresh)
        self.tick()

    @precondition(lambda self: not self.exact)
    @rule(backwards=st.booleans())
    def everything_is_told(self, backwards: bool) -> None:
        if not self.proves:
            self.the_gateway_shows_more_or_less(False)
        self.late.clear()
        self.tick(backwards=backwards)
        assert not self.untold
        if not self.misled:
            Machine.seen["all told"] += 1
            assert self.state.inventory == self.ledger.holds

    @rule()
    def an_operator_stops_it(self) -> None:
        self.tick(stop="enough")
        while self.state.halt is not None:
            self.tick()

    # --- a process ---

    def _begin(self, fresh: bool) -> None:
        self.acks, self.closing = (), 0
        self.auditor.restart()
        self.state = reborn(self.state, fresh=fresh)

    def tick(
        self,
        before: Sequence[Take] = (),
        after: Sequence[Take] = (),
        *,
        seconds: float = SECONDS,
        crossing: int = 0,
        refused: bool = False,
        failed: bool = False,
        late: bool = False,
        again: bool = False,
        backwards: bool = False,
        muted: bool = False,
        left_out: Collection[int] = (),
        arrive: int = 9,
        acked: bool = True,
        committed: bool = True,
        stop: str | None = None,
        commands: tuple[Command, ...] = (),
    ) -> None:
        """A ledger closes, and the engine hears of it."""
        Machine.ticks += 1
        if self.state.halt is not None:
            self.closing += 1
            if self.state.sweep is None or self.closing > 5:
                self._begin(fresh=True)
        state = self.state
        self._close(before, after, seconds=seconds, crossing=crossing, refused=refused)
        if failed:
            given = Input(self.ledger.now, None, "the node is away", stop, acks=self.acks, commands=commands)
        else:
            given = self._observed(late, again, backwards, muted, left_out, stop, commands)
        decision, after_it = self.engine.tick(state, given)
        ready = self.ledger.prepare(decision.intents, f"{state.session}/{decision.tick}")
        if not committed:
            return
        self.decision, self.state = self.engine.prepared(after_it, decision, ready)
        self.auditor.judge(state, self.state, given, self.decision)
        if given.observation is not None:
            told = given.observation.account.events
            self.untold = [event for event in self.untold if event not in told]
            if self.exact:
                assert self.state.inventory == self.ledger.holds
        self._send(ready[:arrive], ready[arrive:], acked)

    def _close(self, *taken: Sequence[Take], **how: Any) -> None:
        told = len(self.ledger.events)
        self.ledger.close(*taken, **how)
        self.untold += self.ledger.events[told:]

    def _send(self, arrive: Sequence[Prepared], lost: Sequence[Prepared], acked: bool) -> None:
        self.ledger.pending += arrive
        sent = AckOutcome.SENT if acked else AckOutcome.REFUSED
        outcomes = [(one, AckOutcome.SENT) for one in arrive] + [(one, sent) for one in lost]
        self.acks = tuple(
            Ack(one.intent.order_id, isinstance(one.intent, Cancel), outcome) for one, outcome in outcomes
        )

    def _observed(
        self,
        late: bool,
        again: bool,
        backwards: bool,
        muted: bool,
        left_out: Collection[int],
        stop: str | None,
        commands: tuple[Command, ...],
    ) -> Input:
        ledger, since = self.ledger, self.state.since
        if since is None:
            since = ledger.index
            self.untold.clear()
        past = 0 if again else since
        transactions = tuple(one for one in ledger.transactions if one.ledger_index > past)
        if late and not self.exact:
            self.late |= {event.sequence for event in self.untold} - set(ledger.resting)
        events: list[OfferEvent] = []
        long_ago = ledger.index - REMEMBERED
        self.misled |= not self.proves and any(event.ledger_index < long_ago for event in self.untold)
        if self.proves:
            events = [e for e in self.untold if e.sequence not in self.late or e.ledger_index < long_ago]
            if again:
                told = [event for event in ledger.events if event not in self.untold]
                events = [*told[-8:], *events]
            if backwards:
                events.reverse()
        hidden = [event.ledger_index for event in self.untold if self.proves and event not in events]
        covers_from = max([since, *hidden]) + 1
        if (late or muted) and not self.exact:
            covers_from = ledger.index + 1
        if muted:
            events, transactions = [], ()
        seen = ledger.show(self.mid, tuple(events), transactions, covers_from, self.proves, left_out)
        return Input(ledger.now, seen, "", stop, acks=self.acks, commands=commands)


WAYS = {"proven", "proven, of a marked order", "guess", "seen", "taken back", "booked back", "all told"}
WAYS |= {"shown again", "waited for", "FILLED", "CANCELLED", "REPLACED", "EXPIRED", "NEVER_PLACED", "lived on"}
WAYS |= {status.value for status in OrderStatus} - {"PENDING", "PARTIALLY_FILLED"}


@pytest.mark.rule("REC-2", "REC-3", "REC-4", "REC-7", "REC-9", "REC-11", "REC-13", "TRU-4")
@pytest.mark.rule("REC-X4", "REC-X5", "REC-X6", "REC-X7", "QUO-X3")
def test_in_any_order_of_events_the_inventory_is_the_opening_and_what_was_booked() -> None:
    Machine.ticks, Machine.seen = 0, Counter()
    run_state_machine_as_test(
        Machine,
        settings=hypothesis_settings(max_examples=6 * hypothesis_settings().max_examples, stateful_step_count=40),
    )
    assert Machine.ticks >= STEPS_WANTED
    assert min(Machine.seen[way] for way in WAYS) > 15, Machine.seen
