"""The engine's state as the texts of the table `engine_state`, and back.

Modes, causes, counts and halt reasons have keys of their own, for people and for other programs. Whatever else the
engine has to remember is one JSON text under the key `runtime`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import UTC, datetime

import msgspec

from neo_core.errors import StoreError
from neo_core.halts import Halt, HaltReason
from neo_core.model import Cause, Inventory, Order, Ranges
from neo_core.state import Faults, Regime, RiskMemory, State, Sweep, Truth

__all__ = ["KILL", "STOP", "Runtime", "halt_of", "iso", "read_runtime", "recovery_counts", "restore", "texts"]

STOP = "operator.stop"
KILL = "operator.kill"

RECOVERY, COOLDOWN, COUNT = "degraded_recovery.", ".cooldown_ticks_remaining", ".episode_count"
COUNTER = re.compile("[0-9]{1,9}")


class Runtime(msgspec.Struct, frozen=True, omit_defaults=True):
    """What has no key of its own. `closed` are the ids of orders that closed a few ledgers ago."""

    tick: int = 0
    elapsed: float = 0.0
    now: float | None = None
    ledger_index: int | None = None
    close_time: float | None = None
    mode_since: int = 0
    guard: Cause | None = None
    integrity: tuple[Cause, ...] = ()
    cooled_at: float | None = None
    sweep: Sweep | None = None
    faults: Faults = Faults()
    risk: RiskMemory = RiskMemory()
    inventory: Inventory | None = None
    closed: tuple[str, ...] = ()
    serial: int = 0
    truth: Truth = Truth()
    realigned: int = 0
    untold: Ranges = ()


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Runtime).decode


def iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def texts(state: State, before: State | None = None) -> dict[str, str]:
    """The texts of a state; with the state `before` it, only those that have changed since."""
    regime = state.regime
    changed = {"runtime": _runtime_text(state)}
    if before is not None and regime is before.regime and state.halt is before.halt:
        return changed
    if before is None or state.mode is not before.mode:
        changed["mode"] = str(state.mode)
    if before is None or state.halt is not before.halt:
        halt = state.halt
        changed["halt.reason"] = "" if halt is None else halt.reason.value
        changed["halt.source"] = "" if halt is None else halt.source
        changed["halt.detail"] = "" if halt is None else halt.detail
    earlier = Regime() if before is None else before.regime
    if before is None or regime.guard is not earlier.guard or regime.integrity is not earlier.integrity:
        changed |= _degraded(state, earlier)
    if before is None or regime.episodes is not earlier.episodes:
        changed |= _counts(COUNT, regime.episodes, earlier.episodes)
    if before is None or regime.cooldowns is not earlier.cooldowns:
        changed |= _counts(COOLDOWN, regime.cooldowns, earlier.cooldowns)
    return changed


def restore(
    session: int, kept: Mapping[str, str], orders: Iterable[Order], sources: Collection[str]
) -> tuple[State, tuple[str, ...]]:
    """The state that was kept, and a sentence for everything in it that could not be read and counts as 0."""
    notes: list[str] = []
    counts = recovery_counts(kept, sources, notes)
    runtime = read_runtime(kept)
    every = {order.id: order for order in orders}
    state = State(
        session=session,
        tick=runtime.tick,
        now=runtime.now,
        elapsed=runtime.elapsed,
        ledger_index=runtime.ledger_index,
        close_time=runtime.close_time,
        mode_since=runtime.mode_since,
        regime=Regime(
            guard=runtime.guard,
            integrity=runtime.integrity,
            episodes={source: episodes for source, (episodes, _) in counts.items()},
            cooldowns={source: cooldown for source, (_, cooldown) in counts.items()},
            cooled_at=runtime.cooled_at,
        ),
        sweep=runtime.sweep,
        faults=runtime.faults,
        risk=runtime.risk,
        inventory=runtime.inventory,
        orders={key: order for key, order in every.items() if key not in runtime.closed},
        closed={key: every[key] for key in runtime.closed if key in every},
        serial=runtime.serial,
        halt=halt_of(kept),
        truth=runtime.truth,
        realigned=runtime.realigned,
        untold=runtime.untold,
    )
    return state, tuple(notes)


def recovery_counts(
    kept: Mapping[str, str], sources: Collection[str], notes: list[str]
) -> dict[str, tuple[int, int]]:
    """Episodes and remaining cool-down of every source in the texts, and of those `sources` in any case."""
    known = {
        key.removeprefix(RECOVERY).removesuffix(ending)
        for key in kept
        for ending in (COUNT, COOLDOWN)
        if key.startswith(RECOVERY) and key.endswith(ending)
    }
    return {
        source: (_read_count(kept, source, COUNT, notes), _read_count(kept, source, COOLDOWN, notes))
        for source in sorted({*known, *sources})
    }


def halt_of(kept: Mapping[str, str]) -> Halt | None:
    """The halt on record. A token that is not in the table of halts is one that nobody gave on purpose."""
    token = kept.get("halt.reason", "")
    if token == "":
        return None
    source, detail = kept.get("halt.source", ""), kept.get("halt.detail", "")
    reason = next((reason for reason in HaltReason if reason.value == token), None)
    if reason is None:
        return Halt(HaltReason.UNEXPECTED, source, f"the recorded reason {token!r} is none; {detail}")
    return Halt(reason, source, detail)


def read_runtime(kept: Mapping[str, str]) -> Runtime:
    text = kept.get("runtime", "")
    try:
        runtime = _decode(text)
        if runtime.tick < 0 or not _finite(runtime):
            raise ValueError("a number in it is out of range")
    except (msgspec.DecodeError, ValueError) as error:
        raise StoreError(
            f"engine_state.runtime: expected the state that the last tick left, got {text[:40]!r} ({error}); "
            "start a fresh session without --resume"
        ) from error
    return runtime


def _degraded(state: State, earlier: Regime) -> dict[str, str]:
    regime = state.regime
    causes = tuple(_causes(regime))
    if not causes:
        return dict.fromkeys(("degraded_source", "degraded_reason", "degraded_since"), "")
    shown = regime.integrity[0] if regime.integrity else causes[0]
    changed = {"degraded_source": shown.source, "degraded_reason": shown.reason}
    # One stay in DEGRADED has one beginning, whichever of its causes is shown and whichever are left.
    if not any(cause in causes for cause in _causes(earlier)):
        changed["degraded_since"] = iso(min(cause.at for cause in causes))
    return changed


def _causes(regime: Regime) -> Iterator[Cause]:
    if regime.guard is not None:
        yield regime.guard
    yield from regime.integrity


def _counts(ending: str, counts: Mapping[str, int], earlier: Mapping[str, int]) -> dict[str, str]:
    return {
        f"{RECOVERY}{source}{ending}": str(count)
        for source, count in counts.items()
        if earlier.get(source) != count
    }


def _read_count(kept: Mapping[str, str], source: str, ending: str, notes: list[str]) -> int:
    key = f"{RECOVERY}{source}{ending}"
    text = kept.get(key)
    if text is None:
        notes.append(f"engine_state.{key}: expected a count, it is missing; it reads as 0")
        return 0
    if COUNTER.fullmatch(text) is None:
        notes.append(f"engine_state.{key}: expected a count from 0, got {text[:40]!r}; it reads as 0")
        return 0
    return int(text)


def _runtime_text(state: State) -> str:
    regime = state.regime
    runtime = Runtime(
        state.tick,
        state.elapsed,
        state.now,
        state.ledger_index,
        state.close_time,
        state.mode_since,
        regime.guard,
        regime.integrity,
        regime.cooled_at,
        state.sweep,
        state.faults,
        state.risk,
        state.inventory,
        tuple(state.closed),
        state.serial,
        state.truth,
        state.realigned,
        state.untold,
    )
    if not _finite(runtime):
        raise StoreError(f"tick {state.tick}: a number of the state is not finite, and is not kept: {runtime}")
    return _encode(runtime).decode()


def _finite(runtime: Runtime) -> bool:
    """No NaN and no infinity: JSON has neither, and either would spread through every later judgement."""
    risk, owned = runtime.risk, runtime.inventory
    # A sum is as finite as all its terms are, and costs one test on a path that runs with every commit.
    total = runtime.elapsed + risk.peak_pnl + risk.pnl + sum(risk.sent)
    total += (runtime.now or 0.0) + (runtime.close_time or 0.0) + (runtime.cooled_at or 0.0)
    causes = runtime.integrity if runtime.guard is None else (runtime.guard, *runtime.integrity)
    for cause in causes:
        total += cause.since + cause.at
    held = owned is None or owned.rlusd.is_finite()
    return held and math.isfinite(total) and (risk.opening is None or risk.opening.rlusd.is_finite())
