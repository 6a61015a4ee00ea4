"""How `neo run` begins: what is traded on, with what, and what holds it back."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import click

from neo_core.cli.output import plain
from neo_core.cli.summary import field, holding
from neo_core.config import RiskConfig, Settings, named_network, shown_node
from neo_core.doctor import Report
from neo_core.model import DROPS
from neo_core.wiring import Run

__all__ = ["heading"]

WIDEST = 100
LIMITS = {
    "max_xrp_exposure": "{:g} XRP",
    "max_rlusd_exposure": "{:g} RLUSD",
    "max_session_loss_rlusd": "a loss of {:g} RLUSD",
    "max_drawdown_rlusd": "{:g} RLUSD below the best moment",
    "max_failed_observations": "{:g} failed observations in a row",
    "max_ledger_age_seconds": "a ledger {:g} s old",
}


def heading(run: Run, report: Report | None) -> Iterator[str]:
    settings, state, keeper = run.settings, run.opened.state, run.opened.keeper
    resumed = f", resumed after tick {state.tick}" if state.tick else ""
    yield click.style(f"session {keeper.session} of engine {keeper.engine}{resumed}", bold=True)
    if run.scenario is not None:
        yield field("market", f"paper: {run.scenario.name}, seed {settings.paper.seed}, {_long(run)}")
        room = min(shutil.get_terminal_size().columns, WIDEST)
        yield click.wrap_text(run.scenario.story, room, field("", ""), field("", ""))
    else:
        yield from _live(run, report)
    yield field("plugins", ", ".join(f"{name} {version}" for name, version in run.plugins) or "none")
    yield field("database", settings.engine.database)
    yield field("log", settings.log.file or "none")
    for crashed in run.opened.crashed:
        yield field("note", f"session {crashed} did not end by itself; it is on record as unexpected_halt")
    for note in run.opened.notes:
        yield field("note", plain(note))
    yield ""


def _live(run: Run, report: Report | None) -> Iterator[str]:
    settings, live = run.settings, run.settings.live
    first = shown_node(live.nodes[0])
    node = first if report is None or report.node is None else report.node
    others = f", and {len(live.nodes) - 1} more if it fails" if len(live.nodes) > 1 else ""
    real = click.style(", real money", fg="red", bold=True) if live.real_money else ""
    yield field("ledger", f"live: {named_network(live.network_id)}{real}, {_long(run)}")
    yield field("node", f"{node}{others}")
    yield field("account", run.opened.keeper.account)
    if report is not None and report.wallet is not None:
        wallet = report.wallet
        yield field("wallet", holding({"xrp": f"{wallet.drops / DROPS:f}", "rlusd": f"{wallet.rlusd:f}"}))
    yield field("quotes", _quotes(settings))
    yield field("halts at", ", ".join(_limits(settings.risk)) or "no limit of risk is set")
    ttl = settings.quoting.order_ttl_seconds
    yield field("if it dies", f"its offers expire by themselves, {ttl:g} s after they were placed at the latest")


def _quotes(settings: Settings) -> str:
    quoting, live = settings.quoting, settings.live
    return (
        f"{quoting.order_size_xrp:g} XRP against {live.currency}, {quoting.bid_offset_bps:g} bps below and "
        f"{quoting.ask_offset_bps:g} bps above the anchor"
    )


def _limits(risk: RiskConfig) -> Iterator[str]:
    for name, words in LIMITS.items():
        limit = getattr(risk, name)
        if limit is not None:
            yield words.format(limit)


def _long(run: Run) -> str:
    seconds = run.settings.session.duration_seconds
    limits = [] if run.ticks is None else [f"{run.ticks} ticks"]
    limits += [] if seconds is None else [f"{seconds:g} s of the ledger's time"]
    told = " or ".join(limits) or "until it is stopped"
    if run.scenario is None:
        return told
    speed = run.settings.paper.speed
    pace = {0.0: "as fast as it can", 1.0: "in real time"}.get(speed, f"at {speed:g} times real time")
    return f"{told} {pace}"
