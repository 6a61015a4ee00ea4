"""Closing counts ledgers that it has seen, not those that an outage has hidden. (section 2)"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import Any

import pytest
from msgspec.structs import replace

from neo_core.engine import Engine
from neo_core.errors import ObservationFailed
from neo_core.gateways.base import Gateway
from neo_core.model import Ack, Cancel, Decision, Observation, Offer, Prepared
from neo_core.operators import Operator
from neo_core.session import Ending, Session
from neo_core.state import State

from .houses import AWAY, House, Ledgers
from .making import cancels, kinds, swallow

pytestmark = pytest.mark.rule("MODE-5", "MODE-X5")

HOUR = 900  # ledgers


def lost_until(house: House, ledger: int) -> None:
    """Cancels get lost on the way as long as fewer ledgers than that have closed."""
    send, first = house.gateway.sending, house.gateway.now()

    def sending(prepared: Sequence[Prepared]) -> tuple[Ack, ...]:
        early = house.gateway.now() < first + 4.0 * ledger
        return swallow(prepared) if early and isinstance(prepared[0].intent, Cancel) else send(prepared)

    house.gateway.sending = sending


def offers(house: House) -> tuple[Offer, ...]:
    return house.gateway.observe(None).account.offers


def again(house: House, state: State, gateway: Gateway | None = None, signal: str = "") -> Ending:
    """Another process, which knows what was kept of `state` and trades in the same wallet."""
    operator = Operator(lambda: (None, None), clock=count(0.0, 1.0).__next__)
    if signal:
        operator.signal(signal)
    house.seen.clear()
    return Session(
        engine=Engine(house.settings, house.plugins, None),
        gateway=house.gateway if gateway is None else gateway,
        records=house.books,
        operator=operator,
        settings=house.settings,
        state=replace(state, now=None, close_time=None, armed=False, watched_since=0, matched=None),
        log=house.log,
        wall=lambda: 0.0,
        show=lambda decision, after: house.seen.append((decision, after)),
    ).run()


def killed(market: Ledgers) -> tuple[House, State]:
    """A session with two quotes on the ledger that was killed, and an hour without it."""

    def show(decision: Decision, state: State) -> None:
        if decision.tick == 3:
            raise KeyboardInterrupt

    house = House(market=market, show=show)
    with pytest.raises(KeyboardInterrupt):
        house.run()
    _, state = house.seen[-1]
    for _ in range(HOUR):
        house.gateway.observe(None)
    return house, state


def test_a_halt_in_an_outage_goes_on_cancelling_when_the_node_is_back() -> None:
    house = House(ticks=3, market=Ledgers(dict.fromkeys(range(3, 10), AWAY)))
    lost_until(house, 10)
    ending = house.run()
    halting, *rest = [decision for decision, _ in house.seen if decision.halt is not None]
    assert (len(cancels(halting)), halting.tick) == (2, 3)
    (back,) = [decision for decision in rest if decision.ledger_index > halting.ledger_index and cancels(decision)]
    assert back.ledger_index == halting.ledger_index + 8
    assert (ending.halt.detail, ending.ticks, offers(house)) == ("3 ticks were asked for", 3, ())


def test_after_an_outage_what_never_goes_away_is_cancelled_for_five_ledgers_more() -> None:
    house = House(ticks=3, market=Ledgers(dict.fromkeys(range(3, 10), AWAY)))
    lost_until(house, 1000)
    ending = house.run()
    seen = sorted({decision.ledger_index for decision, _ in house.seen})
    assert [index - seen[0] for index in seen] == [0, 1, 9, 10, 11, 12, 13, 14]
    assert "may still be open" in ending.halt.detail


def test_seconds_without_an_observation_end_a_closing_whose_halt_fell_in_an_outage() -> None:
    house = House(ticks=3, market=Ledgers(dict.fromkeys(range(3, 100), AWAY)))
    lost_until(house, 1000)
    ending = house.run()
    assert len(house.seen) == 3 + 8  # 30 seconds from the halt are past with the eighth ledger of four
    assert "may still be open" in ending.halt.detail


@pytest.mark.rule("MODE-8")
def test_a_signal_before_a_resumed_session_has_seen_a_ledger_still_ends_with_no_offer_left() -> None:
    house, state = killed(Ledgers({HOUR + 4: AWAY}))
    lost_until(house, 2)
    ending = again(house, state, signal="SIGTERM")
    first, *rest = [decision for decision, _ in house.seen]
    assert (len(cancels(first)), first.ledger_index) == (2, state.ledger_index)
    assert [len(cancels(decision)) for decision in rest] == [2, 0]
    assert kinds(rest[-1]) == ["cancel_all_complete"]
    assert (ending.halt.detail, offers(house)) == ("SIGTERM received", ())


@pytest.mark.rule("REC-X3", "REC-X7")
def test_offers_that_nobody_remembers_are_cancelled_though_the_end_was_asked_for_before_the_first_ledger() -> None:
    house, _ = killed(Ledgers({HOUR + 4: AWAY}))
    ending = again(house, State(session=2), signal="SIGTERM")
    blind, shown, flat = [decision for decision, _ in house.seen]
    assert (blind.ledger_index, blind.intents, blind.halt) == (0, (), ending.halt)
    assert {cancel.reason for cancel in cancels(shown)} == {"SESSION_END_CANCEL"}
    assert len(cancels(shown)) == 2
    assert kinds(flat) == ["cancel_all_complete"]
    assert (ending.halt.detail, ending.ticks, offers(house)) == ("SIGTERM received", 1, ())


def test_offers_from_before_are_cancelled_again_for_five_ledgers_though_none_was_seen_when_the_end_came() -> None:
    house, _ = killed(Ledgers({HOUR + 4: AWAY}))
    lost_until(house, 1000)
    ending = again(house, State(session=2), signal="SIGTERM")
    assert [len(cancels(decision)) for decision, _ in house.seen] == [0, 2, 0, 2, 0, 2, 0]
    assert "may still be open" in ending.halt.detail


# --- the machine's clock is off ---


class Clocked:
    """A house's gateway whose `now` is the machine's clock, `off` by so much, until a ledger was seen."""

    def __init__(self, house: House, off: float) -> None:
        self._inner = house.gateway
        self._off = off

    def observe(self, since: int | None) -> Observation:
        seen = self._inner.observe(since)
        self._off = 0.0
        return seen

    def now(self) -> float:
        return self._inner.now() + self._off

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


@pytest.mark.parametrize("off", [-7200.0, 0.0, 7200.0])
def test_whatever_the_clock_says_a_closing_that_never_sees_a_ledger_ends_after_its_seconds(off: float) -> None:
    house, state = killed(Ledgers(dict.fromkeys(range(HOUR + 4, HOUR + 1000), AWAY)))
    ending = again(house, state, Clocked(house, off), signal="SIGTERM")
    assert len(house.seen) == 1 + 8
    assert "may still be open" in ending.halt.detail


def test_a_clock_that_was_ahead_until_the_node_showed_an_old_ledger_does_not_keep_a_closing_waiting() -> None:
    house, state = killed(Ledgers(dict.fromkeys(range(HOUR + 5, HOUR + 1000), AWAY)))
    gateway = Clocked(house, 7200.0)
    observe, asked = gateway.observe, [0]

    def observed(since: int | None) -> Observation:
        asked[0] += 1
        if asked[0] == 1:
            raise ObservationFailed("the node is away")
        seen = observe(since)
        return replace(seen, ledger_index=state.ledger_index or 0)

    gateway.observe = observed  # type: ignore[method-assign]  # a node that fails, then shows what was seen before
    again(house, state, gateway, signal="SIGTERM")
    assert len(house.seen) == 1 + 1 + 8
