"""Modes, causes, cool-downs and caps over several sources, against a model that is written from the page alone."""

from __future__ import annotations

from collections import Counter
from typing import ClassVar

import pytest
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from neo_core import Clear, Enter, GuardConfig, Recover, Stay, View, hookimpl
from neo_core.model import Place
from neo_core.testing.rehearsal import Rehearsal

COOLDOWN, CAP, TIMEOUT, CLEAR_TICKS, MAX_FAULTS, MAX_FAILURES = 4, 3, 60.0, 5, 4, 5
SETTINGS = {
    "degraded": {"timeout_seconds": TIMEOUT},
    "degraded_recovery": {
        "recovery_cooldown_ticks": COOLDOWN,
        "max_degraded_episodes_per_source_per_session": CAP,
    },
    "plugin_fault": {"clear_ticks": CLEAR_TICKS, "max": MAX_FAULTS},
    "risk": {"max_failed_observations": MAX_FAILURES, "max_ledger_age_seconds": None},
    "plugins": {"stubborn": {"recovery_enabled": False}},
}
SOURCES = ("amber", "brass", "stubborn")  # in the order in which the engine asks them: by name
STEPS_WANTED = 40_000


class Scripted:
    """A guard that answers what the step says."""

    script: ClassVar[dict[str, str]] = {}
    source: ClassVar[str]
    config_class = GuardConfig

    def __init__(self, config: GuardConfig) -> None:
        pass

    def _says(self, word: str) -> bool:
        return word in self.script.get(self.source, "")

    @hookimpl
    def observe(self, view: View) -> None:
        if self._says("blind"):
            raise RuntimeError("observe")

    @hookimpl
    def evaluate_entry(self, view: View) -> Clear | Enter:
        if self._says("broken"):
            raise RuntimeError("evaluate_entry")
        return Enter(f"{self.source} says so", {"x": 1.0}) if self._says("enter") else Clear()

    @hookimpl
    def evaluate_recovery(self, view: View) -> Stay | Recover:
        if self._says("lost"):
            raise RuntimeError("evaluate_recovery")
        return Recover(f"{self.source} is well") if self._says("well") else Stay()

    @hookimpl
    def on_rearm(self, view: View) -> None:
        if self._says("jammed"):
            raise RuntimeError("on_rearm")


GUARDS = {source: type(source.title(), (Scripted,), {"source": source}) for source in SOURCES}


class Model:
    """Sections 2, 7 and 11 of docs/behaviour.md, as plainly as they can be told."""

    def __init__(self) -> None:
        self.tick = 0
        self.mode = "OK"
        self.halt: str | None = None
        self.guard: str | None = None
        self.guard_since = 0.0
        self.faulty = False
        self.faulty_since = 0.0
        self.counts = Counter[str]()
        self.cooldowns = Counter[str]()
        self.faults = 0
        self.clean = 0
        self.failures = 0
        self.armed = False
        self.ended_episode = False

    @property
    def elapsed(self) -> float:
        return 4.0 * (self.tick - 1)

    def play(self, script: dict[str, str], failed: bool) -> None:
        self.tick += 1
        self.ended_episode = False
        faults_before = self.faults
        self.failures = self.failures + 1 if failed else 0
        self._verify()
        self._risk_and_clock()
        if not failed and self.halt is None:
            self._recover(script)
        if not failed and self.halt is None:
            self._guard(script)
        if not failed and self.faults and self.faults == faults_before:
            self.clean += 1
        self.mode = "HALT" if self.halt else "DEGRADED" if self.guard or self.faulty else "OK"

    def _verify(self) -> None:
        if self.faulty and self.clean >= CLEAR_TICKS:
            self.faulty = False
            self.ended_episode = self.guard is None

    def _risk_and_clock(self) -> None:
        if self.failures >= MAX_FAILURES:
            self.halt = "risk_rpc_failure_halt"
        elif self.faulty and self.elapsed - self.faulty_since >= TIMEOUT:
            self.halt = "plugin_fault_halt"
        elif self.guard == "stubborn" and self.elapsed - self.guard_since >= TIMEOUT:
            self.halt = "degraded_timeout_halt"

    def _fault(self) -> None:
        self.faults += 1
        self.clean = 0
        if not self.faulty:
            self.faulty, self.faulty_since = True, self.elapsed
        if self.faults > MAX_FAULTS and self.halt is None:
            self.halt = "plugin_fault_halt"

    def _rearm(self, script: dict[str, str]) -> None:
        self.armed = True
        for source in SOURCES:
            if "jammed" in script[source]:
                self._fault()

    def _recover(self, script: dict[str, str]) -> None:
        if not self.armed:
            self._rearm(script)
        for source in SOURCES:
            if "blind" in script[source]:
                self._fault()
        guard = self.guard
        if guard is None or self.faulty or guard == "stubborn" or self.halt:
            return
        self.cooldowns[guard] = max(self.cooldowns[guard] - 1, 0)
        if self.cooldowns[guard] == 0 and "well" in script[guard] and "lost" not in script[guard]:
            self.guard = None
            self.ended_episode = True
            self._rearm(script)

    def _guard(self, script: dict[str, str]) -> None:
        for source in SOURCES:
            if "broken" in script[source]:
                self._fault()
            elif "enter" in script[source] and not self.guard and not self.faulty and not self.halt:
                self.counts[source] += 1
                self.guard, self.guard_since = source, self.elapsed
                if self.counts[source] >= CAP:
                    self.halt = "degraded_episode_limit_halt"
                elif self.counts[source] > 1:
                    self.cooldowns[source] = COOLDOWN


