"""Puts a session together: the only place that knows the concrete gateway, market and store."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from neo_core import config, plugins
from neo_core.config import PluginConfig, Raw, Settings
from neo_core.engine import Engine
from neo_core.errors import LeaseLost, StoreError, UsageError
from neo_core.gateways import paper_wallet
from neo_core.gateways.paper import PaperGateway
from neo_core.gateways.paper_journal import Opening
from neo_core.gateways.paper_ledger import PaperLedger
from neo_core.gateways.paper_wallet import LEDGER_SECONDS
from neo_core.halts import HaltReason
from neo_core.log import open_log
from neo_core.markets import Scenario, find, names, skip
from neo_core.model import DROPS, Decision, Inventory, Offer
from neo_core.operators import Operator
from neo_core.plugins import Found, Plugins
from neo_core.session import Ending, Session
from neo_core.state import State
from neo_core.store import Opened, Plugin, Store

__all__ = ["Asked", "Run", "Wallet", "configure", "open_run", "wallet_of"]

QUIET_TICKS_A_COMMIT = 1000
DISTRUST = frozenset(one.value for one in HaltReason if one.exit_code == HaltReason.STARTUP_INTEGRITY.exit_code)

Show = Callable[[Decision, State], None]


class Asked(msgspec.Struct, frozen=True):
    """What the command line asks for. None: whatever the configuration says."""

    config: Path | None = None
    plugins: tuple[str, ...] | None = None
    without: tuple[str, ...] = ()
    scenario: str | None = None
    duration_seconds: float | None = None
    ticks: int | None = None
    speed: float | None = None
    seed: int | None = None
    resume: str | None = None
    database: str | None = None
    engine: str | None = None
    cancel_only: str | None = None
    """Why everything is to be cancelled by a session that does nothing else."""

    def overrides(self) -> dict[str, Any]:
        """The same, as the sections of the configuration that it replaces."""
        told = {
            "engine": {"name": self.engine, "database": self.database},
            "session": {"duration_seconds": self.duration_seconds},
            "paper": {"scenario": self.scenario, "speed": self.speed, "seed": self.seed},
            "startup": {"leftover_offers": None if self.cancel_only is None else "cancel"},
        }
        return _said(told)


def _said(tree: Mapping[str, Any]) -> dict[str, Any]:
    below = {key: _said(value) if isinstance(value, Mapping) else value for key, value in tree.items()}
    return {key: value for key, value in below.items() if value is not None and value != {}}


class Configured(msgspec.Struct, frozen=True):
    settings: Settings
    found: Mapping[str, Found]
    configs: Mapping[str, PluginConfig]
    plugins: Plugins


def configure(asked: Asked) -> Configured:
    """Settings and plugins, checked together: nothing is opened or written before both are right."""
    raw = config.read(asked.config)
    sections = raw.tree.get("plugins")
    found = plugins.discover()
    names = plugins.select(found, sections if isinstance(sections, Mapping) else {}, asked.plugins, asked.without)
    classes = {name: plugins.import_class(found[name]) for name in names}
    schemas = {name: plugins.config_class(name, plugin) for name, plugin in classes.items()}
    settings, configs = config.check(raw, schemas, asked.overrides(), _of_the_story(raw, asked))
    versions = {name: found[name].version for name in names}
    return Configured(settings, found, configs, plugins.build(classes, configs, versions))


def _of_the_story(raw: Raw, asked: Asked) -> Mapping[str, Any]:
    """A scenario may come with settings of its own, which the file and the command line overrule."""
    paper = raw.tree.get("paper")
    named = asked.scenario or (paper.get("scenario") if isinstance(paper, Mapping) else None)
    return find(named).settings if isinstance(named, str) and named in names() else {}


class Run:
    """A session that is ready to run, with what has to be closed after it."""

    def __init__(
        self,
        session: Session,
        operator: Operator,
        opened: Opened,
        settings: Settings,
        plugins: Plugins,
        scenario: Scenario,
        ticks: int | None,
        store: Store,
        closing: ExitStack,
    ) -> None:
        self.operator = operator
        self.opened = opened
        self.settings = settings
        self.plugins = plugins.versions
        self.scenario = scenario
        self.ticks = ticks
        self.store = store
        self._session = session
        self._closing = closing

    def run(self) -> Ending:
        return self._session.run()

    def close(self) -> None:
        self._closing.close()


def open_run(asked: Asked, show: Show | None = None) -> Run:
    configured = configure(asked)
    settings = configured.settings
    find(settings.paper.scenario)  # refused before anything is made for it
    fast = settings.paper.speed == 0
    with ExitStack() as opening:
        log, log_file = open_log(
            None if settings.log.file is None else Path(settings.log.file), settings.log.level
        )
        if log_file is not None:
            opening.callback(log_file.close)
        store = Store.open(settings.engine.database, durable=not fast, batch=QUIET_TICKS_A_COMMIT if fast else 1)
        opening.callback(store.close)
        store.hold(settings.engine.name, settings.engine.lease_seconds)
        engine_name = settings.engine.name
        crashed = store.crashed(engine_name)
        if asked.resume is not None and crashed is not None:
            asked = _as_begun(asked, store.session(engine_name, crashed))
            configured = configure(asked)
            settings = configured.settings
        elif asked.resume == "crashed":
            raise UsageError(
                f"engine {engine_name!r} has no session that crashed, so there is nothing to resume; "
                "start a fresh one without --resume, or use --resume=auto"
            )
        scenario = find(settings.paper.scenario)
        account = _account(store, settings, crashed, keep=asked.cancel_only is not None)
        ledger = _ledger(store, settings, account)
        opening.callback(ledger.shut)
        opened = _open_session(store, asked, configured, crashed, account)
        kill_file = None if settings.kill_switch.file is None else Path(settings.kill_switch.file)
        operator = Operator(
            lambda: store.requests(engine_name), kill_file, commands=lambda: store.commands(engine_name)
        )
        if asked.cancel_only is not None:
            store.ask(engine_name, "cancel_all", reason=asked.cancel_only, asked_at=time.time())
            operator.stop(asked.cancel_only)
        gateway = _paper(settings, opened, store, scenario, operator, ledger)
        for note in opened.notes:
            log.warning("note", text=note)
        for number in opened.crashed:
            log.warning("session_crashed", text=f"session {number} did not end by itself: unexpected_halt")
        closing = opening.pop_all()
    ticks = _most_ticks(asked, settings, scenario)
    session = Session(
        engine=Engine(settings, configured.plugins, ticks),
        gateway=gateway,
        records=store,
        operator=operator,
        settings=settings,
        state=replace(opened.state, now=None, close_time=None, fresh=opened.state.close_time is None),
        log=log,
        wall=time.time,
        watchers=configured.plugins.watchers,
        show=show,
    )
    return Run(session, operator, opened, settings, configured.plugins, scenario, ticks, store, closing)


def _open_session(store: Store, asked: Asked, configured: Configured, crashed: int | None, account: str) -> Opened:
    settings = configured.settings
    engine = settings.engine.name
    loaded = [Plugin(name, version) for name, version in configured.plugins.versions]
    sources = [guard.source for guard in configured.plugins.guards]
    if asked.resume is not None and crashed is not None:
        return store.reopen(engine, crashed, plugins=loaded, sources=sources)
    return store.begin(
        engine,
        mode=settings.engine.mode,
        account=account,
        started_at=time.time(),
        plugins=loaded,
        config=settings.model_dump(mode="json"),
        sources=sources,
        scenario=settings.paper.scenario,
        seed=settings.paper.seed,
    )


def _as_begun(asked: Asked, row: Mapping[str, Any]) -> Asked:
    """A session that is resumed plays on in the market in which it began, whatever the file says by now."""
    for name, given in (("scenario", asked.scenario), ("seed", asked.seed)):
        if given is not None and given != row[name]:
            raise UsageError(
                f"session {row['id']} was begun with {name} {row[name]!r} and can only be resumed with it, "
                f"got {given!r}; leave --{name} out"
            )
    return replace(asked, scenario=row["scenario"], seed=row["seed"])


def _account(store: Store, settings: Settings, crashed: int | None, *, keep: bool) -> str:
    """A new paper wallet after every orderly end, unless it is to be kept.

    After a crash, or an end that left something to be cleared up, it is always the same one.
    """
    engine = settings.engine.name
    accounts = [row["account"] for row in store.sessions(engine)]
    if accounts and (keep or settings.paper.wallet == "keep" or crashed is not None or _unsettled(store, engine)):
        return str(accounts[-1])
    number = len(set(accounts)) + 1
    while _wallet(settings, f"{engine}-paper-{number}").exists():
        number += 1  # left behind by a database that was removed
    return f"{engine}-paper-{number}"


def _unsettled(store: Store, engine: str) -> bool:
    """Orders open or held, or books that could not be trusted: no other wallet makes these go away."""
    left = store.status(engine)
    return bool(left["open_orders"] or left["held_orders"] or left["halt_reason"] in DISTRUST)


def _ledger(store: Store, settings: Settings, account: str) -> PaperLedger:
    """The account's wallet, a new one if nobody has traded on it. Before a session begins: none begins without."""
    paper, wallet = settings.paper, _wallet(settings, account)
    traded = any(row["account"] == account and row["ticks"] for row in store.sessions(settings.engine.name))
    if traded and not (wallet.exists() and wallet.stat().st_size):
        raise StoreError(
            f"{wallet}: expected the paper wallet that the last session traded on, but it is gone or empty; "
            "put it back, or start anew with another --database or --engine"
        )
    opening = Opening(
        xrp_drops=round(paper.xrp * DROPS),
        rlusd=Decimal(repr(paper.rlusd)),
        account=account,
        seed=paper.seed,
        fee_drops=paper.fee_drops,
        reserve_base_drops=round(paper.reserve_base_xrp * DROPS),
        reserve_step_drops=round(paper.reserve_step_xrp * DROPS),
    )
    return PaperLedger.open(wallet, opening)


