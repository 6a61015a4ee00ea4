"""The loop and its ending: one of each, whatever the gateway. The only place that acts.

A pass: observe, tick, prepare, commit, send, tell. After a halt the same pass goes on, and the engine does nothing
in it but settle and cancel, until the ledger shows no own offer or the limits of `shutdown` are reached.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import MappingProxyType
from typing import Protocol

import msgspec
from msgspec.structs import replace

from neo_core import answers
from neo_core.config import Settings
from neo_core.engine import Engine
from neo_core.errors import LeaseLost, ObservationFailed, RecordingEnded, StoreError
from neo_core.gateways.base import Gateway
from neo_core.halts import Halt, HaltReason
from neo_core.model import Ack, AckOutcome, Cancel, Decision, Event, Input, Inventory, Order, Place, Prepared
from neo_core.operators import Operator
from neo_core.plugins import Named
from neo_core.rules.orders import ALIVE
from neo_core.state import State, Sweep

__all__ = ["Ending", "Log", "Records", "Session"]

UNKNOWN = AckOutcome.UNKNOWN
MOST_FAILURES = 3  # what fails as often as this will not close in order; what is left open is named
TAKEN = {"self", "event", "tick", "source", "text"}  # names in a log line that facts may not use
LOUD = {
    "degraded_entered",
    "cause_joined",
    "plugin_fault",
    "episode_limit",
    "halt",
    "cancel_all_incomplete",
    "ledgers_untold",
    "startup_waits",
}

_encode = msgspec.json.Encoder().encode


class Records(Protocol):
    """What a session asks of a store. Each raises `StoreError`; `LeaseLost`, once another process trades as it."""

    def beat(self) -> None: ...

    def commit(self, decision: Decision, line: bytes, state: State) -> None: ...

    def end(self, halt: Halt, *, ended_at: float, ticks: int, inventory: Inventory | None) -> Halt: ...


class Log(Protocol):
    def debug(self, event: str, **facts: object) -> object: ...

    def info(self, event: str, **facts: object) -> object: ...

    def warning(self, event: str, **facts: object) -> object: ...

    def error(self, event: str, **facts: object) -> object: ...


class Ending(msgspec.Struct, frozen=True):
    """How a session ended."""

    session: int
    ticks: int
    halt: Halt


class Session:
    def __init__(
        self,
        *,
        engine: Engine,
        gateway: Gateway,
        records: Records,
        operator: Operator,
        settings: Settings,
        state: State,
        log: Log,
        wall: Callable[[], float],
        watchers: Sequence[Named] = (),
        show: Callable[[Decision, State], None] | None = None,
    ) -> None:
        self._engine = engine
        self._gateway = gateway
        self._records = records
        self._operator = operator
        self._shutdown = settings.shutdown
        self._state = state
        self._log = log
        self._wall = wall
        self._watchers = watchers
        self._show = show
        self._acks: tuple[Ack, ...] = ()
        self._ticks = state.tick
        self._closing = False
        self._closing_ledger: int | None = None  # the first that was seen since the halt
        self._last_seen = 0.0
        self._failures = 0
        self._exhausted = False
        self._store_failed = False

    def run(self) -> Ending:
        try:
            while self._state.halt is None or not self._over():
                try:
                    self._pass(self._observe())
                except LeaseLost:
                    raise
                except Exception as error:  # noqa: BLE001 (whatever it is, the session ends in order and says so)
                    self._fail(error)
            return self._end()
        except LeaseLost as lost:
            return self._give_way(lost)

    def _pass(self, given: Input) -> None:
        decision, state = self._engine.tick(self._state, given)
        ready = self._gateway.prepare(decision.intents) if decision.intents else ()
        if ready:
            decision, state = self._engine.prepared(state, decision, ready)
        self._commit(decision, state)
        self._state, self._acks = state, ()
        if ready:
            self._beat()  # a process that hung since the commit may have been replaced, and must not send
            self._acks = tuple([_unknown(one) for one in ready])  # until it is known better
            self._acks = self._gateway.send(ready)
        self._tell(decision, seen=given.observation is not None)

    def _observe(self) -> Input:
        self._beat()
        observation, failure = None, ""
        try:
            observation = self._gateway.observe(self._state.since)
            if observation.ledger_index <= (self._state.ledger_index or 0):
                shown, last = observation.ledger_index, self._state.ledger_index
                observation = None
                raise ObservationFailed(f"the node shows ledger {shown}, and {last} was seen before")
        except ObservationFailed as error:
            failure = str(error)
        except RecordingEnded as error:
            failure, self._exhausted = str(error), True
        # After the wait for a ledger, so that what was asked for meanwhile counts on this tick.
        stop, kill, commands = self._operator.poll()
        if observation is None:
            now = self._gateway.now()
        else:
            now = self._last_seen = observation.close_time
        return Input(now, observation, failure, stop, kill, self._exhausted, self._acks, commands)

    def _beat(self) -> None:
        """A sign of life. Once the store has failed none can be given, but a lost lease is still heard of."""
        try:
            self._records.beat()
        except LeaseLost:
            raise
        except StoreError:
            if not self._store_failed:
                raise

    def _commit(self, decision: Decision, state: State) -> None:
        if self._store_failed:
            return
        try:
            self._records.commit(decision, _encode(decision), state)
        except StoreError:
            self._store_failed = True
            if state.halt is not None and self._state.halt is None:
                self._close(state.halt)
            raise

    def _tell(self, decision: Decision, *, seen: bool) -> None:
        if not self._closing:
            self._ticks = decision.tick
            if decision.halt is not None:
                self._begin_closing(decision.now)
        if self._closing and seen and self._closing_ledger is None:
            self._closing_ledger = decision.ledger_index
        for event in decision.events:
            self._tell_event(decision, event)
        if self._show is not None:
            self._show(decision, self._state)

    def _tell_event(self, decision: Decision, event: Event) -> None:
        log = self._log
        write = log.debug if event.debug else log.warning if event.kind in LOUD else log.info
        facts = {key: value for key, value in event.facts.items() if key not in TAKEN}
        write(event.kind, tick=decision.tick, source=event.source, text=event.text, **facts)
        if event.debug or not self._watchers:
            return
        event = replace(event, facts=MappingProxyType(dict(event.facts)))
        for watcher in self._watchers:
            try:
                answers.nothing(watcher.call(event))
            except BaseException as error:  # noqa: BLE001 (a watcher may raise anything; trading goes on)
                log.error("watcher_failed", plugin=watcher.name, error=answers.words(error))

    def _fail(self, error: Exception) -> None:
        """Something that nobody planned for ends the session as all else does, by a tick: marks, then cancels.

        If the tick fails as well, cancels are attempted from what is known.
        """
        self._failures += 1
        text = str(error) if isinstance(error, StoreError) else answers.words(error)
        self._log.error("session_failed", text=text)
        if self._state.halt is None:
            try:
                return self._pass(Input(self._gateway.now(), None, text, acks=self._acks, broken=text))
            except LeaseLost:
                raise
            except Exception as again:  # noqa: BLE001 (the same, or one more; then without a tick)
                self._log.error("ending_failed", text=answers.words(again))
        if self._state.halt is None:
            self._close(Halt(HaltReason.UNEXPECTED, "session", text))
        if not self._closing:
            self._begin_closing(self._gateway.now())
        try:
            cancels = [Cancel(order.id, order.sequence, "HALT_CANCEL") for order in self._alive()]
            self._gateway.send(self._gateway.prepare(cancels))
        except Exception as again:  # noqa: BLE001 (what is left open is named when the session ends)
            self._log.error("cancels_failed", text=answers.words(again))

    def _begin_closing(self, now: float) -> None:
        """A halt gives every limit of `shutdown` its full length, however long nothing was seen before it."""
        self._closing, self._last_seen = True, now

    def _close(self, halt: Halt) -> None:
        state = self._state
        self._state = replace(state, halt=halt, sweep=Sweep("HALT_CANCEL", state.tick, state.ledger_index or 0))

    def _give_way(self, lost: LeaseLost) -> Ending:
        """Another process trades as this engine: whatever is sent or written from here on would be against it."""
        self._log.error("lease_lost", text=str(lost))
        try:
            self._gateway.close()
        except Exception as error:  # noqa: BLE001 (nothing is sent any more, which is what counts)
            self._log.error("gateway_not_closed", text=answers.words(error))
        return Ending(self._state.session, self._ticks, Halt(HaltReason.UNEXPECTED, "lease", str(lost)))

    def _over(self) -> bool:
        """After a halt: nothing is left to be closed, or it has taken as long as it may."""
        state = self._state
        if state.sweep is None or self._operator.insists or self._exhausted or self._failures >= MOST_FAILURES:
            return True
        seen, first, now = state.ledger_index, self._closing_ledger, self._gateway.now()
        if seen is not None and first is not None and seen - first >= self._shutdown.max_ledgers:
            return True
        self._last_seen = min(self._last_seen, now)  # with the first ledger, the machine's clock is set right
        return now - self._last_seen >= self._shutdown.max_seconds

    def _alive(self) -> list[Order]:
        return [order for order in self._state.orders.values() if order.status in ALIVE]

    def _end(self) -> Ending:
        state = self._state
        halt = state.halt or Halt(HaltReason.UNEXPECTED, "session", "no reason was given")
        left = self._left()
        if left:
            halt = replace(halt, detail=f"{halt.detail}; {left}")
        self._record(halt)
        try:
            self._gateway.close()
        except Exception as error:  # noqa: BLE001 (the session is over, and its reason stands)
            self._log.error("gateway_not_closed", text=answers.words(error))
        write = self._log.info if halt.reason.exit_code == 0 else self._log.error
        write("session_ended", reason=halt.reason.value, source=halt.source, detail=halt.detail)
        return Ending(state.session, self._ticks, halt)

    def _record(self, halt: Halt) -> None:
        """Once a tick could not be written, the record ends before it: the next start reports a crash, and settles
        what the ledger did since then.
        """
        if self._store_failed:
            self._log.error("ending_not_recorded", text="a tick before it could not be written")
            return
        try:
            self._records.end(halt, ended_at=self._wall(), ticks=self._ticks, inventory=self._state.inventory)
        except StoreError as error:
            self._log.error("ending_not_recorded", text=str(error))

    def _left(self) -> str:
        """What a cancel_all could not be seen to remove."""
        if self._state.sweep is None:
            return ""
        alive = self._alive()
        if not alive:
            return "no ledger was seen that shows no own offer"
        names = ", ".join(f"{order.id} ({order.side}, offer {order.sequence})" for order in alive)
        return f"may still be open: {names}"


def _unknown(prepared: Prepared) -> Ack:
    return Ack(prepared.intent.order_id, not isinstance(prepared.intent, Place), UNKNOWN)
