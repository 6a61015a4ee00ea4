"""The loop and its ending: closing, what fails on the way out, and which reason stays. (sections 2 and 3)"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from msgspec.structs import replace

from neo_core import Mark, Order, hookimpl
from neo_core.markets import Taker
from neo_core.model import DROPS, Ack, AckOutcome, Cancel, Decision, Mode, Observation, Prepared, Side
from neo_core.state import State

from .houses import AWAY, QUIET, Books, House, Ledgers
from .making import account, ack, cancels, guard, places, refuse, swallow


def lose_cancels(house: House) -> Callable[[Sequence[Prepared]], tuple[Ack, ...]]:
    """Placements reach the ledger, cancels get lost on the way."""
    send = house.gateway.sending

    def sending(prepared: Sequence[Prepared]) -> tuple[Ack, ...]:
        if any(isinstance(one.intent, Cancel) for one in prepared):
            return swallow(prepared)
        return send(prepared)

    return sending


def decisions(house: House) -> list[Decision]:
    return [decision for decision, _ in house.seen]


def quoted(house: House) -> list[str]:
    """The orders of the first tick."""
    return [order.id for order in places(decisions(house)[0])]


def all_left_open(house: House) -> str:
    buy, sell = quoted(house)
    return f"may still be open: {buy} (buy, offer 1), {sell} (sell, offer 2)"


# --- closing ---


@pytest.mark.rule("MODE-5", "HALT-3", "HALT-X1")
def test_a_session_of_some_ticks_ends_on_the_last_of_them_and_closes_until_the_ledger_shows_it_flat() -> None:
    house = House(ticks=10)
    ending = house.run()
    assert (ending.halt.reason, ending.ticks) == ("duration_elapsed", 10)
    assert ending.halt.detail == "10 ticks were asked for"
    *before, halting, closing = decisions(house)
    assert len(before) == 9
    assert {decision.mode for decision in before} == {Mode.OK}
    assert halting.mode is closing.mode is Mode.HALT
    assert len(cancels(halting)) == 2
    assert closing.intents == ()
    assert house.gateway.observe(None).account.offers == ()


@pytest.mark.rule("HALT-3", "HALT-X1")
@pytest.mark.parametrize(("seconds", "tick"), [(0.5, 2), (4.0, 2), (4.1, 3), (40.0, 11)])
def test_a_session_of_some_seconds_ends_on_the_first_tick_at_or_past_them(seconds: float, tick: int) -> None:
    ending = House(settings={"session": {"duration_seconds": seconds}}).run()
    assert (ending.halt.reason, ending.ticks) == ("duration_elapsed", tick)


@pytest.mark.rule("MODE-5")
def test_the_reason_is_committed_before_the_first_cancel_is_sent() -> None:
    timeline: list[str] = []

    class Watched(Books):
        def commit(self, decision: Decision, line: bytes, state: State) -> None:
            super().commit(decision, line, state)
            timeline.append(f"commit {state.mode}")

    house = House(ticks=3, books=Watched())
    send = house.gateway.sending

    def sending(prepared: Sequence[Prepared]) -> tuple[Ack, ...]:
        timeline.append(f"send {len(prepared)}")
        return send(prepared)

    house.gateway.sending = sending
    house.run()
    assert timeline == ["commit OK", "send 2", "commit OK", "commit HALT", "send 2", "commit HALT"]


@pytest.mark.rule("MODE-5")
def test_what_never_goes_away_is_cancelled_again_for_five_ledgers_and_then_named() -> None:
    house = House(ticks=3)
    house.gateway.sending = lose_cancels(house)
    ending = house.run()
    halting, *closing = decisions(house)[2:]
    assert [len(cancels(decision)) for decision in (halting, *closing)] == [2, 0, 2, 0, 2, 0]
    assert ending.halt.reason == "duration_elapsed"
    assert ending.ticks == 3
    assert all_left_open(house) in ending.halt.detail
    assert house.books.ended == [ending.halt]


@pytest.mark.rule("MODE-5")
def test_cancels_that_the_gateway_refuses_are_tried_again_on_every_ledger() -> None:
    house = House(ticks=3, settings={"shutdown": {"max_ledgers": 3}})
    send = house.gateway.sending
    house.gateway.sending = lambda ready: refuse(ready) if isinstance(ready[0].intent, Cancel) else send(ready)
    ending = house.run()
    assert [len(cancels(decision)) for decision in decisions(house)[2:]] == [2, 2, 2, 2]
    assert "may still be open" in ending.halt.detail


@pytest.mark.rule("MODE-5")
def test_closing_ends_when_no_observation_comes_for_thirty_seconds() -> None:
    house = House(ticks=3, market=Ledgers(dict.fromkeys(range(4, 100), AWAY)))
    ending = house.run()
    assert len(decisions(house)) == 3 + 8  # 30 seconds are past with the eighth ledger of four
    assert ending.halt.reason == "duration_elapsed"
    assert all_left_open(house) in ending.halt.detail
    assert len(house.gateway.cancels) == 2  # who sees nothing cannot tell that they are dead


@pytest.mark.rule("MODE-5")
def test_a_short_blindness_while_closing_is_waited_for() -> None:
    house = House(ticks=3, market=Ledgers(dict.fromkeys(range(4, 8), AWAY)))
    ending = house.run()
    assert ending.halt.detail == "3 ticks were asked for"


@pytest.mark.rule("MODE-5")
def test_a_second_signal_ends_at_once_and_says_what_remains() -> None:
    def show(decision: Decision, state: State) -> None:
        if decision.tick == 4:
            house.operator.signal("SIGINT")
        if decision.tick == 6:
            house.operator.signal("SIGINT")

    house = House(show=show)
    house.gateway.sending = lose_cancels(house)
    ending = house.run()
    assert [decision.tick for decision in decisions(house)] == [1, 2, 3, 4, 5, 6]
    assert (ending.halt.reason, ending.ticks) == ("engine_requested_halt", 5)
    assert ending.halt.detail == f"SIGINT received; {all_left_open(house)}"


@pytest.mark.rule("MODE-5")
def test_two_signals_at_once_still_send_the_cancels() -> None:
    def show(decision: Decision, state: State) -> None:
        if decision.tick == 3:
            house.operator.signal("SIGINT")
            house.operator.signal("SIGINT")

    house = House(show=show)
    ending = house.run()
    assert (ending.halt.reason, ending.ticks) == ("engine_requested_halt", 4)
    assert house.gateway.cancels == quoted(house)


@pytest.mark.rule("MODE-5", "REC-11", "PAP-X2")
def test_a_fill_that_beats_its_cancel_while_closing_is_booked() -> None:
    drops = set()
    for ticks in range(2, 22):
        late = {ticks + 1: replace(QUIET, takers=(Taker(Side.SELL, 1000 * DROPS),))}
        house = House(settings={"quoting": {"bid_offset_bps": 3.0}}, ticks=ticks, market=Ledgers(late))
        assert house.run().halt.detail == f"{ticks} ticks were asked for"
        _, state = house.seen[-1]
        seen = house.gateway.observe(None).account
        assert state.inventory is not None
        assert (state.inventory.drops, state.inventory.rlusd) == (seen.xrp_drops, seen.rlusd)
        drops.add(sum(fill.drops for decision in decisions(house)[ticks:] for fill in decision.fills))
    assert drops == {0, 100 * DROPS}


@pytest.mark.rule("MODE-5")
def test_an_order_that_lands_while_closing_is_cancelled() -> None:
    house = House(ticks=2)

    def hidden(seen: Observation) -> Observation:
        return account(seen, offers=(), events=()) if len(house.seen) < 3 else seen

    house.gateway.showing = hidden
    house.gateway.sending = lose_cancels(house)
    house.run()
    assert [len(cancels(decision)) for decision in decisions(house)] == [0, 2, 0, 2, 0, 2, 0]


@pytest.mark.rule("MODE-5")
def test_nothing_is_judged_or_placed_while_closing() -> None:
    script, plugin = guard()
    house = House({"amber": plugin}, ticks=3)
    house.gateway.sending = lose_cancels(house)
    house.run()
    assert script.ticks_of("evaluate_entry") == [1, 2]
    assert not any(places(decision) for decision in decisions(house)[2:])


@pytest.mark.rule("MODE-5")
def test_a_recording_that_ends_with_open_orders_ends_the_session_and_names_them() -> None:
    house = House(market=Ledgers(end=3))
    ending = house.run()
    assert ending.halt.reason == "replay_exhausted"
    assert all_left_open(house) in ending.halt.detail


# --- the first reason stays ---


@pytest.mark.rule("HALT-1")
def test_a_reason_that_comes_while_closing_replaces_nothing() -> None:
    def show(decision: Decision, state: State) -> None:
        if decision.tick >= 2:
            house.asked = ("neo stop", "neo kill" if decision.tick > 2 else None)

    house = House(ticks=4, show=show)
    house.gateway.sending = lose_cancels(house)
    ending = house.run()
    assert (ending.halt.reason, ending.ticks) == ("engine_requested_halt", 3)
    assert ending.halt.detail.startswith("neo stop; ")
    assert {decision.halt.reason for decision in decisions(house) if decision.halt} == {"engine_requested_halt"}


@pytest.mark.rule("HALT-1", "HALT-3")
def test_a_reason_on_the_last_tick_of_the_time_is_not_replaced_by_the_planned_end() -> None:
    house = House(ticks=3, market=Ledgers({3: replace(QUIET, cannot_trade="account frozen")}))
    assert house.run().halt.reason == "risk_gateway_halt"


@pytest.mark.rule("HALT-1", "PLUG-3")
def test_a_plugin_that_fails_on_the_last_cancel_all_replaces_no_reason() -> None:
    class Broken:
        def __init__(self, config: object) -> None:
            pass

        @hookimpl
        def on_cancel_all(self, orders: Sequence[Order]) -> list[Mark]:
            raise RuntimeError("no marks today")

    house = House({"broken": Broken}, ticks=3)
    assert house.run().halt.reason == "duration_elapsed"
    assert len(house.gateway.cancels) == 2
    assert house.log.of("plugin_fault")


@pytest.mark.rule("HALT-1")
def test_a_crash_while_closing_keeps_the_reason_and_goes_on_cancelling() -> None:
    house = House(ticks=3)
    send, sends = house.gateway.sending, [0]

    def sending(prepared: Sequence[Prepared]) -> tuple[Ack, ...]:
        sends[0] += 1
        if sends[0] == 2:
            raise OSError("the line is cut")
        return send(prepared)

    house.gateway.sending = sending
    ending = house.run()
    assert (ending.halt.reason, ending.halt.detail) == ("duration_elapsed", "3 ticks were asked for")
    assert house.log.of("session_failed") == [{"text": "OSError: the line is cut"}]
    assert house.gateway.observe(None).account.offers == ()


@pytest.mark.rule("HALT-2")
def test_a_crash_without_words_is_an_unexpected_halt_that_says_what_it_was() -> None:
    house = House()

    def showing(seen: Observation) -> Observation:
        raise ZeroDivisionError

    house.gateway.showing = showing
    ending = house.run()
    assert (ending.halt.reason, ending.ticks) == ("unexpected_halt", 1)
    assert "ZeroDivisionError" in ending.halt.detail
    assert house.books.ended == [ending.halt]


# --- the store fails ---


def fails_on(tick: int) -> Callable[[Decision], bool]:
    return lambda decision: decision.tick >= tick


@pytest.mark.rule("HALT-4")
@pytest.mark.parametrize("end_fails", [False, True])
def test_a_store_that_fails_on_an_ordinary_tick_ends_the_session_and_the_cancels_are_sent(end_fails: bool) -> None:
    house = House(books=Books(fails_on(4), end_fails=end_fails))
    ending = house.run()
    assert (ending.halt.reason, ending.halt.detail) == ("unexpected_halt", "the disk is full")
    assert set(house.gateway.cancels) == set(quoted(house))
    assert house.gateway.observe(None).account.offers == ()
    assert house.books.ended == []  # its record stops before the tick that is missing: the next start settles it
    assert house.log.of("ending_not_recorded") == [{"text": "a tick before it could not be written"}]
    assert [facts["reason"] for facts in house.log.of("session_ended")] == ["unexpected_halt"]


@pytest.mark.rule("HALT-4")
@pytest.mark.parametrize("end_fails", [False, True])
def test_a_store_that_fails_on_the_halting_tick_keeps_the_reason(end_fails: bool) -> None:
    house = House(
        books=Books(fails_on(4), end_fails=end_fails),
        market=Ledgers({4: replace(QUIET, cannot_trade="account frozen")}),
    )
    ending = house.run()
    assert (ending.halt.reason, ending.halt.source) == ("risk_gateway_halt", "risk")
    assert ending.halt.reason.exit_code == 3
    assert set(house.gateway.cancels) == set(quoted(house))
    assert house.gateway.observe(None).account.offers == ()
    ended = house.log.of("session_ended")
    assert [(facts["reason"], facts["detail"]) for facts in ended] == [("risk_gateway_halt", "account frozen")]


@pytest.mark.rule("HALT-4")
def test_a_store_that_fails_while_closing_keeps_the_reason() -> None:
    house = House(ticks=3, books=Books(fails_on(4), end_fails=True))
    ending = house.run()
    assert (ending.halt.reason, ending.halt.detail) == ("duration_elapsed", "3 ticks were asked for")
    assert house.log.of("ending_not_recorded") == [{"text": "a tick before it could not be written"}]


@pytest.mark.rule("HALT-4")
def test_a_store_that_fails_on_the_end_alone_leaves_reason_exit_code_and_log() -> None:
    house = House(ticks=3, books=Books(end_fails=True))
    ending = house.run()
    assert (ending.halt.reason, ending.halt.reason.exit_code) == ("duration_elapsed", 0)
    assert [facts["reason"] for facts in house.log.of("session_ended")] == ["duration_elapsed"]


@pytest.mark.rule("HALT-4")
def test_new_quotes_of_a_tick_that_could_not_be_committed_are_not_sent() -> None:
    house = House(books=Books(fails_on(4)), market=Ledgers({4: replace(QUIET, bid=2.009, ask=2.011)}))
    house.run()
    assert [one.intent.order_id for one in house.gateway.sent if not isinstance(one.intent, Cancel)] == quoted(
        house
    )


@pytest.mark.rule("HALT-4")
def test_a_gateway_that_cannot_be_closed_takes_no_ending_away() -> None:
    house = House(ticks=3)

    def close() -> None:
        raise OSError("already gone")

    house.gateway.close = close  # type: ignore[method-assign]  # a fake of one method
    assert house.run().halt.reason == "duration_elapsed"


# --- the loop ---


@pytest.mark.rule("TICK-X1")
def test_what_became_of_a_sending_is_part_of_the_next_tick_only() -> None:
    house = House(ticks=4, market=Ledgers({2: AWAY}))
    send = house.gateway.sending
    refused: list[str] = []

    def sending(prepared: Sequence[Prepared]) -> tuple[Ack, ...]:
        if refused:
            return send(prepared)
        refused.extend(one.intent.order_id for one in prepared)
        return tuple(ack(one, AckOutcome.REFUSED) for one in prepared)

    house.gateway.sending = sending
    house.run()
    first, second, third, *_ = decisions(house)
    assert [order.id for order in places(first)] == refused
    assert [(order.id, order.status) for order in second.orders] == [(name, "REJECTED") for name in refused]
    assert not set(refused) & {order.id for order in third.orders}
    assert len(places(third)) == 2
