"""A state as texts, and back: the same state."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from neo_core.halts import Halt, HaltReason
from neo_core.model import Cause, Inventory, Order, OrderStatus
from neo_core.state import Faults, Regime, RiskMemory, State, Sweep, Truth
from neo_core.store.state import restore, texts

from .making import SOURCES, order

seconds = st.floats(0, 2e9)
counts = st.integers(0, 999_999_999)
words = st.text(max_size=20)
amounts = st.decimals(allow_nan=False, allow_infinity=False, places=12, min_value=-(10**16), max_value=10**16)
inventories = st.builds(Inventory, st.integers(-(10**17), 10**17), amounts)
causes = st.builds(Cause, words, words, counts, seconds, seconds)
regimes = st.builds(
    Regime,
    st.none() | causes,
    st.lists(causes, max_size=3).map(tuple),
    st.fixed_dictionaries(dict.fromkeys(SOURCES, counts)),
    st.fixed_dictionaries(dict.fromkeys(SOURCES, counts)),
    st.none() | seconds,
)
memories = st.builds(
    RiskMemory,
    counts,
    st.none() | inventories,
    st.floats(-1e12, 1e12),
    st.floats(-1e12, 1e12),
    st.lists(seconds, max_size=5).map(tuple),
)
halts = st.builds(Halt, st.sampled_from(HaltReason), words, words)


def by_id(orders: list[Order]) -> dict[str, Order]:
    return {made.id: made for made in orders}


states = st.builds(
    State,
    session=st.just(3),
    tick=counts,
    now=st.none() | seconds,
    elapsed=seconds,
    ledger_index=st.none() | counts,
    close_time=st.none() | seconds,
    mode_since=counts,
    regime=regimes,
    sweep=st.none() | st.builds(Sweep, words, counts, counts, st.lists(words, max_size=2).map(tuple)),
    faults=st.builds(Faults, counts, counts),
    risk=memories,
    inventory=st.none() | inventories,
    orders=st.lists(st.integers(1, 9).map(order), max_size=3).map(by_id),
    closed=st.lists(st.integers(10, 19).map(order), max_size=3).map(by_id),
    serial=counts,
    halt=st.none() | halts,
    truth=st.builds(Truth, counts, counts, counts),
    realigned=counts,
)


@pytest.mark.rule("MODE-8")
@given(states)
@settings(deadline=None)
def test_a_state_comes_back_from_its_texts_as_it_was(state: State) -> None:
    orders = [*state.orders.values(), *state.closed.values()]
    back, notes = restore(3, texts(state), orders, SOURCES)
    assert back == state
    assert notes == ()


@pytest.mark.rule("MODE-8")
@given(st.lists(states, min_size=2, max_size=5))
@settings(max_examples=60, deadline=None)
def test_changes_put_one_over_the_other_are_the_last_state(walk: list[State]) -> None:
    kept = texts(walk[0])
    for before, after in pairwise(walk):
        kept |= texts(after, before)
    last = walk[-1]
    back, _ = restore(3, kept, [*last.orders.values(), *last.closed.values()], SOURCES)
    assert back == last


@pytest.mark.rule("COOL-9")
@given(st.dictionaries(st.sampled_from(sorted(texts(State(1)).keys() - {"runtime"})), words), words, words)
@settings(deadline=None)
def test_no_broken_text_but_the_runtime_keeps_a_state_from_being_read(
    broken: dict[str, str], count: str, cooldown: str
) -> None:
    kept = {
        **texts(State(1, tick=7, inventory=Inventory(5, Decimal("1.5")))),
        **broken,
        "degraded_recovery.anchor.episode_count": count,
        "degraded_recovery.anchor.cooldown_ticks_remaining": cooldown,
    }
    state, notes = restore(1, kept, (), ["anchor"])
    assert (state.tick, state.inventory) == (7, Inventory(5, Decimal("1.5")))
    assert 0 <= state.regime.episodes["anchor"] < 10**9
    readable = [text.isascii() and text.isdigit() and len(text) < 10 for text in (count, cooldown)]
    assert len(notes) == readable.count(False)


def test_a_halt_token_that_is_none_reads_as_unexpected() -> None:
    kept = {**texts(State(1)), "halt.reason": "bored"}
    state, _ = restore(1, kept, (), ())
    assert state.halt == Halt(HaltReason.UNEXPECTED, "", "the recorded reason 'bored' is none; ")


def test_counts_of_a_guard_that_is_no_longer_loaded_are_kept() -> None:
    kept = texts(State(1, regime=Regime(episodes={"mine": 2}, cooldowns={"mine": 4})))
    state, notes = restore(1, kept, (), ["anchor"])
    assert (state.regime.episodes, state.regime.cooldowns) == (
        {"anchor": 0, "mine": 2},
        {"anchor": 0, "mine": 4},
    )
    assert len(notes) == 2


def test_an_episode_has_one_beginning_whichever_of_its_causes_is_left() -> None:
    guard = Cause("anchor", "too far", 5, 1_767_225_620.0, 20.0)
    truth = Cause("wallet_truth", "0.5 XRP apart", 9, 1_767_225_636.0, 36.0)
    calm = State(1)
    walk = [
        replace(calm, regime=Regime(guard)),
        replace(calm, regime=Regime(guard, (truth,))),
        replace(calm, regime=Regime(None, (truth,))),
    ]
    kept = texts(calm)
    shown = []
    for before, after in pairwise([calm, *walk]):
        kept |= texts(after, before)
        shown.append((kept["degraded_source"], kept["degraded_since"]))
    began = "2026-01-01T00:00:20+00:00"
    assert shown == [("anchor", began), ("wallet_truth", began), ("wallet_truth", began)]
    kept |= texts(calm, walk[-1])
    assert (kept["degraded_source"], kept["degraded_since"], kept["degraded_reason"]) == ("", "", "")


def test_orders_that_closed_a_few_ledgers_ago_are_apart_from_those_to_watch() -> None:
    late, alive = order(1, OrderStatus.CANCELLED, closed_ledger=9), order(2)
    kept = texts(State(1, orders={alive.id: alive}, closed={late.id: late}))
    state, _ = restore(1, kept, [late, alive], ())
    assert (state.orders, state.closed) == ({alive.id: alive}, {late.id: late})
