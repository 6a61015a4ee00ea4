"""What a ledger proves is booked once, whatever is thought of the order. (docs/behaviour.md, section 8)"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from neo_core import Order, Outcome, Resolution
from neo_core.markets import Taker
from neo_core.model import DROPS, Fill, Inventory, Observation, OfferEvent, OrderStatus, OwnTransaction, Side
from neo_core.testing.rehearsal import Rehearsal

from .making import Marker, account, guard, layer, places, reason, refuse, swallow

NEAR = {"quoting": {"bid_offset_bps": 3.0, "ask_offset_bps": 3.0}}
Shown = Callable[[Observation], Observation]


def quoting(plugins: dict[str, type[Any]] | None = None) -> tuple[Rehearsal, Order]:
    """A stage with two open quotes, and the one that buys."""
    stage = Rehearsal(plugins)
    stage.ticks(3)
    (buy,) = [order for order in stage.state.orders.values() if order.side is Side.BUY]
    assert buy.status is OrderStatus.OPEN
    return stage, buy


def proof(order: Order, xrp: int, kind: str = "", tx_hash: str = "AA", cause: str = "") -> OfferEvent:
    """So much of an order was filled. The ledger index is set by whoever shows it."""
    drops = xrp * DROPS
    rlusd = order.rlusd * drops / order.drops
    left = order.rest_drops - drops
    kind = kind or ("partial_fill" if left else "filled")
    rest = order.rest_rlusd - rlusd
    return OfferEvent(kind, tx_hash, 0, order.sequence, order.side, drops, rlusd, left, rest, cause)


def showing(*events: OfferEvent, gone: Order | None = None, ledgers_ago: int = 0) -> Shown:
    def shown(seen: Observation) -> Observation:
        happened = tuple(
            OfferEvent(
                event.event,
                event.tx_hash,
                seen.ledger_index - ledgers_ago,
                event.sequence,
                event.side,
                event.drops,
                event.rlusd,
                event.rest_drops,
                event.rest_rlusd,
                event.cause,
            )
            for event in events
        )
        offers = tuple(offer for offer in seen.account.offers if gone is None or offer.sequence != gone.sequence)
        return account(seen, events=(*seen.account.events, *happened), offers=offers)

    return shown


def owned(stage: Rehearsal) -> Inventory:
    assert stage.state.inventory is not None
    return stage.state.inventory


def bought(before: Inventory, after: Inventory) -> tuple[int, Decimal]:
    """Whole XRP bought and RLUSD paid; fees left out."""
    return round((after.drops - before.drops) / DROPS), before.rlusd - after.rlusd


def known(stage: Rehearsal, order: Order) -> Order:
    return {**stage.state.closed, **stage.state.orders}[order.id]


def status(stage: Rehearsal, order: Order) -> str:
    return known(stage, order).status.value


# --- booking ---


@pytest.mark.rule("REC-11")
def test_a_proven_fill_moves_inventory_exactly_and_closes_the_order() -> None:
    stage, order = quoting()
    before = owned(stage)
    decision = stage.tick(shown=showing(proof(order, 100), gone=order))
    assert decision.fills == (
        Fill(
            order.id,
            Side.BUY,
            order.drops,
            order.rlusd,
            "AA",
            order.sequence,
            decision.ledger_index,
            decision.tick,
            decision.now,
        ),
    )
    assert bought(before, owned(stage)) == (100, order.rlusd)
    assert status(stage, order) == "FILLED"


@pytest.mark.rule("REC-11")
def test_the_same_proof_twice_is_one_fill() -> None:
    stage, order = quoting()
    before = owned(stage)
    part = proof(order, 30)
    left = showing_less(order, 30)
    stage.tick(shown=lambda seen: left(showing(part, part)(seen)))
    stage.tick(shown=lambda seen: left(showing(part, ledgers_ago=1)(seen)))
    assert bought(before, owned(stage))[0] == 30
    assert known(stage, order).rest_drops == 70 * DROPS


def showing_less(order: Order, xrp: int) -> Shown:
    """The ledger's own offer, with what a fill has left of it."""

    def shown(seen: Observation) -> Observation:
        offers = tuple(
            type(offer)(offer.sequence, offer.side, offer.drops - xrp * DROPS, offer.rlusd)
            if offer.sequence == order.sequence
            else offer
            for offer in seen.account.offers
        )
        return account(seen, offers=offers)

    return shown


