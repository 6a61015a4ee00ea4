"""Whole sessions for the tests: on things that fail, and as the command line opens them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from neo_core.config import Raw, check
from neo_core.engine import Engine
from neo_core.errors import StoreError
from neo_core.gateways.paper import PaperGateway
from neo_core.gateways.paper_journal import Opening
from neo_core.gateways.paper_ledger import PaperLedger
from neo_core.halts import Halt
from neo_core.markets import MarketTick
from neo_core.model import DROPS, Ack, Cancel, Decision, Inventory, Observation, Prepared
from neo_core.operators import Operator
from neo_core.plugins import build, config_class
from neo_core.session import Ending, Records, Session
from neo_core.state import State
from neo_core.wiring import Asked, Run, open_run

QUIET = MarketTick(1.999, 2.001, 2.0)
AWAY = replace(QUIET, failure="the node is away")


class Relay(PaperGateway):
    """A paper gateway whose sending and showing a test may change. `sent` is all that was sent."""

    def __init__(self, market: Iterator[MarketTick]) -> None:
        ledger = PaperLedger.open(None, Opening(xrp_drops=10_000 * DROPS, rlusd=Decimal(20_000)))
        super().__init__(ledger, market)
        self.sent: list[Prepared] = []
        self.sending: Callable[[Sequence[Prepared]], tuple[Ack, ...]] = super().send
        self.showing: Callable[[Observation], Observation] = lambda seen: seen

    def observe(self, since: int | None) -> Observation:
        return self.showing(super().observe(since))

    def send(self, prepared: Sequence[Prepared]) -> tuple[Ack, ...]:
        self.sent += prepared
        return self.sending(prepared)

    @property
    def cancels(self) -> list[str]:
        return [one.intent.order_id for one in self.sent if isinstance(one.intent, Cancel)]


class Ledgers(Iterator[MarketTick]):
    """A quiet market; `told` are the ledgers that are not quiet, by their number from 1."""

    def __init__(self, told: Mapping[int, MarketTick] | None = None, end: int | None = None) -> None:
        self._told = told or {}
        self._end = end
        self._number = 0

    def __next__(self) -> MarketTick:
        self._number += 1
        if self._end is not None and self._number > self._end:
            raise StopIteration
        return self._told.get(self._number, QUIET)


class Books:
    """Records in memory, which fail when they are told to."""

    def __init__(self, fails: Callable[[Decision], bool] | None = None, *, end_fails: bool = False) -> None:
        self.decisions: list[Decision] = []
        self.lines: list[bytes] = []
        self.ended: list[Halt] = []
        self._fails = fails
        self._end_fails = end_fails

    def beat(self) -> None:
        pass

    def commit(self, decision: Decision, line: bytes, state: State) -> None:
        if self._fails is not None and self._fails(decision):
            raise StoreError("the disk is full")
        self.decisions.append(decision)
        self.lines.append(line)

    def end(self, halt: Halt, *, ended_at: float, ticks: int, inventory: Inventory | None) -> Halt:
        if self._end_fails:
            raise StoreError("the disk is full")
        self.ended.append(halt)
        return halt


class Lines:
    """A log that is kept as (level, event, facts)."""

    def __init__(self) -> None:
        self.kept: list[tuple[str, str, dict[str, object]]] = []

    def debug(self, event: str, **facts: object) -> None:
        self.kept.append(("debug", event, facts))

    def info(self, event: str, **facts: object) -> None:
        self.kept.append(("info", event, facts))

    def warning(self, event: str, **facts: object) -> None:
        self.kept.append(("warning", event, facts))

    def error(self, event: str, **facts: object) -> None:
        self.kept.append(("error", event, facts))

    def of(self, event: str) -> list[dict[str, object]]:
        return [facts for _, kept, facts in self.kept if kept == event]


class House:
    """A session with its gateway, records, log and operator: `run` plays it to its end, 100 ticks at most."""

    def __init__(
        self,
        plugins: Mapping[str, type[Any]] | None = None,
        settings: Mapping[str, Any] | None = None,
        *,
        ticks: int = 100,
        market: Iterator[MarketTick] | None = None,
        books: Books | None = None,
        records: Records | None = None,
        state: State | None = None,
        show: Callable[[Decision, State], None] | None = None,
    ) -> None:
        classes = dict(plugins or {})
        schemas = {name: config_class(name, plugin) for name, plugin in classes.items()}
        self.settings, configs = check(Raw(settings or {}, "house"), schemas)
        self.plugins = build(classes, configs, dict.fromkeys(classes, "0"))
        self.gateway = Relay(Ledgers() if market is None else market)
        self.books = Books() if books is None else books
        self.log = Lines()
        self.asked: tuple[str | None, str | None] = (None, None)
        self.operator = Operator(lambda: self.asked, clock=count(0.0, 1.0).__next__)
        self.seen: list[tuple[Decision, State]] = []
        self._show = show
        self.session = Session(
            engine=Engine(self.settings, self.plugins, ticks),
            gateway=self.gateway,
            records=self.books if records is None else records,
            operator=self.operator,
            settings=self.settings,
            state=State(session=1) if state is None else state,
            log=self.log,
            wall=lambda: 0.0,
            watchers=self.plugins.watchers,
            show=self._see,
        )

    def _see(self, decision: Decision, state: State) -> None:
        self.seen.append((decision, state))
        if self._show is not None:
            self._show(decision, state)

    def run(self) -> Ending:
        return self.session.run()


# --- a session as the command line opens it ---


class Killed(BaseException):
    """Ends a process as nothing in it can foresee: no handler for errors may catch it."""


class Desk:
    """Runs sessions one after another on one database."""

    def __init__(self, folder: Path, config: str = "") -> None:
        self.folder = folder
        self._config = folder / "neo.yaml"
        self.configure(config)

    def configure(self, config: str) -> None:
        self._config.write_text(f"log: {{file: null}}\n{config}", encoding="utf-8")

    @property
    def url(self) -> str:
        return f"sqlite:///{(self.folder / 'neo.db').as_posix()}"

    def open(self, show: Callable[[Decision, State], None] | None = None, **asked: Any) -> Run:
        fields = {"speed": 0.0, "database": self.url, **asked}
        return open_run(Asked(config=self._config, **fields), show)

    def play(self, **asked: Any) -> tuple[Ending, dict[str, Any]]:
        run = self.open(**asked)
        try:
            ending = run.run()
            return ending, run.store.session("neo")
        finally:
            run.close()

    def crash(self, tick: int, **asked: Any) -> int:
        """A session that was killed once a tick was committed and sent; answers its number."""

        def show(decision: Decision, state: State) -> None:
            if decision.tick == tick:
                raise Killed

        run = self.open(show, **asked)
        try:
            run.run()
        except Killed:
            return run.opened.state.session
        finally:
            run.close()
        raise AssertionError(f"the session ended before tick {tick}")

    def wallet(self, number: int = 1) -> Path:
        return self.folder / "neo-paper" / f"neo-paper-{number}.jsonl"
