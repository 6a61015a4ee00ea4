"""May a session start? What was missed, what the books say, what is left over. (docs/behaviour.md, section 9)"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace
from neo_reconciler import Reconciler

from neo_core.markets import Taker
from neo_core.model import DROPS, CancelAll, Inventory, Observation, Offer, Order, OrderStatus, Side
from neo_core.state import State
from neo_core.testing.rehearsal import Rehearsal

from .houses import House, Ledgers
from .making import account, alive, cancels, guard, kinds, named, places, reason, replaced
from .test_orders import NEAR, owned, status
from .test_truth import holding

Shown = Callable[[Observation], Observation]
MARKED, OPEN, PENDING = OrderStatus.CANCELLED_BY_ENGINE, OrderStatus.OPEN, OrderStatus.PENDING


def policy(leftover_offers: str) -> Mapping[str, Any]:
    return {"startup": {"leftover_offers": leftover_offers}}


def begin_anew(stage: Rehearsal, known: State | None = None, **changes: Any) -> None:
    """A fresh session in the place of the one that ran: it knows what the database kept of it, and no more."""
    kept = stage.state if known is None else known
    stage.state = replace(
        State(
            session=kept.session + 1,
            ledger_index=kept.ledger_index,
            inventory=kept.inventory,
            orders=kept.orders,
            closed=kept.closed,
        ),
        **changes,
    )


def crashed(settings: Mapping[str, Any] | None = None) -> Rehearsal:
    """Two quotes on the ledger, and a fresh session that knows of them and has seen nothing yet."""
    stage = Rehearsal({"reconciler": Reconciler}, settings)
    stage.ticks(3)
    begin_anew(stage)
    return stage


def left(stage: Rehearsal) -> list[Order]:
    orders = alive(stage.state)
    assert len(orders) == 2
    return orders


def blind(seen: Observation) -> Observation:
    return account(seen, events=(), proves_fills=False)


# --- the books and the wallet ---


@pytest.mark.rule("INT-1")
def test_a_first_start_takes_the_wallet_as_opening_inventory_and_says_so_once() -> None:
    stage = Rehearsal()
    first = stage.tick(shown=holding(2_500_000, Decimal("1.25")))
    text = named(first, "opening_inventory").text
    assert "10002.5" in text
    assert "20001.25" in text
    assert owned(stage) == Inventory(10_002_500_000, Decimal("20001.25"))
    assert len(places(first)) == 2
    assert "opening_inventory" not in kinds(stage.tick(shown=holding(2_500_000, Decimal("1.25"))))


@pytest.mark.rule("INT-1", "TICK-2")
def test_a_first_start_that_sees_nothing_at_first_takes_the_wallet_as_soon_as_it_does() -> None:
    stage = Rehearsal()
    for decision in stage.ticks(2, failure="the node is away"):
        assert (decision.intents, decision.halt, stage.state.inventory) == ((), None, None)
    seen = stage.tick()
    assert "opening_inventory" in kinds(seen)
    assert owned(stage) == Inventory(10_000 * DROPS, Decimal(20_000))
    assert len(places(seen)) == 2


@pytest.mark.rule("INT-1")
@pytest.mark.parametrize("shown", [holding(), holding(10_000), holding(rlusd=Decimal("-0.01"))])
def test_books_that_agree_within_tolerance_start_and_stay_as_they_are(shown: Shown) -> None:
    stage = crashed()
    before = owned(stage)
    first = stage.tick(shown=shown)
    assert (first.halt, owned(stage)) == (None, before)
    assert "opening_inventory" not in kinds(first)
    assert first.truth is not None
    assert first.truth.verdict == "ok"


@pytest.mark.rule("INT-1", "TRU-4", "HALT-5")
@pytest.mark.parametrize(
    ("shown", "figures"),
    [
        (holding(10_001), ("+0.010001 XRP", "+0 RLUSD")),
        (holding(-25 * DROPS), ("-25 XRP", "+0 RLUSD")),
        (holding(DROPS, Decimal("-0.0100001")), ("+1 XRP", "-0.0100001 RLUSD")),
    ],
)
@pytest.mark.parametrize("enabled", [True, False], ids=["checks on", "checks off"])
def test_books_that_disagree_refuse_the_start_with_both_figures_and_what_to_do(
    shown: Shown, figures: tuple[str, str], enabled: bool
) -> None:
    stage = crashed({"wallet_truth": {"enabled": enabled}})
    before = owned(stage)
    first = stage.tick(shown=shown)
    assert reason(stage) == "startup_integrity_halt"
    assert first.halt is not None
    assert all(figure in first.halt.detail for figure in figures)
    assert "neo realign" in first.halt.detail
    assert first.truth is not None
    assert first.truth.inventory == before
    assert first.truth.wallet == shown_wallet(stage, shown)
    assert (places(first), owned(stage)) == ([], before)


def shown_wallet(stage: Rehearsal, shown: Shown) -> Inventory:
    ledger = stage.ledger
    bare = House().gateway.observe(None)
    seen = shown(account(bare, xrp_drops=ledger.xrp_drops, rlusd=ledger.rlusd)).account
    return Inventory(seen.xrp_drops, seen.rlusd)


@pytest.mark.rule("INT-1", "INT-X2")
def test_what_disagrees_is_judged_on_the_first_ledger_seen_and_nothing_is_placed_before() -> None:
    stage = crashed()
    away = stage.ticks(2, failure="the node is away")
    assert [places(decision) for decision in away] == [[], []]
    assert reason(stage) is None
    stage.tick(shown=holding(DROPS))
    assert reason(stage) == "startup_integrity_halt"


def away(stage: Rehearsal) -> None:
    """While nobody watches, somebody buys and sells more than we offer."""
    known = stage.state
    stage.tick(failure="nobody watches", takers=(Taker(Side.SELL, 60 * DROPS), Taker(Side.BUY, 500 * DROPS)))
    stage.tick(failure="nobody watches")
    begin_anew(stage, known)


@pytest.mark.rule("INT-1", "REC-11")
def test_what_was_missed_is_settled_first_and_then_books_and_wallet_agree() -> None:
    stage = Rehearsal({"reconciler": Reconciler}, NEAR)
    stage.ticks(3)
    away(stage)
    first = stage.tick()
    assert sorted(fill.drops for fill in first.fills) == [60 * DROPS, 100 * DROPS]
    assert first.halt is None
    assert first.truth is not None
    assert first.truth.inventory == first.truth.wallet == owned(stage)


@pytest.mark.rule("INT-1", "REC-13", "TRU-4")
def test_a_fill_that_was_missed_and_is_not_proven_refuses_the_start_instead_of_being_guessed() -> None:
    stage = Rehearsal({"reconciler": Reconciler}, NEAR)
    stage.ticks(3, shown=blind)
    (sell,) = [order for order in alive(stage.state) if order.side is Side.SELL]
    known = stage.state
    stage.tick(failure="nobody watches", takers=(Taker(Side.BUY, 500 * DROPS),))
    begin_anew(stage, known)
    before = owned(stage)
    first = stage.tick(shown=blind)
    assert (status(stage, sell), first.fills) == ("HELD_PENDING_REVIEW", ())
    assert reason(stage) == "startup_integrity_halt"
    assert owned(stage) == before


# --- own offers from before ---


@pytest.mark.rule("INT-1", "REC-1", "MODE-X2")
def test_cancel_marks_and_cancels_what_is_left_and_quotes_only_once_it_is_gone() -> None:
    stage = crashed(policy("cancel"))
    names = {order.id for order in left(stage)}
    first = stage.tick()
    assert {one.order_id for one in cancels(first)} == names
    assert {(order.status, order.cancel_reason) for order in first.orders} == {(MARKED, "STARTUP_CANCEL")}
    assert places(first) == []
    done = stage.tick()
    assert "cancel_all_complete" in kinds(done)
    assert stage.ledger.offers == ()
    assert len(places(done)) == 2
    assert stage.tick().halt is None


@pytest.mark.rule("INT-1", "REC-5", "INT-X2")
@pytest.mark.parametrize("leftover_offers", ["cancel", "adopt"])
def test_an_order_marked_before_keeps_its_mark_is_never_adopted_and_is_cancelled(leftover_offers: str) -> None:
    stage = crashed(policy(leftover_offers))
    marked, other = left(stage)
    as_marked = replace(
        marked, status=MARKED, cancel_reason="HALT_CANCEL", cancelled_at="2026-01-01T00:00:00+00:00"
    )
    begin_anew(stage, orders={marked.id: as_marked, other.id: other})
    first = stage.tick()
    assert marked.id in {one.order_id for one in cancels(first)}
    assert (status(stage, marked), places(first)) == ("CANCELLED_BY_ENGINE", [])
    assert stage.state.orders[marked.id].cancel_reason == "HALT_CANCEL"
    assert (other.id in {one.order_id for one in cancels(first)}) == (leftover_offers == "cancel")
    second = stage.tick()
    assert "cancel_all_complete" in kinds(second)
    kept = {offer.sequence for offer in stage.ledger.offers}
    assert kept == ({other.sequence} if leftover_offers == "adopt" else set())
    assert marked.side in {order.side for order in places(second)}


@pytest.mark.rule("INT-1")
def test_an_order_that_was_decided_but_never_sent_is_cancelled_and_waited_for() -> None:
    stage = Rehearsal({"reconciler": Reconciler}, policy("cancel"))
    stage.ticks(3)
    buy, sell = left(stage)
    lost = replace(sell, status=PENDING, seen=False, sequence=999_999, tx_hash="LOST")
    begin_anew(stage, orders={buy.id: buy, sell.id: sell, "1-000009": replace(lost, id="1-000009")})
    first = stage.tick()
    assert {one.order_id for one in cancels(first)} == {buy.id, sell.id, "1-000009"}
    last = lost.last_ledger
    while (stage.state.ledger_index or 0) < last - 1:
        assert places(stage.tick()) == []
    assert len(places(stage.tick())) == 2
    assert stage.state.closed["1-000009"].status == "REJECTED"


@pytest.mark.rule("INT-1")
@pytest.mark.parametrize("leftover_offers", ["cancel", "adopt"])
def test_an_offer_that_the_books_do_not_know_becomes_an_order_like_any_other(leftover_offers: str) -> None:
    stage = crashed(policy(leftover_offers))
    stranger, known = left(stage)
    begin_anew(stage, orders={known.id: known})
    first = stage.tick()
    assert first.halt is None
    (made,) = [order for order in stage.state.orders.values() if order.sequence == stranger.sequence]
    assert made.id.startswith(f"{stage.state.session}-")
    assert (made.side, made.rest_drops, made.rest_rlusd) == (stranger.side, stranger.drops, stranger.rlusd)
    sent = {one.sequence for one in cancels(first)}
    assert sent == ({stranger.sequence, known.sequence} if leftover_offers == "cancel" else set())
    stage.ticks(3)
    assert (stage.state.mode, len(stage.ledger.offers)) == ("OK", 2)
    assert owned(stage) == Inventory(stage.ledger.xrp_drops, stage.ledger.rlusd)


@pytest.mark.rule("INT-1")
def test_adopted_offers_stay_and_are_quotes_like_others_that_are_replaced_when_they_are_off() -> None:
    stage = crashed(policy("adopt"))
    orders = left(stage)
    first = stage.tick()
    assert (first.intents, named(first, "offers_adopted").facts["count"]) == ((), 2)
    assert {status(stage, order) for order in orders} == {"OPEN"}
    assert stage.tick().intents == ()
    moved = stage.tick(mid=2.0008)
    assert (set(replaced(moved)), len(moved.intents)) == ({order.id for order in orders}, 2)


@pytest.mark.rule("INT-1", "MODE-1")
def test_what_was_adopted_is_cancelled_with_all_else_when_the_engine_degrades() -> None:
    script, plugin = guard()
    stage = Rehearsal({"amber": plugin, "reconciler": Reconciler}, policy("adopt"))
    stage.ticks(3)
    marked, other = left(stage)
    begin_anew(stage, orders={marked.id: replace(marked, status=MARKED), other.id: other})
    stage.tick()
    script.enter = True
    entry = stage.tick()
    assert [one.order_id for one in cancels(entry)] == [other.id]
    assert stage.state.orders[other.id].cancel_reason == "DEGRADED_CANCEL"


@pytest.mark.rule("INT-1", "HALT-5", "INT-X2")
@pytest.mark.parametrize("kind", ["known", "marked", "pending", "stranger"])
def test_refuse_halts_names_the_offers_says_what_to_do_and_sends_nothing(kind: str) -> None:
    stage = crashed(policy("refuse"))
    one, other = left(stage)
    changed = {
        "known": one,
        "marked": replace(one, status=MARKED),
        "pending": replace(one, status=PENDING, seen=False),
        "stranger": None,
    }[kind]
    begin_anew(stage, orders={} if changed is None else {one.id: changed, other.id: other})
    first = stage.tick()
    assert reason(stage) == "startup_integrity_halt"
    assert first.halt is not None
    assert f"{one.sequence}, {other.sequence}" in first.halt.detail
    assert "neo cancel-all" in first.halt.detail
    assert (first.intents, stage.state.sweep) == ((), None)
    assert all(order.cancel_reason == "" for order in first.orders)
    assert stage.tick().intents == ()
    assert len(stage.ledger.offers) == 2


@pytest.mark.rule("INT-1", "HALT-1")
def test_a_session_that_is_refused_ends_without_having_sent_anything() -> None:
    earlier = House(ticks=3)
    earlier.run()
    order = next(iter(earlier.seen[1][1].orders.values()))
    strange = (Offer(order.sequence, order.side, order.drops, order.rlusd),)
    house = House(settings=policy("refuse"), market=Ledgers())
    house.gateway.showing = lambda seen: account(seen, offers=strange)
    ending = house.run()
    assert (ending.halt.reason, ending.halt.reason.exit_code, ending.ticks) == ("startup_integrity_halt", 4, 1)
    assert house.gateway.sent == []
    assert [halt.reason for halt in house.books.ended] == ["startup_integrity_halt"]


@pytest.mark.rule("INT-1", "REC-1")
def test_refuse_gives_way_to_an_operator_who_asks_for_the_cancels() -> None:
    stage = crashed(policy("refuse"))
    names = {order.id for order in left(stage)}
    first = stage.tick(commands=(CancelAll(7, "clean up"),))
    assert first.done == (7,)
    assert {one.order_id for one in cancels(first)} == names


@pytest.mark.rule("INT-1")
@pytest.mark.parametrize("leftover_offers", ["cancel", "adopt", "refuse"])
def test_with_nothing_left_every_policy_starts_and_quotes(leftover_offers: str) -> None:
    stage = Rehearsal(settings=policy(leftover_offers))
    assert len(places(stage.tick())) == 2
    assert stage.tick().halt is None


@pytest.mark.rule("INT-1", "REC-8")
def test_a_held_order_is_no_offer_that_was_left_over() -> None:
    stage = crashed(policy("refuse"))
    buy, _ = left(stage)
    begin_anew(stage, orders={buy.id: replace(buy, status=OrderStatus.HELD_PENDING_REVIEW)})
    first = stage.tick(shown=lambda seen: account(seen, offers=()))
    assert (first.halt, status(stage, buy)) == (None, "HELD_PENDING_REVIEW")


@pytest.mark.rule("INT-1", "MODE-8")
@pytest.mark.parametrize("leftover_offers", ["cancel", "adopt", "refuse"])
def test_a_resumed_session_goes_on_with_its_own_offers_whatever_the_policy(leftover_offers: str) -> None:
    stage = Rehearsal(settings=policy(leftover_offers))
    stage.ticks(3)
    stage.state = replace(stage.state, now=None, close_time=None, armed=False, watched_since=0, matched=None)
    again = stage.tick()
    assert (again.halt, again.intents, again.mode) == (None, (), "OK")


@pytest.mark.rule("INT-1", "MODE-8")
def test_a_resumed_session_whose_books_disagree_is_refused_as_well() -> None:
    stage = Rehearsal()
    stage.ticks(3)
    stage.state = replace(stage.state, now=None, close_time=None, armed=False, watched_since=0, matched=None)
    stage.tick(shown=holding(DROPS))
    assert reason(stage) == "startup_integrity_halt"


@pytest.mark.rule("REC-9", "HALT-5")
def test_a_stranger_that_appears_while_the_session_runs_halts_it() -> None:
    stage = Rehearsal()
    stage.ticks(3)
    strange = Offer(4711, Side.BUY, DROPS, Decimal(2))
    stage.tick(shown=lambda seen: account(seen, offers=(*seen.account.offers, strange)))
    assert reason(stage) == "reconciler_halt"
    assert stage.state.halt is not None
    assert "4711" in stage.state.halt.detail