ANSWERS = st.sampled_from(["", "", "", "well", "well", "well", "enter", "enter", "enter well", "lost well"])
STORMY = {**dict.fromkeys(SOURCES, ""), "amber": "enter well"}


class Machine(RuleBasedStateMachine):
    ticks = 0
    seen: ClassVar[Counter[str]] = Counter()

    @initialize()
    def start(self) -> None:
        self.model = Model()
        self.engine = Rehearsal(GUARDS, SETTINGS)

    @precondition(lambda self: self.model.halt is None)
    @rule(answers=st.tuples(ANSWERS, ANSWERS, ANSWERS), failed=st.sampled_from([False] * 9 + [True]))
    def tick(self, answers: tuple[str, ...], failed: bool) -> None:
        self._tick(dict(zip(SOURCES, answers, strict=True)), failed)

    @precondition(lambda self: self.model.halt is None)
    @rule(source=st.sampled_from(SOURCES), said=st.sampled_from(["blind", "jammed", "broken", "enter blind"]))
    def fault(self, source: str, said: str) -> None:
        self._tick({**dict.fromkeys(SOURCES, ""), source: said}, False)

    @precondition(lambda self: self.model.halt is None)
    @rule(count=st.integers(2, 9), source=st.sampled_from(SOURCES))
    def quiet_spell(self, count: int, source: str) -> None:
        for _ in range(count):
            if self.model.halt is None:
                self._tick({**dict.fromkeys(SOURCES, ""), source: "well"}, False)

    @precondition(lambda self: self.model.halt is None)
    @rule(count=st.integers(3, 12))
    def storm(self, count: int) -> None:
        """A guard that is well as soon as it is asked, and enters again at once: the way to its cap."""
        for _ in range(count):
            if self.model.halt is None:
                self._tick(STORMY, False)

    @precondition(lambda self: self.model.halt is None)
    @rule(count=st.integers(1, MAX_FAILURES))
    def outage(self, count: int) -> None:
        for _ in range(count):
            if self.model.halt is None:
                self._tick(dict.fromkeys(SOURCES, "enter"), True)

    @precondition(lambda self: self.model.halt is not None)
    @rule()
    def after_a_halt_nothing_is_judged(self) -> None:
        Machine.ticks += 1
        Machine.seen[str(self.model.halt)] += 1
        halted = self.engine.state
        decision = self.engine.tick()
        assert decision.mode == "HALT"
        assert self.engine.state.halt == halted.halt
        assert self.engine.state.regime == halted.regime
        assert not [intent for intent in decision.intents if isinstance(intent, Place)]
        self.start()

    def _tick(self, script: dict[str, str], failed: bool) -> None:
        Machine.ticks += 1
        Scripted.script = script
        model = self.model
        before = model.mode
        model.play(script, failed)
        decision = self.engine.tick(failure="the node is away" if failed else "")
        state = self.engine.state
        Machine.seen[f"{before}->{model.mode}"] += 1
        assert decision.mode == model.mode
        assert (None if state.halt is None else state.halt.reason.value) == model.halt
        assert state.regime.source == ("plugin_fault" if model.faulty else model.guard or "")
        assert {s: state.regime.episodes.get(s, 0) for s in SOURCES} == {s: model.counts[s] for s in SOURCES}
        assert {s: state.regime.cooldowns.get(s, 0) for s in SOURCES} == {s: model.cooldowns[s] for s in SOURCES}
        assert state.faults.count == model.faults
        placed = [intent for intent in decision.intents if isinstance(intent, Place)]
        if model.mode != "OK" or model.ended_episode or failed:
            assert not placed
        if before == "OK" and model.mode != "OK":
            assert {order.status for order in state.orders.values()} <= {"CANCEL_REQUESTED"}


@pytest.mark.rule("MODE-1", "MODE-2", "MODE-3", "MODE-6", "MODE-7")
@pytest.mark.rule("COOL-1", "COOL-2", "COOL-3", "COOL-4", "COOL-5", "COOL-6", "COOL-7", "COOL-8", "COOL-13")
@pytest.mark.rule("PLUG-3", "TICK-2", "TICK-4")
def test_forty_thousand_steps_agree_with_the_page() -> None:
    Machine.ticks, Machine.seen = 0, Counter()
    run_state_machine_as_test(
        Machine,
        settings=hypothesis_settings(max_examples=9 * hypothesis_settings().max_examples, stateful_step_count=50),
    )
    assert Machine.ticks >= STEPS_WANTED
    every = {"degraded_episode_limit_halt", "plugin_fault_halt", "degraded_timeout_halt", "risk_rpc_failure_halt"}
    ways = {"OK->OK", "OK->DEGRADED", "DEGRADED->DEGRADED", "DEGRADED->OK", "DEGRADED->HALT", "OK->HALT"}
    assert min(Machine.seen[way] for way in every | ways) > 50, Machine.seen
