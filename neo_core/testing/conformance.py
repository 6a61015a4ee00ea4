"""A suite that any plugin can be put through: does it keep the contract, whatever a session brings?"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import pluggy

from neo_core import answers
from neo_core.measures import facts_of
from neo_core.model import Clear, Enter, Event, Mark, Recover, Stay
from neo_core.testing.scenes import Scene, scenes
from neo_core.testing.walking import hooks

__all__ = ["conform"]

CHAPTER = 40
SILENT = ("observe", "on_rearm", "on_event")
VERDICTS: Mapping[str, tuple[type[Clear | Stay], type[Enter | Recover]]] = {
    "evaluate_entry": (Clear, Enter),
    "evaluate_recovery": (Stay, Recover),
}


class Answer(NamedTuple):
    hook: str
    on: object
    answer: object


def conform(make_plugin: Callable[[], object], *, seed: int = 1, ticks: int = 600) -> None:
    """Puts a plugin through a seeded session that spares it nothing; raises AssertionError where it fails.

    `make_plugin` makes a fresh instance each time it is called. Every hook that it has, and every layer, is
    called with empty books, missing ticks, fills, vanished orders, in every mode and every kind
    of episode. Demanded: no hook raises, every answer is of the right kind, measures are plain finite values,
    two instances give the same answers, and after `on_rearm` an instance answers like a fresh one.

        def test_my_guard_keeps_the_contract():
            conform(lambda: MyGuard(MyConfig()))
    """
    plugin = make_plugin()
    story = scenes(seed, ticks, getattr(plugin, "source", None))
    first = list(_play(plugin, story))
    _demand_same(first, _play(make_plugin(), story), "a second instance, fed the same, answers differently")
    for start in range(0, ticks, CHAPTER):
        chapter = story[start : start + CHAPTER]
        fresh = list(_play(make_plugin(), chapter))
        _demand_same(fresh, _play(plugin, chapter), "after on_rearm it does not answer like a fresh instance")


def _play(plugin: object, story: Sequence[Scene]) -> Iterator[Answer]:
    session = _Session(plugin)
    yield from session.start(story[0])
    for scene in story:
        yield from session.tick(scene)


class _Session:
    """Calls the hooks of one plugin in the engine's order, and checks each answer as it comes."""

    def __init__(self, plugin: object) -> None:
        self._name = type(plugin).__name__
        self._own = getattr(plugin, "source", None)
        self._hooks = self._hooks_of(plugin)
        self._layers = [self._hooks_of(layer) for layer in getattr(plugin, "layers", ())]
        if not self._hooks and not any(self._layers):
            raise AssertionError(f"{self._name} has no hook: expected at least one marked with @hookimpl")
        if "evaluate_entry" in self._hooks and not _is_sentence(self._own):
            raise AssertionError(f"{self._name} is a guard: expected the name of its source, got {self._own!r}")

    def start(self, scene: Scene) -> Iterator[Answer]:
        yield from self._ask(self._hooks, "on_rearm", scene.view, view=scene.view)

    def tick(self, scene: Scene) -> Iterator[Answer]:
        view = scene.view
        for order in scene.vanished:
            for hooks_of_layer in (self._hooks, *self._layers):
                on = (order, view)
                yield from self._ask(hooks_of_layer, "on_disappeared_order", on, order=order, view=view)
        yield from self._ask(self._hooks, "observe", view, view=view)
        if self._own is not None and view.source == self._own:
            for recovery in self._ask(self._hooks, "evaluate_recovery", view, view=view):
                yield recovery
                if isinstance(recovery.answer, Recover):
                    yield from self._ask(self._hooks, "on_rearm", view, view=view)
        yield from self._ask(self._hooks, "evaluate_entry", view, view=view)
        if scene.cancel_cause:
            orders = view.open_orders
            yield from self._ask(
                self._hooks, "on_cancel_all", view, orders=orders, cause=scene.cancel_cause, now=view.now
            )
        event = Event("tick", f"tick {view.tick}", source=view.source)
        yield from self._ask(self._hooks, "on_event", view, event=event)

    def _hooks_of(self, plugin: object) -> dict[str, Callable[..., Any]]:
        try:
            return hooks(plugin)
        except pluggy.PluginValidationError as error:
            raise AssertionError(f"{self._name} does not fit the contract: {error}") from error

    @staticmethod
    def _ask(
        answering: Mapping[str, Callable[..., Any]], hook: str, on: object, **handed: Any
    ) -> Iterator[Answer]:
        if hook not in answering:
            return
        try:
            answer = answering[hook](**handed)
        except (Exception, SystemExit) as error:
            raise AssertionError(f"{hook} raised {error!r} on {on!r}: expected an answer") from error
        wrong = _wrong(hook, answer, handed)
        if wrong:
            raise AssertionError(f"{hook} on {on!r}: {wrong}")
        yield Answer(hook, on, answer)


