"""Proof may come late, twice, and in any order: what it says is booked once. (docs/behaviour.md, section 8)"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest
from msgspec.structs import replace
from neo_reconciler import Reconciler

from neo_core import Order, Outcome, Resolution
from neo_core.model import DROPS, Decision, Fill, Inventory, Observation, OfferEvent, OwnTransaction, Resolve, Side
from neo_core.testing.rehearsal import Rehearsal

from .making import Marker, account, guard, layer, places, reason
from .test_orders import bought, known, owned, status

UNCHECKED = {"wallet_truth": {"enabled": False}}
BATCHES = ((4,), (2, 2), (1, 1, 1, 1))
PHANTOM = layer(Resolution(Outcome.PHANTOM_FILL, "phantom_fill"))
HOUSES: dict[str, dict[str, Any]] = {
    "held": {},
    "guessed": {"hostile": PHANTOM},
    "reconciled": {"reconciler": Reconciler},
    "marked": {"marker": Marker},
}


def event(order: Order, kind: str, tx_hash: str, xrp: int, rest: int, cause: str = "") -> OfferEvent:
    """The ledger index is set by whoever shows it."""

    def worth(amount: int) -> Decimal:
        return order.rlusd * amount / 100

    return OfferEvent(
        kind,
        tx_hash,
        0,
        order.sequence,
        order.side,
        xrp * DROPS,
        worth(xrp),
        rest * DROPS,
        worth(rest),
        cause,
    )


def life(order: Order, end: str) -> tuple[OfferEvent, ...]:
    last = {
        "filled": event(order, "filled", "D", 50, 0),
        "cancelled": event(order, "removed", "D", 0, 50, "cancelled"),
        "expired": event(order, "removed", "D", 0, 50, "expired"),
        "funds_used_up": event(order, "removed", "D", 10, 40, "funds_used_up"),
    }[end]
    return (
        event(order, "placed", "P", 0, 100),
        event(order, "partial_fill", "A", 30, 70),
        event(order, "partial_fill", "B", 20, 50),
        last,
    )


ENDS = {
    "filled": (100, "FILLED"),
    "cancelled": (50, "CANCELLED"),
    "expired": (50, "EXPIRED"),
    "funds_used_up": (60, "CANCELLED"),
}


class Teller:
    """Shows the ledger, but of one order only what it is told to. `ledger` is when it happened."""

    def __init__(self, stage: Rehearsal, order: Order, *, shows_it: bool = True) -> None:
        self._stage, self._order, self._shows_it = stage, order, shows_it
        self._told: tuple[OfferEvent, ...] = ()

    def tell(self, *events: OfferEvent, ledger: int = 0, **asked: Any) -> Decision:
        self._told += events

        def shown(seen: Observation) -> Observation:
            happened = tuple(replace(event, ledger_index=ledger or seen.ledger_index) for event in events)
            sequence = self._order.sequence
            others = tuple(event for event in seen.account.events if event.sequence != sequence)
            offers = tuple(offer for offer in seen.account.offers if offer.sequence != sequence)
            return account(seen, events=(*others, *happened), offers=(*offers, *self._left(seen)))

        return self._stage.tick(shown=shown, **asked)

    def _left(self, seen: Observation) -> Iterator[Any]:
        """What the ledger still has of the order, as far as it has been told."""
        over = any(event.event in ("filled", "removed") for event in self._told)
        if self._shows_it and not over:
            order, least = self._order, min((event.rest_drops for event in self._told), default=self._order.drops)
            for offer in seen.account.offers[:1] or self._stage.ledger.offers[:1]:
                rest = order.rlusd * least / order.drops
                yield replace(offer, sequence=order.sequence, side=order.side, drops=least, rlusd=rest)


def sent(plugins: dict[str, Any]) -> tuple[Rehearsal, Order]:
    """An order to buy 100 XRP that is on its way to the ledger."""
    stage = Rehearsal(plugins, UNCHECKED)
    (buy,) = [order for order in places(stage.tick()) if order.side is Side.BUY]
    return stage, known(stage, buy)


def split(events: Iterable[OfferEvent], batches: tuple[int, ...]) -> Iterator[tuple[OfferEvent, ...]]:
    """In batches; each event twice in its own batch and once more in the next."""
    rest = tuple(events)
    before: tuple[OfferEvent, ...] = ()
    for size in batches:
        batch, rest = rest[:size], rest[size:]
        yield (*before, *batch, *batch)
        before = batch
    yield before


# --- in every order of arrival ---


@pytest.mark.rule("REC-11")
@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("shows_it", [True, False], ids=["shown", "gone"])
@pytest.mark.parametrize("judged", HOUSES)
def test_the_life_of_an_order_told_in_any_order_and_repeatedly_comes_to_the_same(
    judged: str, shows_it: bool, end: str
) -> None:
    filled, then = ENDS[end]
    for order_of_arrival in permutations(range(4)):
        for batches in BATCHES:
            script, plugin = guard()
            stage, order = sent({"amber": plugin, **HOUSES[judged]})
            before, events = owned(stage), life(order, end)
            script.enter = judged == "marked"
            teller = Teller(stage, order, shows_it=shows_it)
            fills: list[Fill] = []
            if judged == "marked":
                teller.tell()
            for batch in split([events[number] for number in order_of_arrival], batches):
                fills += teller.tell(*batch).fills
            case = order_of_arrival, batches
            assert (reason(stage), case) == (None, case)
            assert (bought(before, owned(stage)), case) == ((filled, order.rlusd * filled / 100), case)
            assert (status(stage, order), case) == (then, case)
            assert (known(stage, order).filled_drops, case) == (filled * DROPS, case)
            assert len({(fill.tx_hash, fill.sequence) for fill in fills}) == len(fills)


# --- after a guess ---


def guessed() -> tuple[Rehearsal, Order, Inventory, Teller]:
    """An order of which 30 XRP are proven to be filled, and the rest is taken for filled."""
    stage, order = sent({"hostile": PHANTOM})
    before, (placed, first, _, _) = owned(stage), life(order, "filled")
    Teller(stage, order).tell(placed, first)
    teller = Teller(stage, order, shows_it=False)
    decision = teller.tell()
    assert [(fill.drops, fill.proven) for fill in decision.fills] == [(70 * DROPS, False)]
    assert (status(stage, order), bought(before, owned(stage))[0]) == ("FILLED", 100)
    return stage, order, before, teller


@pytest.mark.rule("REC-11")
def test_old_proof_that_is_told_again_after_a_guess_does_not_undo_the_guess() -> None:
    stage, order, before, teller = guessed()
    placed, first, _, _ = life(order, "filled")
    for told in ((first,), (placed,), (placed, first, first)):
        assert teller.tell(*told).fills == ()
    assert (status(stage, order), bought(before, owned(stage))) == ("FILLED", (100, order.rlusd))


@pytest.mark.rule("REC-11")
@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("turned", [False, True], ids=["in order", "in reverse"])
def test_new_proof_after_a_guess_takes_its_place(end: str, turned: bool) -> None:
    stage, order, before, teller = guessed()
    late = life(order, end)[2:]
    for told in reversed(late) if turned else late:
        teller.tell(told, told)
    filled, then = ENDS[end]
    assert bought(before, owned(stage)) == (filled, order.rlusd * filled / 100)
    assert status(stage, order) == then


@pytest.mark.rule("REC-11")
def test_proof_that_comes_while_the_guess_is_taken_back_leaves_the_rest_held() -> None:
    stage, order, before, teller = guessed()
    (_, _, second, _) = life(order, "filled")
    decision = teller.tell(second)
    assert [(fill.side, fill.drops, fill.proven) for fill in decision.fills] == [
        (Side.SELL, 70 * DROPS, False),
        (Side.BUY, 20 * DROPS, True),
    ]
    assert (status(stage, order), bought(before, owned(stage))[0]) == ("HELD_PENDING_REVIEW", 50)
    resolved = teller.tell(commands=(Resolve(1, order.id, True, "known"),))
    assert [fill.drops for fill in resolved.fills] == [50 * DROPS]
    assert (status(stage, order), bought(before, owned(stage))) == ("FILLED", (100, order.rlusd))


# --- after an operator's word ---


@pytest.mark.rule("REC-11", "REC-12")
@pytest.mark.parametrize("word", [True, False], ids=["filled", "cancelled"])
@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("turned", [False, True], ids=["in order", "in reverse"])
def test_proof_after_an_operators_word_takes_its_place(word: bool, end: str, turned: bool) -> None:
    stage, order = sent({})
    before, events = owned(stage), life(order, end)
    Teller(stage, order).tell(events[0])
    teller = Teller(stage, order, shows_it=False)
    teller.tell()
    assert status(stage, order) == "HELD_PENDING_REVIEW"
    teller.tell(commands=(Resolve(1, order.id, word, "as far as anybody knows"),))
    assert bought(before, owned(stage))[0] == (100 if word else 0)
    for told in reversed(events[1:]) if turned else events[1:]:
        teller.tell(told, told)
    filled, then = ENDS[end]
    assert bought(before, owned(stage)) == (filled, order.rlusd * filled / 100)
    assert status(stage, order) == then


# --- after a realign ---


def realigned(stage: Rehearsal) -> int:
    """An operator took the wallet for right, as it was at the ledger that was seen last."""
    ledger = stage.state.ledger_index
    assert ledger is not None
    stage.state = replace(stage.state, realigned=ledger, matched=None)
    return ledger


@pytest.mark.rule("REC-11", "TRU-4", "TRU-X2")
@pytest.mark.parametrize("end", ENDS)
def test_proof_about_ledgers_up_to_a_realign_is_booked_there_and_back_and_moves_nothing(end: str) -> None:
    stage, order = sent({})
    events = life(order, end)
    Teller(stage, order).tell(events[0])
    ledger, before = realigned(stage), owned(stage)
    teller = Teller(stage, order, shows_it=False)
    decision = teller.tell(*events[1:], ledger=ledger)
    moving = [told for told in events if told.drops]
    assert [(fill.drops, fill.side) for fill in decision.fills] == [
        booked for told in moving for booked in ((told.drops, Side.BUY), (told.drops, Side.SELL))
    ]
    assert [fill.proven for fill in decision.fills] == [True, False] * len(moving)
    assert (owned(stage), status(stage, order)) == (before, ENDS[end][1])
    assert teller.tell(*events, ledger=ledger).fills == ()


@pytest.mark.rule("REC-11")
def test_proof_about_a_later_ledger_moves_what_it_says() -> None:
    stage, order = sent({})
    placed, first, second, last = life(order, "filled")
    teller = Teller(stage, order)
    teller.tell(placed)
    ledger, before = realigned(stage), owned(stage)
    teller.tell(first, ledger=ledger)
    assert bought(before, owned(stage)) == (0, Decimal(0))
    teller.tell(second, ledger=ledger + 1)
    assert bought(before, owned(stage)) == (20, second.rlusd)
    teller.tell(last)
    assert (bought(before, owned(stage))[0], status(stage, order)) == (70, "FILLED")


@pytest.mark.rule("REC-11")
@pytest.mark.parametrize("end", ENDS)
def test_proof_about_an_order_guessed_before_a_realign_moves_nothing_any_more(end: str) -> None:
    stage, order, _, teller = guessed()
    ledger, before = realigned(stage), owned(stage)
    decision = teller.tell(*life(order, end)[2:], ledger=ledger)
    assert (owned(stage), status(stage, order)) == (before, ENDS[end][1])
    signs = {Side.BUY: 1, Side.SELL: -1}
    assert sum(signs[fill.side] * fill.drops for fill in decision.fills) == 0
    assert len({fill.tx_hash for fill in decision.fills}) == len(decision.fills)


@pytest.mark.rule("REC-11", "REC-12")
@pytest.mark.parametrize("vanishes", ["before", "after"])
def test_an_operators_word_counts_only_for_what_vanished_after_the_realign(vanishes: str) -> None:
    stage, order = sent({})
    Teller(stage, order).tell(life(order, "filled")[0])
    teller = Teller(stage, order, shows_it=False)
    if vanishes == "before":
        teller.tell()
        realigned(stage)
    else:
        realigned(stage)
        teller.tell()
    before = owned(stage)
    teller.tell(commands=(Resolve(1, order.id, True, "known"),))
    assert status(stage, order) == "FILLED"
    assert bought(before, owned(stage))[0] == (0 if vanishes == "before" else 100)


@pytest.mark.rule("REC-11", "TRU-1")
def test_fees_up_to_a_realign_are_in_the_wallet_already_and_later_ones_are_paid() -> None:
    stage, _ = sent({})
    stage.ticks(2)
    ledger, before = (stage.state.ledger_index or 0) + 2, owned(stage)
    stage.state = replace(stage.state, realigned=ledger, matched=None)  # while the engine was down
    stage.ticks(2, failure="nobody watches")

    def shown(seen: Observation) -> Observation:
        assert seen.ledger_index == ledger + 1
        old = [OwnTransaction(f"OLD{at}", at, 900, 10, "tesSUCCESS") for at in (ledger - 1, ledger)]
        new = OwnTransaction("NEW", ledger + 1, 902, 12, "tesSUCCESS")
        return account(seen, transactions=(*old, new))

    stage.tick(shown=shown)
    assert owned(stage) == Inventory(before.drops - 12, before.rlusd)


# --- where the wallet is the opening inventory ---


@pytest.mark.rule("REC-X8", "TRU-X2")
@pytest.mark.parametrize("ledgers_ago", [1, 0])
def test_proof_of_what_an_opening_inventory_holds_already_is_booked_there_and_back(ledgers_ago: int) -> None:
    stage, order = sent({})
    teller = Teller(stage, order)
    teller.tell(life(order, "filled")[0])
    stage.state = replace(stage.state, inventory=None, matched=None, armed=False)  # what was kept cannot be read
    (_, first, second, last) = life(order, "filled")
    gone = Teller(stage, order, shows_it=False)
    if ledgers_ago:
        gone.tell()
    ledger = (stage.state.ledger_index or 0) + 1 - ledgers_ago
    decision = gone.tell(first, second, last, ledger=ledger)
    wallet = Inventory(stage.ledger.xrp_drops, stage.ledger.rlusd)
    assert (bought(wallet, owned(stage)), status(stage, order)) == ((0, Decimal(0)), "FILLED")
    assert [fill.side for fill in decision.fills] == [Side.BUY, Side.SELL] * 3
    assert [fill.proven for fill in decision.fills] == [True, False] * 3