@pytest.mark.rule("REC-11")
def test_one_transaction_that_fills_two_orders_is_two_fills() -> None:
    stage, order = quoting()
    other = next(one for one in stage.state.orders.values() if one.side is Side.SELL)

    def shown(seen: Observation) -> Observation:
        return account(showing(proof(order, 100), proof(other, 100))(seen), offers=())

    decision = stage.tick(shown=shown)
    assert [(fill.order_id, fill.tx_hash) for fill in decision.fills] == [(order.id, "AA"), (other.id, "AA")]


@pytest.mark.rule("REC-11")
@pytest.mark.parametrize(
    ("closed_by", "then"),
    [
        (lambda order: proof(order, 0, "removed", cause="cancelled"), "FILLED"),
        (lambda order: proof(order, 0, "removed", cause="expired"), "FILLED"),
    ],
    ids=["cancelled", "expired"],
)
def test_a_fill_that_is_told_late_is_booked_though_its_order_is_closed(closed_by: Any, then: str) -> None:
    stage, order = quoting()
    before = owned(stage)
    stage.tick(shown=showing(closed_by(order), gone=order))
    assert status(stage, order) in ("CANCELLED", "EXPIRED")
    stage.ticks(3, shown=showing(gone=order))
    stage.tick(shown=showing(proof(order, 100, tx_hash="LATE"), gone=order, ledgers_ago=4))
    assert bought(before, owned(stage)) == (100, order.rlusd)
    assert status(stage, order) == then


@pytest.mark.rule("REC-11")
def test_part_of_a_closed_order_that_is_told_late_is_booked() -> None:
    stage, order = quoting()
    before = owned(stage)
    stage.tick(shown=showing(proof(order, 0, "removed", cause="cancelled"), gone=order))
    stage.tick(shown=showing(proof(order, 30, tx_hash="LATE"), ledgers_ago=1))
    assert bought(before, owned(stage))[0] == 30
    assert status(stage, order) == "CANCELLED"


@pytest.mark.rule("REC-11")
@pytest.mark.parametrize("plugins", [{}, {"marker": Marker}], ids=["unmarked", "marked"])
def test_a_fill_is_booked_though_its_order_is_being_cancelled(plugins: dict[str, type[Any]]) -> None:
    script, plugin = guard()
    stage, order = quoting({"amber": plugin, **plugins})
    before = owned(stage)
    script.enter = True
    stage.tick()
    assert status(stage, order) in ("CANCEL_REQUESTED", "CANCELLED_BY_ENGINE")
    decision = stage.tick(shown=lambda seen: filled(order, seen))
    assert [fill.drops for fill in decision.fills] == [100 * DROPS]
    assert bought(before, owned(stage)) == (100, order.rlusd)
    assert status(stage, order) == "FILLED"


def filled(order: Order, seen: Observation) -> Observation:
    """The order was filled before its cancel came."""
    others = tuple(event for event in seen.account.events if event.sequence != order.sequence)
    return showing(proof(order, 100))(account(seen, events=others))


@pytest.mark.rule("REC-11")
def test_what_moved_before_the_funds_were_used_up_is_booked() -> None:
    stage, order = quoting()
    before = owned(stage)
    event = proof(order, 30, "removed", cause="funds_used_up")
    decision = stage.tick(shown=showing(event, gone=order))
    assert [fill.drops for fill in decision.fills] == [30 * DROPS]
    assert bought(before, owned(stage)) == (30, event.rlusd)
    assert status(stage, order) == "CANCELLED"


@pytest.mark.rule("REC-11")
def test_proof_after_a_guess_replaces_it() -> None:
    guess = Resolution(Outcome.PHANTOM_FILL, "phantom_fill")
    stage, order = quoting({"guesser": layer(guess)})
    before = owned(stage)
    decision = stage.tick(shown=showing(gone=order))
    assert [(fill.drops, fill.proven) for fill in decision.fills] == [(order.drops, False)]
    assert bought(before, owned(stage))[0] == 100
    stage.tick(shown=showing(proof(order, 100, tx_hash="LATE"), gone=order, ledgers_ago=1))
    assert bought(before, owned(stage)) == (100, order.rlusd)