def _wrong(hook: str, answer: object, handed: Mapping[str, Any]) -> str:
    if hook in SILENT:
        return "" if answer is None else f"expected no answer, got {answer!r}"
    if hook == "on_cancel_all":
        return _wrong_marks(answer, {order.id for order in handed["orders"]})
    if hook == "on_disappeared_order":
        return _wrong_verdict(answer)
    calm, alarm = VERDICTS[hook]
    if not isinstance(answer, calm | alarm) or type(answer) not in (calm, alarm):
        return f"expected {calm.__name__} or {alarm.__name__}, got {answer!r}"
    if isinstance(answer, Enter | Recover) and not _is_sentence(answer.reason):
        return f"expected a reason that a person can read, got {answer.reason!r}"
    return _wrong_facts("measures", facts_of(answer.measures))


def _wrong_verdict(answer: object) -> str:
    if answer is None:
        return ""
    try:
        return _wrong_facts("evidence", answers.verdict(answer).evidence)
    except TypeError as error:
        return str(error)


def _wrong_marks(answer: object, asked_about: set[str]) -> str:
    if isinstance(answer, str) or not isinstance(answer, Sequence):
        return f"expected a sequence of Mark, got {answer!r}"
    for mark in answer:
        if not isinstance(mark, Mark):
            return f"expected a Mark, got {mark!r}"
        if mark.order_id not in asked_about:
            return f"expected marks for the orders handed over, got one for {mark.order_id!r}"
        if not _is_utc(mark.cancelled_at) or not _is_sentence(mark.cancel_reason):
            return f"expected cancelled_at in UTC ISO form and a cancel_reason, got {mark!r}"
    return ""


def _wrong_facts(name: str, facts: object) -> str:
    if not isinstance(facts, Mapping):
        return f"expected {name} in a mapping, got {facts!r}"
    for key, fact in facts.items():
        if type(key) is not str:
            return f"expected the names of {name} to be str, got {key!r}"
        # Exact types: an enum or a number of another library need not come back from JSON as it went.
        if fact is not None and type(fact) not in (str, int, float, bool):
            return f"expected {name}[{key!r}] to be a str, int, float, bool or None, got {fact!r}"
        if type(fact) is float and not math.isfinite(fact):
            return f"expected {name}[{key!r}] to be finite or None, got {fact!r}"
    return ""


def _is_sentence(text: object) -> bool:
    return isinstance(text, str) and bool(text.strip())


def _is_utc(text: object) -> bool:
    try:
        offset = datetime.fromisoformat(str(text)).utcoffset()
    except ValueError:
        return False
    return offset is not None and not offset


def _demand_same(expected: Sequence[Answer], played: Iterator[Answer], complaint: str) -> None:
    for before, now in zip(expected, played, strict=True):
        if before != now:
            raise AssertionError(
                f"{now.hook} on {now.on!r}: {complaint}: expected {before.answer!r}, got {now.answer!r}"
            )
