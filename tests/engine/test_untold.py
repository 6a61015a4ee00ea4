"""Ledgers of which nothing was told are asked for, and booked once when they are. (section 8)"""

from __future__ import annotations

from typing import Any

import pytest

from neo_core.markets import Taker
from neo_core.model import DROPS, Inventory, Observation, Side
from neo_core.store.state import restore, texts
from neo_core.testing.rehearsal import Rehearsal

from .houses import House
from .making import account, kinds, places, reason
from .test_edges_of_orders import STRANGER
from .test_orders import known, owned, proof, quoting, showing, status

pytestmark = pytest.mark.rule("REC-X4")

NEAR = {"quoting": {"bid_offset_bps": 3.0, "ask_offset_bps": 3.0}}
SELLER = (Taker(Side.SELL, 40 * DROPS),)


def untold(seen: Observation) -> Observation:
    """The node shows the offers of this ledger, and nothing of what happened."""
    return account(seen, events=(), transactions=(), covers_from=seen.ledger_index + 1)


def wallet(stage: Rehearsal) -> Inventory:
    return Inventory(stage.ledger.xrp_drops, stage.ledger.rlusd)


def stage_of(**settings: Any) -> Rehearsal:
    stage = Rehearsal(settings={**NEAR, "wallet_truth": {"enabled": False}, **settings})
    stage.ticks(3)
    return stage


def all_told(stage: Rehearsal) -> bool:
    return not stage.state.untold and owned(stage) == wallet(stage)


def last(stage: Rehearsal) -> int:
    assert stage.state.ledger_index is not None
    return stage.state.ledger_index


def test_what_was_not_told_is_asked_for_and_booked_exactly_once_when_it_is() -> None:
    stage = stage_of()
    before, since = wallet(stage), last(stage)
    stage.ticks(3, takers=SELLER, shown=untold)
    assert (stage.state.untold, stage.state.since) == (((since + 1, since + 3),), since)
    assert owned(stage) == before != wallet(stage)
    told = stage.tick()
    assert (stage.state.untold, stage.state.since) == ((), since + 4)
    assert owned(stage) == wallet(stage)
    assert len({fill.tx_hash for fill in told.fills}) == len(told.fills) > 0
    assert stage.tick().fills == ()
    assert owned(stage) == wallet(stage)


def test_a_node_that_remembers_the_newest_ledgers_only_leaves_the_others_untold() -> None:
    stage = stage_of()
    since = last(stage)
    stage.ticks(3, takers=SELLER, shown=untold)

    def newest(seen: Observation) -> Observation:
        return account(seen, covers_from=seen.ledger_index - 1)

    stage.tick(mid=2.001, shown=newest)
    assert stage.state.untold == ((since + 1, since + 2),)
    assert owned(stage).drops != wallet(stage).drops  # fees of what is not told in full are not paid yet
    stage.tick(mid=2.001)
    assert all_told(stage)


def test_between_two_gaps_nothing_told_is_ever_new_again() -> None:
    stage = stage_of()
    since = last(stage)
    stage.tick(takers=SELLER, shown=untold)
    stage.tick(takers=SELLER, shown=lambda seen: account(seen, covers_from=seen.ledger_index))
    stage.tick(takers=SELLER, shown=untold)
    assert stage.state.untold == ((since + 1, since + 1), (since + 3, since + 3))
    paid = [transaction.tx_hash for entry in stage.ledger.entries for transaction in entry.transactions]
    stage.tick()
    assert paid
    assert all_told(stage)


def test_a_gap_that_is_told_again_and_again_is_paid_once() -> None:
    stage = stage_of()
    since = last(stage)
    stage.ticks(2, takers=SELLER, shown=untold)
    kept: list[Observation] = []

    def keep(seen: Observation) -> Observation:
        kept.append(seen)
        return seen

    stage.tick(shown=keep)
    (whole,) = kept
    for _ in range(3):
        stage.tick(
            shown=lambda seen: account(
                seen,
                events=(*whole.account.events, *seen.account.events),
                transactions=(*whole.account.transactions, *seen.account.transactions),
                covers_from=since + 1,
            )
        )
        assert owned(stage) == wallet(stage)


@pytest.mark.parametrize(("told", "halted"), [(False, "reconciler_halt"), (True, None)])
def test_an_event_of_an_unknown_offer_in_a_ledger_that_was_untold_is_impossible(
    told: bool, halted: str | None
) -> None:
    stage, _ = quoting()
    stage.tick(shown=None if told else untold)
    stage.tick(shown=showing(proof(STRANGER, 100), ledgers_ago=1))
    assert reason(stage) == halted


