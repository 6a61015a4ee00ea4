"""An engine with chosen plugins, ticked by hand against a paper ledger in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from neo_core import plugins
from neo_core.config import Raw, check
from neo_core.engine import Engine
from neo_core.errors import ObservationFailed
from neo_core.gateways.paper import PaperGateway
from neo_core.gateways.paper_journal import Opening
from neo_core.gateways.paper_ledger import PaperLedger
from neo_core.markets.base import MarketTick, Taker
from neo_core.model import DROPS, Ack, Command, Decision, Input, Observation, Prepared
from neo_core.state import State

__all__ = ["Rehearsal"]


class Rehearsal:
    """Ticks an engine one ledger at a time: `decision` and `state` are what the last tick left.

    `guards` are plugin classes by name; `settings` is a configuration as the YAML file would have it. `send` is
    what takes the engine's transactions to the ledger: a test may put another in its place.
    """

    def __init__(
        self,
        guards: Mapping[str, type[Any]] | None = None,
        settings: Mapping[str, Any] | None = None,
        *,
        max_ticks: int | None = None,
        state: State | None = None,
    ) -> None:
        classes = dict(guards or {})
        schemas = {name: plugins.config_class(name, plugin) for name, plugin in classes.items()}
        self.settings, configs = check(Raw(settings or {}, "rehearsal"), schemas)
        self.plugins = plugins.build(classes, configs, dict.fromkeys(classes, "0"))
        self.engine = Engine(self.settings, self.plugins, max_ticks)
        self.ledger = PaperLedger.open(None, Opening(xrp_drops=10_000 * DROPS, rlusd=Decimal(20_000)))
        self._next = MarketTick(1.999, 2.001)
        self._gateway = PaperGateway(self.ledger, self._market())
        self.send: Callable[[Sequence[Prepared]], tuple[Ack, ...]] = self._gateway.send
        self._acks: tuple[Ack, ...] = ()
        self.state = State(session=1) if state is None else state
        self.decision: Decision | None = None

    def _market(self) -> Iterator[MarketTick]:
        while True:
            yield self._next

    def tick(
        self,
        *,
        mid: float | None = 2.0,
        pool_bps: float | None = 0.0,
        takers: tuple[Taker, ...] = (),
        failure: str = "",
        cannot_trade: str | None = None,
        ledger_age: float = 0.0,
        stop: str | None = None,
        kill: str | None = None,
        exhausted: bool = False,
        commands: tuple[Command, ...] = (),
        shown: Callable[[Observation], Observation] | None = None,
    ) -> Decision:
        """One ledger closes and one tick judges it. Without a `mid` the book is one-sided.

        `shown` changes what the engine gets to see of that ledger.
        """
        self._next = MarketTick(
            bid=1.0 if mid is None else mid * 0.9995,
            ask=None if mid is None else mid * 1.0005,
            amm_price=None if mid is None or pool_bps is None else mid * (1 + pool_bps / 10_000),
            takers=takers,
            failure=failure,
            cannot_trade=cannot_trade,
            ledger_age_seconds=ledger_age,
        )
        try:
            seen = self._gateway.observe(self.state.since)
            seen = seen if shown is None else shown(seen)
            given = Input(seen.close_time, seen, "", stop, kill, exhausted, self._acks, commands)
        except ObservationFailed as error:
            given = Input(self._gateway.now(), None, str(error), stop, kill, exhausted, self._acks, commands)
        decision, state = self.engine.tick(self.state, given)
        ready = self._gateway.prepare(decision.intents)
        self.decision, self.state = self.engine.prepared(state, decision, ready)
        self._acks = self.send(ready)
        return self.decision

    def ticks(self, count: int, **same: Any) -> list[Decision]:
        """The same tick, several times."""
        return [self.tick(**same) for _ in range(count)]
