"""What neo_core.testing gives to authors of plugins: does the conformance suite find what it is there to find?"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise
from types import SimpleNamespace

import pytest

from neo_core import (
    Clear,
    Enter,
    Fill,
    Mark,
    Mode,
    Order,
    Outcome,
    Recover,
    Resolution,
    Side,
    Stay,
    View,
    Wait,
    hookimpl,
)
from neo_core.testing import conform, fill, hooks, order, view, walk


class Steady:
    """A guard that keeps the contract: enters on three large errors in a row, recovers on a small one."""

    source = "steady"

    def __init__(self) -> None:
        self.large = 0

    @hookimpl
    def observe(self, view: View) -> None:
        self.large = self.large + 1 if abs(view.anchor_error_bps or 0.0) > 5 else 0

    @hookimpl
    def evaluate_entry(self) -> Clear | Enter:
        return (
            Enter("three large errors", {"large": self.large}) if self.large > 2 else Clear({"large": self.large})
        )

    @hookimpl
    def evaluate_recovery(self) -> Stay | Recover:
        return Recover("a small error") if not self.large else Stay()

    @hookimpl
    def on_rearm(self) -> None:
        self.large = 0


def guard_with(hook: str, answer: Callable[..., object]) -> Callable[[], object]:
    """Makers of a Steady with one hook replaced."""

    def replaced(self: Steady, view: View) -> object:
        return answer(view)

    return type("Replaced", (Steady,), {hook: hookimpl(replaced)})


def test_a_guard_that_keeps_the_contract_passes():
    for seed in range(3):
        conform(Steady, seed=seed)


@pytest.mark.rule("PLUG-3")
@pytest.mark.parametrize("hook", ["observe", "evaluate_entry", "evaluate_recovery", "on_rearm"])
@pytest.mark.parametrize("error", [ValueError("no"), SystemExit(1)])
def test_a_hook_that_raises_is_named(hook, error):
    def fail(view: View) -> object:
        raise error

    with pytest.raises(AssertionError, match=f"{hook} raised {type(error).__name__}.* on View"):
        conform(guard_with(hook, fail))


@pytest.mark.rule("PLUG-3")
@pytest.mark.parametrize(
    ("hook", "answer", "complaint"),
    [
        ("observe", True, "expected no answer, got True"),
        ("on_rearm", 0, "expected no answer, got 0"),
        ("evaluate_entry", None, "expected Clear or Enter, got None"),
        ("evaluate_entry", Stay(), "expected Clear or Enter, got Stay"),
        ("evaluate_entry", Enter(" "), "expected a reason that a person can read, got ' '"),
        ("evaluate_entry", Clear({"x": float("nan")}), "expected measures['x'] to be finite or None, got nan"),
        ("evaluate_entry", Clear({"x": Mode.OK}), "expected measures['x'] to be a str, int, float, bool or None"),
        ("evaluate_entry", Clear({"x": [1]}), "expected measures['x'] to be a str, int, float, bool or None"),
        ("evaluate_entry", Clear({1: 1}), "expected the names of measures to be str, got 1"),
        ("evaluate_entry", Clear([1]), "expected measures in a mapping, got [1]"),
        ("evaluate_recovery", None, "expected Stay or Recover, got None"),
        ("evaluate_recovery", Clear(), "expected Stay or Recover, got Clear"),
    ],
)
def test_an_answer_of_the_wrong_kind_is_named_with_its_hook(hook, answer, complaint):
    with pytest.raises(AssertionError, match=f"{hook} on View.*{re.escape(complaint)}"):
        conform(guard_with(hook, lambda view: answer))


@pytest.mark.rule("PLUG-3")
def test_an_attempt_to_change_what_was_handed_over_is_found():
    def change(view: View) -> None:
        view.mid = 1.0

    with pytest.raises(AssertionError, match="observe raised AttributeError"):
        conform(guard_with("observe", change))


@pytest.mark.rule("TICK-3")
def test_a_guard_that_is_not_deterministic_is_found():
    calls = iter(range(10**9))
    with pytest.raises(AssertionError, match=r"evaluate_entry on View.*answers differently"):
        conform(guard_with("evaluate_entry", lambda view: Clear({"call": next(calls)})))


@pytest.mark.rule("COOL-12")
def test_a_guard_that_is_not_emptied_by_rearming_is_found():
    with pytest.raises(AssertionError, match="does not answer like a fresh instance"):
        conform(guard_with("on_rearm", lambda view: None))


@pytest.mark.rule("PLUG-2")
def test_what_does_not_fit_the_contract_is_found():
    misspelt = type("Misspelt", (), {"evaluate_entri": hookimpl(lambda self, view: Clear())})
    nameless = type("Nameless", (Steady,), {"source": None})
    with pytest.raises(AssertionError, match=r"Misspelt does not fit the contract.*evaluate_entri"):
        conform(misspelt)
    with pytest.raises(AssertionError, match="Nameless is a guard: expected the name of its source, got None"):
        conform(nameless)
    with pytest.raises(AssertionError, match="SimpleNamespace has no hook"):
        conform(SimpleNamespace)


class Layer:
    rank = 10

    def __init__(self, answer: object) -> None:
        self._answer = answer

    @hookimpl
    def on_disappeared_order(self, order: Order) -> object:
        return self._answer


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (None, ""),
        (Resolution(Outcome.HELD, "held_pending_review", {"age": 1.0}), ""),
        (Wait("not_told", 5, 9), ""),
        (Outcome.HELD, "expected a Resolution with an Outcome, a Wait, or None"),
        (Resolution("held", "token"), "expected a Resolution with an Outcome, a Wait, or None"),
        (Resolution(Outcome.FILLED, "token"), "expected no filled, which needs proof"),
        (Wait("not_told", 1.5, 9), "expected a Wait for ledgers by their numbers"),
        (Wait("not_told", 9, 5), "expected a Wait for ledgers from a first to a last"),
        (Resolution(Outcome.HELD, "token", {"age": float("inf")}), "expected evidence['age'] to be finite"),
    ],
)
def test_layers_are_asked_about_vanished_orders_and_their_answers_checked(answer, complaint):
    def make() -> object:
        return SimpleNamespace(layers=(Layer(None), Layer(answer)))

    if not complaint:
        conform(make)
        return
    with pytest.raises(AssertionError, match=f"on_disappeared_order on .*{re.escape(complaint)}"):
        conform(make)


class Marker:
    def __init__(self, answer: Callable[[Order], object]) -> None:
        self._answer = answer

    @hookimpl
    def on_cancel_all(self, orders: tuple[Order, ...], cause: str) -> list[object]:
        return [self._answer(order) for order in orders]


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (lambda order: Mark(order.id, "2026-01-01T00:00:00+00:00", "HALT_CANCEL"), ""),
        (lambda order: Mark(order.id, "2026-01-01T00:00:00Z", "HALT_CANCEL"), ""),
        (lambda order: order.id, "expected a Mark"),
        (lambda order: Mark("other", "2026-01-01T00:00:00Z", "HALT_CANCEL"), "one for 'other'"),
        (lambda order: Mark(order.id, "2026-01-01T00:00:00", "HALT_CANCEL"), "expected cancelled_at in UTC"),
        (lambda order: Mark(order.id, "2026-01-01T00:00:00Z", ""), "and a cancel_reason"),
    ],
)
def test_marks_are_checked(answer, complaint):
    if not complaint:
        conform(lambda: Marker(answer))
        return
    with pytest.raises(AssertionError, match=f"on_cancel_all on View.*{re.escape(complaint)}"):
        conform(lambda: Marker(answer))


def test_every_situation_comes_up():
    seen: list[View] = []
    vanished: list[Order] = []
    cancelled: list[str] = []

    class Watcher(Steady):
        @hookimpl
        def observe(self, view: View) -> None:
            seen.append(view)
            super().observe(view)

        @hookimpl
        def on_disappeared_order(self, order: Order) -> None:
            vanished.append(order)

        @hookimpl
        def on_cancel_all(self, cause: str) -> list[Mark]:
            cancelled.append(cause)
            return []

    conform(Watcher, ticks=600)
    once = seen[:600]
    assert {view.mode for view in once} == set(Mode)
    assert {"", "steady", "another_guard", "wallet_truth"} <= {view.source for view in once}
    assert any(view.mid is None for view in once)
    assert any(view.mid is not None and view.anchor is None for view in once)
    assert any(len({fill.side for fill in view.fills}) == 2 for view in once)
    assert any(not fill.proven for view in once for fill in view.fills)
    assert any(later.tick - sooner.tick > 1 for sooner, later in pairwise(once))
    assert vanished
    assert cancelled


# --- values and walking ---


def test_a_view_works_out_what_follows_and_takes_what_is_given():
    quiet = view(7)
    assert (quiet.tick, quiet.mode, quiet.mid, quiet.anchor, quiet.anchor_error_bps) == (7, Mode.OK, 2.0, 2.0, 0.0)
    assert (quiet.inventory_pct, quiet.portfolio_value) == (50.0, 40_000.0)
    assert quiet.bid < quiet.mid < quiet.ask
    leaning = view(anchor_error_bps=10.0)
    assert leaning.anchor == pytest.approx(2.002)
    blind = view(mid=None, anchor_error_bps=10.0)
    assert {blind.bid, blind.ask, blind.anchor, blind.anchor_error_bps, blind.inventory_pct} == {None}
    assert view(inventory_pct=71.0, source="anchor").inventory_pct == 71.0
    with pytest.raises(TypeError):
        view(inventory=71.0)


def test_fills_and_orders_are_made_to_order():
    sold: Fill = fill(Side.SELL, tick=3, rlusd="12.5", proven=False)
    assert (sold.side, sold.tick, sold.notional, sold.price, sold.proven) == (Side.SELL, 3, 12.5, 2.0, False)
    assert order(Side.SELL, rest_drops=1).rest_drops == 1


def test_walking_asks_for_recovery_only_in_the_guards_own_episode_past_its_cooldown():
    own = {"mode": Mode.DEGRADED, "source": "steady"}
    steps = walk(
        Steady(),
        [view(1), view(2, **own), view(3, **own), view(4, mode=Mode.DEGRADED, source="wallet_truth")],
        suppressed={2},
    )
    assert [type(step.recovery) for step in steps] == [type(None), type(None), Recover, type(None)]
    assert all(isinstance(step.entry, Clear) for step in steps)


def test_walking_rearms_after_a_recovery():
    class Hasty(Steady):
        @hookimpl
        def evaluate_recovery(self) -> Recover:
            return Recover("at once")

    large = [view(n, anchor_error_bps=9.0, mode=Mode.DEGRADED, source="steady") for n in range(1, 9)]
    assert all(isinstance(step.entry, Clear) for step in walk(Hasty(), large))


def test_hooks_are_called_with_the_arguments_that_they_take():
    found = hooks(Steady())
    assert set(found) == {"observe", "evaluate_entry", "evaluate_recovery", "on_rearm"}
    assert found["evaluate_entry"](view=view()) == Clear({"large": 0})