def test_what_nobody_tells_is_given_up_after_long_enough_and_said_aloud_once() -> None:
    house = House(ticks=400)

    def forgetful(seen: Observation) -> Observation:
        gap = house.seen[9][0].ledger_index + 1 if len(house.seen) > 9 else 0
        if len(house.seen) in (10, 11):
            return untold(seen)
        return account(seen, covers_from=max(seen.account.covers_from, gap + 2)) if gap else seen

    house.gateway.showing = forgetful
    ending = house.run()
    assert ending.halt.reason == "duration_elapsed"
    (told,) = house.log.of("ledgers_untold")
    first = house.seen[9][0].ledger_index + 1
    assert (told["first"], told["last"]) == (first, first + 1)
    (tick,) = [decision.ledger_index for decision, _ in house.seen if "ledgers_untold" in kinds(decision)]
    assert tick == first + 1 + 257
    before = [state.untold for decision, state in house.seen if first < decision.ledger_index < tick]
    assert set(before) == {((first, first + 1),)}
    assert house.seen[-1][1].untold == ()


def test_a_closed_order_is_remembered_for_as_long_as_its_ledgers_are_untold() -> None:
    stage = stage_of(quoting={**NEAR["quoting"], "order_ttl_seconds": 20.0})
    (order, _) = stage.state.orders.values()
    stage.tick(takers=SELLER, shown=untold)
    gap = last(stage)
    part = stage.ledger.entries[-1].events[0]

    def nothing_of_the_gap(seen: Observation) -> Observation:
        events = tuple(event for event in seen.account.events if event.ledger_index > gap)
        transactions = tuple(one for one in seen.account.transactions if one.ledger_index > gap)
        return account(seen, events=events, transactions=transactions, covers_from=gap + 1)

    stage.ticks(150, shown=nothing_of_the_gap)
    assert len(stage.state.closed) > 60
    assert known(stage, order).closed_ledger
    assert part.tx_hash in {fill.tx_hash for fill in stage.tick().fills}
    assert owned(stage) == wallet(stage)


def test_a_process_that_comes_after_knows_what_is_still_untold() -> None:
    stage = stage_of()
    stage.ticks(2, takers=SELLER, shown=untold)
    kept, _ = restore(1, texts(stage.state), [*stage.state.orders.values(), *stage.state.closed.values()], ())
    assert (kept.untold, kept.since) == (stage.state.untold, stage.state.since)
    stage.state = kept
    stage.tick()
    assert all_told(stage)
    assert reason(stage) is None


def test_an_order_that_may_have_landed_in_an_untold_ledger_is_rejected_only_when_that_is_told() -> None:
    stage = Rehearsal({}, {"wallet_truth": {"enabled": False}})
    stage.send = lambda prepared: ()
    (order, _) = places(stage.tick())
    stage.tick(shown=untold)
    ticks = stage.ticks(2, shown=lambda seen: account(seen, covers_from=seen.ledger_index))
    assert status(stage, order) == "PENDING"
    assert not any("order_never_placed" in kinds(decision) for decision in ticks)
    decision = stage.tick()
    assert last(stage) == known(stage, order).last_ledger
    assert kinds(decision).count("order_never_placed") == 2
    assert status(stage, order) == "REJECTED"


def test_a_session_asks_for_the_ledgers_that_are_missing() -> None:
    house = House(ticks=8)
    asked: list[int | None] = []
    observe = house.gateway.observe

    def observed(since: int | None) -> Observation:
        asked.append(since)
        seen = observe(since)
        return untold(seen) if len(asked) in (4, 5) else seen

    setattr(house.gateway, "observe", observed)
    house.run()
    first = house.seen[0][0].ledger_index
    assert asked[:8] == [None, first, first + 1, first + 2, first + 2, first + 2, first + 5, first + 6]


@pytest.mark.rule("TRU-X3", "TRU-5")
def test_a_difference_that_may_lie_in_an_untold_ledger_is_no_finding_until_it_is_told() -> None:
    stage = Rehearsal(settings={**NEAR, "wallet_truth": {"interval_ticks": 1}})
    stage.ticks(3)
    gap = stage.ticks(4, takers=SELLER, shown=untold)
    assert owned(stage) != wallet(stage)
    assert [decision.truth.verdict for decision in gap if decision.truth] == ["not_made"] * 4
    told = stage.tick()
    assert told.truth is not None
    assert (told.truth.verdict, told.mode, all_told(stage)) == ("ok", "OK", True)


@pytest.mark.rule("TRU-X3")
def test_a_difference_in_ledgers_that_nobody_tells_is_found_in_the_end() -> None:
    quoting_terms = {**NEAR["quoting"], "order_ttl_seconds": 3000.0}
    stage = Rehearsal(settings={"quoting": quoting_terms, "wallet_truth": {"interval_ticks": 1}})
    stage.ticks(3)
    first = last(stage) + 1
    stage.tick(takers=(Taker(Side.SELL, 100 * DROPS),), shown=untold)
    while stage.state.halt is None:
        stage.tick(shown=untold)
    assert (reason(stage), last(stage)) == ("inventory_truth_halt", first + 257 + 2)
