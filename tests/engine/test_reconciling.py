"""What becomes of an order that vanished, with the reconciler as it is shipped. (docs/behaviour.md, section 8)"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace
from neo_reconciler import Reconciler

from neo_core import Order, Outcome, Resolution
from neo_core.markets import Taker
from neo_core.model import DROPS, Ack, Cancel, Decision, Event, Inventory, Observation, OrderStatus, Prepared, Side
from neo_core.state import State
from neo_core.testing.rehearsal import Rehearsal

from .houses import Books, House
from .making import account, alive, cancels, guard, layer, named, places, reason, swallow
from .test_orders import NEAR, known, owned, showing_less, status

Shown = Callable[[Observation], Observation]
OPEN, HELD, MARKED = OrderStatus.OPEN, OrderStatus.HELD_PENDING_REVIEW, OrderStatus.CANCELLED_BY_ENGINE
GUESS = Resolution(Outcome.PHANTOM_FILL, "phantom_fill")
LONG_LIVED = {"quoting": {"order_ttl_seconds": 3600.0}}
SKIP = "RECONCILER_SKIP_ENGINE_CANCEL"


def blind(seen: Observation) -> Observation:
    """A gateway that tells no events: only which offers there are."""
    return account(seen, events=(), proves_fills=False)


def without(*gone: Order) -> Shown:
    sequences = {order.sequence for order in gone}

    def shown(seen: Observation) -> Observation:
        left = tuple(offer for offer in seen.account.offers if offer.sequence not in sequences)
        return account(blind(seen), offers=left)

    return shown


def anomalies(decision: Decision) -> list[Event]:
    return [event for event in decision.events if event.kind == "anomaly"]


def decided(decision: Decision) -> dict[str, tuple[Any, Any]]:
    """What was concluded of each order, and by which layer."""
    told = [event.facts for event in anomalies(decision)]
    return {str(facts["order_id"]): (facts["verdict"], facts["layer"]) for facts in told}


def watching(plugins: Mapping[str, type[Any]] | None = None, settings: Any = None, ticks: int = 3) -> Rehearsal:
    stage = Rehearsal({"reconciler": Reconciler} if plugins is None else plugins, settings)
    stage.ticks(ticks, shown=blind)
    assert {order.status for order in alive(stage.state)} == {OPEN}
    return stage


def pair(stage: Rehearsal) -> tuple[Order, Order]:
    buy, sell = sorted(alive(stage.state), key=lambda order: order.side)
    return buy, sell


def altered(stage: Rehearsal, *orders: Order) -> None:
    stage.state = replace(stage.state, orders={**stage.state.orders, **{order.id: order for order in orders}})


# --- the cancels of the engine itself ---


@pytest.mark.rule("REC-2", "REC-4", "REC-7")
@pytest.mark.parametrize("ticks", [2, 3, 12], ids=["very young orders", "young orders", "older orders"])
def test_after_a_degraded_cancel_every_order_is_skipped_and_the_wallet_agrees_to_the_drop(ticks: int) -> None:
    script, plugin = guard()
    stage = watching({"amber": plugin, "reconciler": Reconciler}, {"wallet_truth": {"interval_ticks": 1}}, ticks)
    names = {order.id for order in alive(stage.state)}
    before, script.enter = owned(stage), True
    assert {one.order_id for one in cancels(stage.tick(shown=blind))} == names
    passed = stage.tick(shown=blind)
    assert decided(passed) == dict.fromkeys(names, ("cancelled", "reconciler 10"))
    assert all(event.text.startswith(SKIP) for event in anomalies(passed))
    assert (passed.fills, owned(stage)) == ((), Inventory(before.drops - 20, before.rlusd))  # two cancels' fees
    assert {order.status for order in passed.orders} == {MARKED}
    assert passed.truth is not None
    assert passed.truth.inventory == passed.truth.wallet


@pytest.mark.rule("REC-7", "TRU-1", "REC-4")
def test_a_fill_that_raced_the_cancel_unseen_is_reported_by_wallet_truth_and_never_guessed() -> None:
    raced = 0
    for ticks in range(3, 13):
        script, plugin = guard()
        settings = {"wallet_truth": {"interval_ticks": 1}, **NEAR}
        stage = watching({"amber": plugin, "reconciler": Reconciler}, settings, ticks)
        script.enter = True
        stage.tick(shown=blind)
        passed = stage.tick(shown=blind, takers=(Taker(Side.SELL, 1000 * DROPS),))
        assert passed.fills == ()
        assert {verdict for verdict, _ in decided(passed).values()} == {"cancelled"}
        assert passed.truth is not None
        assert passed.truth.wallet is not None
        difference = passed.truth.wallet.drops - owned(stage).drops
        assert passed.truth.verdict == ("beyond" if difference else "ok")
        assert difference in (0, 100 * DROPS)
        raced += bool(difference)
    assert 0 < raced < 10


@pytest.mark.rule("REC-4", "REC-2")
@pytest.mark.parametrize("outcome", [Outcome.CANCELLED, Outcome.EXPIRED, Outcome.PHANTOM_FILL, Outcome.HELD])
def test_whatever_a_layer_in_front_says_of_a_marked_order_it_is_skipped_and_told_so(outcome: Outcome) -> None:
    script, plugin = guard()
    hostile = layer(Resolution(outcome, "mine"))
    hostile.rank = 5
    stage = watching({"hostile": hostile, "amber": plugin, "reconciler": Reconciler})
    orders, before, script.enter = pair(stage), owned(stage), True
    stage.tick(shown=blind)
    passed = stage.tick(shown=blind)
    assert (passed.fills, owned(stage)) == ((), Inventory(before.drops - 20, before.rlusd))
    for order in orders:
        assert (status(stage, order), known(stage, order).filled_drops) == ("CANCELLED_BY_ENGINE", 0)
        assert order.id in stage.state.closed
        assert decided(passed)[order.id] == ("cancelled", "hostile 5")


@pytest.mark.rule("REC-4", "REC-8")
def test_a_marked_order_of_which_nobody_says_anything_is_skipped_and_not_held() -> None:
    stage = watching({"silent": layer(None)})
    buy, sell = pair(stage)
    altered(stage, replace(buy, status=MARKED))
    before = owned(stage)
    passed = stage.tick(shown=without(buy, sell))
    assert (status(stage, buy), status(stage, sell)) == ("CANCELLED_BY_ENGINE", "HELD_PENDING_REVIEW")
    assert decided(passed) == {buy.id: ("cancelled", "none"), sell.id: ("held", "none")}
    assert owned(stage) == before


@pytest.mark.rule("REC-4", "REC-X2")
def test_a_marked_order_that_shrinks_without_proof_moves_nothing_and_is_told() -> None:
    stage = watching()
    buy, sell = pair(stage)
    altered(stage, replace(buy, status=MARKED))
    before, less = owned(stage), showing_less(buy, 30)
    stage.send = swallow
    shrunk = stage.tick(shown=lambda seen: less(blind(seen)))
    assert named(shrunk, "order_shrank").facts == {"order_id": buy.id}
    assert (shrunk.fills, owned(stage), reason(stage)) == ((), before, None)
    assert (known(stage, buy).rest_drops, known(stage, buy).filled_drops) == (70 * DROPS, 0)
    assert stage.tick(shown=lambda seen: less(blind(seen))).fills == ()
    gone = stage.tick(shown=without(buy))
    assert decided(gone)[buy.id] == ("cancelled", "reconciler 10")
    assert (gone.fills, owned(stage), status(stage, sell)) == ((), before, "OPEN")


@pytest.mark.rule("REC-6")
def test_in_one_pass_the_marked_order_is_skipped_and_the_ambiguous_one_goes_through_the_gate() -> None:
    stage = watching()
    buy, sell = pair(stage)
    altered(stage, replace(buy, status=MARKED))
    before = owned(stage)
    passed = stage.tick(shown=without(buy, sell))
    assert decided(passed) == {buy.id: ("cancelled", "reconciler 10"), sell.id: ("phantom_fill", "reconciler 90")}
    assert [(fill.order_id, fill.proven) for fill in passed.fills] == [(sell.id, False)]
    assert owned(stage) == Inventory(before.drops - sell.drops, before.rlusd + sell.rlusd)


# --- the layers ---


@pytest.mark.rule("REC-3", "REC-9")
@pytest.mark.parametrize(
    ("ticks", "age", "verdict", "then"),
    [(74, 296.0, "phantom_fill", "FILLED"), (75, 300.0, "held", HELD.value), (76, 304.0, "held", HELD.value)],
    ids=["younger", "exactly at the threshold", "older"],
)
def test_an_ambiguous_order_is_filled_when_young_and_held_when_not(
    ticks: int, age: float, verdict: str, then: str
) -> None:
    stage = watching(settings=LONG_LIVED, ticks=ticks)
    buy, _ = pair(stage)
    before = owned(stage)
    passed = stage.tick(shown=without(buy))
    (anomaly,) = anomalies(passed)
    token = {"held": "held_pending_review"}.get(verdict, verdict)
    assert anomaly.text.startswith(f"{token}: order {buy.id}")
    after = owned(stage)
    assert anomaly.facts == {
        "order_id": buy.id,
        "verdict": verdict,
        "layer": "reconciler 90",
        "age_seconds": age,
        "age_threshold_seconds": 300.0,
        "token": token,
        "xrp_before": str(Decimal(before.drops) / DROPS),
        "rlusd_before": str(before.rlusd),
        "xrp_after": str(Decimal(after.drops) / DROPS),
        "rlusd_after": str(after.rlusd),
    }
    assert status(stage, buy) == then
    moved = [(fill.drops, fill.rlusd, fill.proven) for fill in passed.fills]
    if verdict == "held":
        assert (moved, owned(stage), passed.moved) == ([], before, None)
    else:
        after = Inventory(before.drops + buy.drops, before.rlusd - buy.rlusd)
        assert moved == [(buy.drops, buy.rlusd, False)]
        assert passed.moved is not None
        assert (passed.moved.before, passed.moved.after) == (before, after)


@pytest.mark.rule("REC-2")
@pytest.mark.parametrize(
    ("changes", "ticks", "verdict", "then"),
    [
        ({"status": MARKED, "cancel_tx_hash": "C", "expires_at": 1.0}, 80, ("cancelled", "reconciler 10"), MARKED),
        ({"cancel_tx_hash": "C", "expires_at": 1.0}, 80, ("cancelled", "reconciler 20"), OrderStatus.CANCELLED),
        ({"cancel_tx_hash": "C"}, 3, ("cancelled", "reconciler 20"), OrderStatus.CANCELLED),
        ({"expires_at": 1.0}, 3, ("expired", "reconciler 80"), OrderStatus.EXPIRED),
        ({"expires_at": 1.0}, 80, ("expired", "reconciler 80"), OrderStatus.EXPIRED),
        ({"expires_at": None}, 80, ("held", "reconciler 90"), HELD),
    ],
    ids=["marked and all else", "hash and old", "hash and young", "expired and young", "expired and old", "old"],
)
def test_the_first_layer_that_knows_decides_and_nothing_moves(
    changes: dict[str, Any], ticks: int, verdict: tuple[str, str], then: OrderStatus
) -> None:
    stage = watching(settings=LONG_LIVED, ticks=ticks)
    buy, _ = pair(stage)
    altered(stage, replace(buy, **changes))
    before = owned(stage)
    passed = stage.tick(shown=without(buy))
    assert decided(passed) == {buy.id: verdict}
    assert (known(stage, buy).status, passed.fills, owned(stage)) == (then, (), before)


@pytest.mark.rule("REC-3", "REC-11", "REC-X2")
def test_an_offer_that_shrank_is_booked_once_and_when_it_vanishes_only_the_rest_is_guessed() -> None:
    stage = watching(settings={"startup": {"leftover_offers": "adopt"}})
    buy, sell = pair(stage)
    before, less, stage.send = owned(stage), showing_less(buy, 30), swallow
    orders = {buy.id: buy, sell.id: replace(sell, status=MARKED)}
    stage.state = State(2, ledger_index=stage.state.ledger_index, inventory=before, orders=orders)
    stage.tick(shown=blind)  # the one is adopted; as long as the other is there, nothing is quoted anew
    shrunk = stage.tick(shown=lambda seen: less(blind(seen)))
    assert [(fill.drops, fill.proven) for fill in shrunk.fills] == [(30 * DROPS, False)]
    now = known(stage, buy)
    assert (now.status, now.rest_drops, now.filled_drops) == ("PARTIALLY_FILLED", 70 * DROPS, 30 * DROPS)
    assert stage.tick(shown=lambda seen: less(blind(seen))).fills == ()
    gone = stage.tick(shown=without(buy))
    assert [(fill.drops, fill.rlusd) for fill in gone.fills] == [(now.rest_drops, now.rest_rlusd)]
    assert decided(gone)[buy.id] == ("phantom_fill", "reconciler 90")
    assert (status(stage, buy), known(stage, buy).filled_drops) == ("FILLED", buy.drops)
    assert owned(stage) == Inventory(before.drops + buy.drops, before.rlusd - buy.rlusd)


# --- what is watched, and what is not ---


@pytest.mark.rule("REC-13")
def test_an_order_that_vanished_behind_a_failed_observation_is_held_and_one_seen_since_is_not() -> None:
    stage = watching()
    buy, sell = pair(stage)
    stage.tick(failure="the node is away")
    back = stage.tick(shown=without(buy))
    assert decided(back) == {buy.id: ("held", "reconciler 90")}
    assert anomalies(back)[0].text.startswith("held_pending_review")
    assert back.fills == ()
    later = stage.tick(shown=without(buy, sell))
    assert decided(later) == {sell.id: ("phantom_fill", "reconciler 90")}


@pytest.mark.rule("REC-13", "REC-5")
def test_an_order_that_vanished_while_no_engine_ran_is_held() -> None:
    stage = watching()
    buy, _ = pair(stage)
    before = owned(stage)
    stage.state = replace(stage.state, now=None, close_time=None, armed=False, watched_since=0, matched=None)
    again = stage.tick(shown=without(buy))
    assert decided(again) == {buy.id: ("held", "reconciler 90")}
    assert (again.fills, owned(stage), reason(stage)) == ((), before, None)


@pytest.mark.rule("REC-13")
def test_an_order_that_no_ledger_had_shown_is_held() -> None:
    stage = Rehearsal({"hostile": layer(GUESS)})
    stage.send = swallow
    lost = places(stage.tick())
    last = stage.state.orders[lost[0].id].last_ledger

    def with_a_gap(seen: Observation) -> Observation:
        return account(seen, covers_from=seen.ledger_index + 1)

    while (stage.state.ledger_index or 0) < last:
        assert anomalies(stage.tick(shown=with_a_gap)) == []
    passed = stage.tick(shown=with_a_gap)
    assert decided(passed) == {order.id: ("held", "hostile 100") for order in lost}
    assert passed.fills == ()


@pytest.mark.rule("REC-3")
def test_an_order_that_is_known_to_have_landed_and_was_never_shown_goes_through_the_gate() -> None:
    stage = Rehearsal({"reconciler": Reconciler})
    orders = [known(stage, order) for order in places(stage.tick())]
    passed = stage.tick(shown=without(*orders))
    assert decided(passed) == {order.id: ("phantom_fill", "reconciler 90") for order in orders}
    assert len(passed.fills) == 2


@pytest.mark.rule("REC-X2", "REC-13")
def test_an_order_of_which_nobody_knows_whether_it_landed_is_held() -> None:
    stage = Rehearsal({"reconciler": Reconciler})
    orders = [known(stage, order) for order in places(stage.tick())]

    def untold(seen: Observation) -> Observation:
        return account(blind(seen), offers=(), transactions=(), covers_from=seen.ledger_index)

    stage.tick(failure="the node is away")
    verdicts = {}
    for _ in range(6):
        verdicts |= decided(stage.tick(shown=untold))
    assert verdicts == {order.id: ("held", "reconciler 90") for order in orders}


@pytest.mark.rule("REC-X2", "REC-13")
def test_an_order_that_vanished_while_not_everything_was_told_is_held() -> None:
    stage = watching({"reconciler": Reconciler})
    (order, *_) = stage.state.orders.values()

    def untold(seen: Observation) -> Observation:
        return account(without(order)(seen), covers_from=seen.ledger_index + 1)

    assert decided(stage.tick(shown=untold)) == {order.id: ("held", "reconciler 90")}


# --- marks before cancels ---


def house(happened: list[str], *, fails: Callable[[Decision], bool] | None = None) -> House:
    """Degrades on its fifth tick. What it commits and sends is told in one list."""
    script, plugin = guard()

    class Told(Books):
        def commit(self, decision: Decision, line: bytes, state: State) -> None:
            super().commit(decision, line, state)
            happened.extend(f"marked {order.id}" for order in decision.orders if order.cancel_reason)

    def degrade(decision: Decision, state: State) -> None:
        script.enter = decision.tick == 4

    built = House({"amber": plugin, "reconciler": Reconciler}, ticks=8, books=Told(fails), show=degrade)
    send = built.gateway.sending

    def sending(prepared: Sequence[Prepared]) -> tuple[Ack, ...]:
        happened.extend(f"cancelled {one.intent.order_id}" for one in prepared if isinstance(one.intent, Cancel))
        return send(prepared)

    built.gateway.sending = sending
    return built


@pytest.mark.rule("REC-1")
def test_every_mark_is_committed_before_the_first_cancel_is_sent() -> None:
    happened: list[str] = []
    house(happened).run()
    first = next(number for number, what in enumerate(happened) if what.startswith("cancelled"))
    names = {"1-000001", "1-000002"}
    assert {what for what in happened[:first] if what.startswith("marked")} == {f"marked {name}" for name in names}
    assert set(happened[first : first + 2]) == {f"cancelled {name}" for name in names}


@pytest.mark.rule("REC-1", "HALT-4")
def test_when_the_marks_cannot_be_committed_the_cancels_are_sent_and_the_session_halts() -> None:
    happened: list[str] = []
    built = house(happened, fails=lambda decision: decision.mode != "OK")
    ending = built.run()
    assert ending.halt.reason == "unexpected_halt"
    assert set(built.gateway.cancels) == {"1-000001", "1-000002"}
    recorded = {order.id: order for decision in built.books.decisions for order in decision.orders}
    assert {(order.status, order.cancel_reason) for order in recorded.values()} == {(OPEN, "")}
    assert not any(what.startswith("marked") for what in happened)


@pytest.mark.rule("REC-1", "REC-13")
def test_what_was_cancelled_with_no_mark_on_record_is_held_at_the_next_start() -> None:
    script, plugin = guard()
    stage = watching({"amber": plugin, "reconciler": Reconciler})
    recorded, script.enter = stage.state, True
    names = {one.order_id for one in cancels(stage.tick(shown=blind))}
    stage.tick(shown=blind)
    script.enter = False
    stage.state = State(
        2, ledger_index=recorded.ledger_index, inventory=recorded.inventory, orders=recorded.orders
    )
    first = stage.tick(shown=blind)
    assert decided(first) == dict.fromkeys(names, ("held", "reconciler 90"))
    assert (first.fills, first.halt, places(first)) == ((), None, [])
