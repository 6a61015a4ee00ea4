"""A session is put together, whatever it trades on: the books are held, then the venue, then the session."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol

from msgspec.structs import replace

from neo_core.config import Settings
from neo_core.engine import Engine
from neo_core.errors import UsageError
from neo_core.gateways.base import Gateway
from neo_core.log import open_log
from neo_core.markets import Scenario, find
from neo_core.model import Decision
from neo_core.operators import Operator
from neo_core.plugins import Plugins
from neo_core.session import Ending, Session
from neo_core.state import State
from neo_core.store import Opened, Plugin, Store
from neo_core.wiring.asked import LIVE, PAPER, Asked, Configured, configure, refuse_unintended
from neo_core.wiring.live import Live, Tell
from neo_core.wiring.paper import Paper, as_begun

__all__ = ["Run", "open_run", "owner_of"]

QUIET_TICKS_A_COMMIT = 1000

Show = Callable[[Decision, State], None]


class Venue(Protocol):
    """What a session trades on. Opened before a session begins on it, and shut when it could not."""

    account: str
    scenario: Scenario | None
    played: Mapping[str, Any]

    def gateway(self, opened: Opened, operator: Operator, tell: Tell) -> Gateway: ...

    def shut(self) -> None: ...


class Run:
    """A session that is ready to run, with what has to be closed after it."""

    def __init__(
        self,
        session: Session,
        operator: Operator,
        opened: Opened,
        settings: Settings,
        plugins: Plugins,
        scenario: Scenario | None,
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


def open_run(asked: Asked, show: Show | None = None, say: Callable[[str], None] = lambda _: None) -> Run:
    """`show` is told of every tick, `say` what happens between the ticks, in sentences."""
    configured = configure(asked)
    settings = configured.settings
    live = settings.engine.mode == LIVE
    if not live:
        find(settings.paper.scenario)  # refused before anything is made for it
    else:
        refuse_unintended(asked, settings)
    fast = not live and settings.paper.speed == 0
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
            asked = _as_begun(asked, store.session(engine_name, crashed), settings)
            configured = configure(asked)
            settings = configured.settings
        elif asked.resume == "crashed":
            raise UsageError(
                f"engine {engine_name!r} has no session that crashed, so there is nothing to resume; "
                "start a fresh one without --resume, or use --resume=auto"
            )
        venue = _venue(asked, settings, store, crashed)
        opening.callback(venue.shut)
        opened = _open_session(store, asked, configured, crashed, venue)
        kill_file = None if settings.kill_switch.file is None else Path(settings.kill_switch.file)
        operator = Operator(
            lambda: store.requests(engine_name), kill_file, commands=lambda: store.commands(engine_name)
        )
        if asked.cancel_only is not None:
            store.ask(engine_name, "cancel_all", reason=asked.cancel_only, asked_at=time.time())
            operator.stop(asked.cancel_only)

        def tell(kind: str, text: str) -> None:
            log.warning(kind, text=text)
            say(text)

        gateway = venue.gateway(opened, operator, tell)
        for note in opened.notes:
            log.warning("note", text=note)
        for number in opened.crashed:
            log.warning("session_crashed", text=f"session {number} did not end by itself: unexpected_halt")
        closing = opening.pop_all()
    ticks = _most_ticks(asked, settings, venue.scenario)
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
    return Run(session, operator, opened, settings, configured.plugins, venue.scenario, ticks, store, closing)


def _venue(asked: Asked, settings: Settings, store: Store, crashed: int | None) -> Venue:
    engine, alone = settings.engine.name, asked.cancel_only is not None
    owner = owner_of(store, engine)
    if settings.engine.mode == PAPER:
        if owner is not None:
            raise _other_books(
                engine, owner, "a paper wallet (is the --config missing that the engine trades with?)"
            )
        return Paper(settings, store, crashed, keep=alone)
    if asked.resume is not None and crashed is not None:
        owner = str(store.session(engine, crashed)["account"])
    venue = Live(settings, store, alone=alone)
    if owner not in (None, venue.account):
        raise _other_books(engine, str(owner), venue.account)
    other = store.engine_on(venue.account, besides=engine)
    if other is not None:
        raise UsageError(
            f"engine {other!r} is running on account {venue.account}, and an account is traded by one engine at a "
            f"time; stop that one first: `neo stop --engine {other}`"
        )
    return venue


def owner_of(store: Store, engine: str) -> str | None:
    """The account of the ledger that the books are about; None while they are empty, or about a paper wallet."""
    sessions = store.sessions(engine)
    if not sessions or sessions[-1]["mode"] != LIVE:
        return None
    left = store.status(engine)
    about = left["inventory"] is not None or left["open_orders"] or left["held_orders"]
    return str(sessions[-1]["account"]) if about else None


def _other_books(engine: str, owner: str, other: str) -> UsageError:
    return UsageError(
        f"the books of engine {engine!r} are about account {owner}, and this would trade on {other}: books belong "
        "to one account; name another --engine (or --database) for the other"
    )


def _as_begun(asked: Asked, row: Mapping[str, Any], settings: Settings) -> Asked:
    if row["mode"] != settings.engine.mode:
        raise UsageError(
            f"session {row['id']} was begun in mode {row['mode']} and can only be resumed in it, "
            f"got {settings.engine.mode}; use --mode {row['mode']}"
        )
    return as_begun(asked, row) if row["mode"] == PAPER else asked


def _open_session(store: Store, asked: Asked, configured: Configured, crashed: int | None, venue: Venue) -> Opened:
    settings = configured.settings
    engine = settings.engine.name
    loaded = [Plugin(name, version) for name, version in configured.plugins.versions]
    sources = [guard.source for guard in configured.plugins.guards]
    if asked.resume is not None and crashed is not None:
        return store.reopen(engine, crashed, plugins=loaded, sources=sources)
    return store.begin(
        engine,
        mode=settings.engine.mode,
        account=venue.account,
        started_at=time.time(),
        plugins=loaded,
        config=settings.model_dump(mode="json"),
        sources=sources,
        **venue.played,
    )


def _most_ticks(asked: Asked, settings: Settings, scenario: Scenario | None) -> int | None:
    """A scenario is played to its end, unless somebody says for how long."""
    if asked.ticks is not None or settings.session.duration_seconds is not None or scenario is None:
        return asked.ticks
    return scenario.ticks