@pytest.mark.rule("REC-11")
def test_proof_of_less_than_was_guessed_takes_the_rest_back() -> None:
    guess = Resolution(Outcome.PHANTOM_FILL, "phantom_fill")
    stage, order = quoting({"guesser": layer(guess)})
    before = owned(stage)
    stage.tick(shown=showing(gone=order))
    stage.tick(shown=showing(proof(order, 30, tx_hash="LATE"), gone=order, ledgers_ago=1))
    assert bought(before, owned(stage))[0] == 30


@pytest.mark.rule("REC-11")
def test_proof_that_a_guessed_order_was_cancelled_takes_the_guess_back() -> None:
    guess = Resolution(Outcome.PHANTOM_FILL, "phantom_fill")
    stage, order = quoting({"guesser": layer(guess)})
    before = owned(stage)
    stage.tick(shown=showing(gone=order))
    stage.tick(shown=showing(proof(order, 0, "removed", cause="cancelled"), gone=order, ledgers_ago=1))
    assert bought(before, owned(stage)) == (0, Decimal(0))
    assert status(stage, order) == "CANCELLED"


@pytest.mark.rule("REC-11")
def test_proof_about_a_held_order_is_booked_and_settles_it() -> None:
    stage, order = quoting()
    before = owned(stage)
    stage.tick(shown=showing(gone=order))
    assert status(stage, order) == "HELD_PENDING_REVIEW"
    stage.tick(shown=showing(proof(order, 100, tx_hash="LATE"), gone=order, ledgers_ago=1))
    assert bought(before, owned(stage)) == (100, order.rlusd)
    assert status(stage, order) == "FILLED"


# --- what vanishes, what is refused, what cannot be ---


def test_an_order_that_vanishes_without_proof_is_held_and_moves_nothing() -> None:
    stage, order = quoting()
    before = owned(stage)
    decision = stage.tick(shown=showing(gone=order))
    assert status(stage, order) == "HELD_PENDING_REVIEW"
    assert (decision.fills, bought(before, owned(stage))) == ((), (0, Decimal(0)))
    (anomaly,) = [event for event in decision.events if event.kind == "anomaly"]
    assert anomaly.facts == {
        "order_id": order.id,
        "verdict": "held",
        "layer": "none",
        "age_seconds": 12.0,
        "token": "held_pending_review",
        "xrp_before": "9999.99998",
        "rlusd_before": "20000",
        "xrp_after": "9999.99998",
        "rlusd_after": "20000",
    }


def test_an_order_that_no_ledger_took_in_time_was_never_placed() -> None:
    stage = Rehearsal()
    stage.send = swallow
    (order, _) = places(stage.tick())
    last = stage.state.orders[order.id].last_ledger
    while (stage.state.ledger_index or 0) < last - 1:
        stage.tick()
        assert status(stage, order) == "PENDING"
    stage.tick()
    assert status(stage, order) == "REJECTED"


def test_an_order_that_may_have_landed_where_nobody_looked_is_held() -> None:
    stage = Rehearsal()
    stage.send = swallow
    (order, _) = places(stage.tick())
    last = stage.state.orders[order.id].last_ledger

    def with_a_gap(seen: Observation) -> Observation:
        return account(seen, covers_from=seen.ledger_index + 1)

    while (stage.state.ledger_index or 0) < last:
        stage.tick(shown=with_a_gap)
        assert status(stage, order) == "PENDING"
    stage.tick(shown=with_a_gap)
    assert status(stage, order) == "HELD_PENDING_REVIEW"


@pytest.mark.rule("TICK-X1")
def test_a_refused_placement_is_rejected_and_quoted_anew_at_once() -> None:
    stage = Rehearsal()
    send, stage.send = stage.send, refuse
    refused = places(stage.tick())
    stage.send = send
    decision = stage.tick()
    assert [status(stage, order) for order in refused] == ["REJECTED", "REJECTED"]
    assert len(places(decision)) == 2