def _paper(
    settings: Settings,
    opened: Opened,
    store: Store,
    scenario: Scenario,
    operator: Operator,
    ledger: PaperLedger,
) -> PaperGateway:
    paper = settings.paper
    market = skip(scenario.market(paper.seed), _ledgers_gone(ledger, opened.state, store))
    proves_fills = paper.fill_visibility == "events"
    if paper.speed == 0:
        return PaperGateway(ledger, market, proves_fills=proves_fills)
    seconds = LEDGER_SECONDS / paper.speed

    def alive() -> None:
        try:
            store.beat()
        except LeaseLost:
            raise
        except StoreError:
            return  # the session gives its own sign of life, and ends if it cannot: the ledger goes on meanwhile

    return PaperGateway(ledger, market, lambda: operator.wait(seconds, alive), proves_fills=proves_fills)


def _ledgers_gone(ledger: PaperLedger, state: State, store: Store) -> int:
    """How much of the scenario a session has behind it: one market tick for each ledger since its first.

    The last ledger is the later of what the wallet's file tells and what the session saw: either may be ahead.
    """
    began_at = store.first_tick_at(state.session)
    if began_at is None:
        return 0
    return max(ledger.index, state.ledger_index or 0) - ledger.index_at(began_at) + 1


def _wallet(settings: Settings, account: str) -> Path:
    return _wallet_file(settings.engine.database, account)


def _wallet_file(database_url: str, account: str) -> Path:
    """The paper ledgers lie beside the database, one file a wallet: no part of the engine's own records."""
    database = Path(database_url.removeprefix("sqlite:///"))
    return database.with_name(f"{database.stem}-paper") / f"{account}.jsonl"


class Wallet(msgspec.Struct, frozen=True):
    """What the ledger says of an account, without a session: `busy_ledgers` are those that did something to it."""

    ledger_index: int
    holds: Inventory
    offers: tuple[Offer, ...]
    busy_ledgers: tuple[int, ...]


def wallet_of(database_url: str, account: str) -> Wallet:
    wallet = paper_wallet.read(_wallet_file(database_url, account))
    busy = tuple([entry.ledger_index for entry in wallet.entries])
    return Wallet(wallet.index, Inventory(wallet.xrp_drops, wallet.rlusd), wallet.offers, busy)


def _most_ticks(asked: Asked, settings: Settings, scenario: Scenario) -> int | None:
    """A scenario is played to its end, unless somebody says for how long."""
    if asked.ticks is not None or settings.session.duration_seconds is not None:
        return asked.ticks
    return scenario.ticks