@pytest.mark.rule("REC-11")
def test_a_placement_that_failed_on_the_ledger_costs_its_fee_and_is_rejected() -> None:
    stage = Rehearsal()
    stage.send = swallow
    (order, other) = places(stage.tick())
    before = owned(stage)
    sequence = stage.state.orders[order.id].sequence

    def shown(seen: Observation) -> Observation:
        failed = OwnTransaction("T", seen.ledger_index, sequence, 10, "tecUNFUNDED_OFFER")
        return account(seen, transactions=(failed,))

    stage.tick(shown=shown)
    assert (status(stage, order), status(stage, other)) == ("REJECTED", "PENDING")
    assert before.drops - owned(stage).drops == 10


@pytest.mark.rule("HALT-5")
@pytest.mark.parametrize(
    "shown",
    [
        lambda order: showing(proof(order, 101)),
        lambda order: showing_less(order, -1),
        lambda order: showing_less(order, 1),
    ],
    ids=["a fill larger than its order", "a rest that grew", "a rest that shrank without proof"],
)
def test_what_cannot_be_halts(shown: Callable[[Order], Shown]) -> None:
    stage, order = quoting()
    stage.tick(shown=shown(order))
    assert reason(stage) == "reconciler_halt"
    assert stage.state.halt is not None
    assert order.id in stage.state.halt.detail


@pytest.mark.rule("QUO-2")
def test_a_requote_whose_cancel_the_gateway_refused_is_cancelled_again() -> None:
    stage, order = quoting()
    send, stage.send = stage.send, refuse
    stage.tick(mid=2.0005)
    stage.send = send
    stage.ticks(3, mid=2.0005)
    assert order.sequence not in {offer.sequence for offer in stage.ledger.offers}


@pytest.mark.rule("QUO-2")
def test_a_requote_whose_cancel_got_lost_is_cancelled_again() -> None:
    stage, order = quoting()
    send, stage.send = stage.send, swallow
    stage.tick(mid=2.0005)
    stage.send = send
    stage.ticks(4, mid=2.0005)
    assert order.sequence not in {offer.sequence for offer in stage.ledger.offers}


@pytest.mark.rule("REC-11", "REC-X1")
def test_an_order_that_got_lost_is_not_mistaken_for_the_one_that_was_given_its_sequence() -> None:
    seller, buyer = (Taker(Side.SELL, 100 * DROPS),), (Taker(Side.BUY, 100 * DROPS),)
    stage = Rehearsal(settings=NEAR)
    stage.ticks(2)
    send, stage.send = stage.send, swallow
    (lost,) = places(stage.tick(takers=seller))
    stage.send = send
    (placed,) = places(stage.tick(takers=buyer))
    assert (lost.side, placed.side) == (Side.BUY, Side.SELL)
    assert known(stage, lost).sequence == known(stage, placed).sequence
    stage.tick()
    assert (status(stage, lost), status(stage, placed)) == ("REJECTED", "OPEN")
    decision = stage.tick(takers=buyer)
    assert [(fill.order_id, fill.side) for fill in decision.fills] == [(placed.id, Side.SELL)]
    assert owned(stage) == Inventory(stage.ledger.xrp_drops, stage.ledger.rlusd)


@pytest.mark.rule("REC-11")
def test_after_a_long_session_of_fills_the_books_and_the_wallet_agree_exactly() -> None:
    stage = Rehearsal(settings=NEAR)
    sides = (Side.SELL, Side.BUY, Side.BUY, Side.SELL)
    filled = 0
    for number in range(400):
        xrp = 7 + number % 130
        taker = Taker(sides[number % 4], xrp * DROPS + number)
        decision = stage.tick(mid=2.0 + (number % 9) / 5000, takers=(taker,), failure="x" * (number % 50 == 49))
        filled += len(decision.fills)
    stage.tick(kill="enough")
    stage.ticks(2)
    assert filled > 100
    assert owned(stage) == Inventory(stage.ledger.xrp_drops, stage.ledger.rlusd)
