"""A session in a few lines for a person: the reason first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

import click

from neo_core.cli.output import plain
from neo_core.halts import HaltReason
from neo_core.turn import counted

__all__ = ["MODE_COLOURS", "counted", "exit_line", "field", "holding", "signed", "summary"]

MODE_COLOURS = {"OK": "green", "DEGRADED": "yellow", "HALT": "red"}
WIDTH = 12


def field(name: str, text: str) -> str:
    return f"  {name:<{WIDTH}}{text}"


def exit_line(reason: str | None, source: str | None, detail: str | None) -> str:
    """The reason, what it means, who gave it and what was measured."""
    if reason is None:
        return "no end is on record: the session is running, or its process is gone"
    known = next((token for token in HaltReason if token.value == reason), None)
    good = known is not None and known.exit_code == 0
    line = click.style(reason, fg="green" if good else "red", bold=True)
    line += "" if known is None else f": {known.meaning}"
    said = plain(detail or "")
    return line + (f" ({source}: {said})" if source and said else f" ({said or source})" if said or source else "")


def summary(report: Mapping[str, Any], profit: float | None = None) -> Iterator[str]:
    yield exit_line(report["halt_reason"], report["halt_source"], report["halt_detail"])
    scenario = f", scenario {report['scenario']}, seed {report['seed']}" if report.get("scenario") else ""
    yield field("session", f"{report['id']} of engine {report['engine']}, {report['mode']}{scenario}")
    yield field(
        "time", f"{report['started_at']} to {report['ended_at'] or '(no end yet)'}, {report['ticks']} ticks"
    )
    yield from _episodes(report["episodes"])
    yield field("fills", _fills(report["fills"]))
    yield field("wallet", _checks(report["truth_checks"]))
    yield field("inventory", f"{holding(report['inventory_start'])} -> {holding(report['inventory_end'])}")
    if profit is not None:
        yield field("profit", f"{profit:+z,.2f} RLUSD against having held, fees included, at the last mid")
    loaded = ", ".join(f"{plugin['name']} {plugin['version']}" for plugin in report["plugins"])
    yield field("plugins", loaded or "none")


def holding(inventory: Mapping[str, str] | None) -> str:
    if inventory is None:
        return "not known"
    return f"{Decimal(inventory['xrp']):,.2f} XRP + {Decimal(inventory['rlusd']):,.2f} RLUSD"


def signed(amount: Decimal) -> str:
    """Every digit that counts."""
    return f"{amount.normalize():+,f}"


def _episodes(episodes: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if not episodes:
        yield field("episodes", "none")
    for number, episode in enumerate(episodes):
        ended = episode["ended_tick"]
        ticks = (
            f"ticks {episode['entered_tick']} to {ended}" if ended else f"from tick {episode['entered_tick']} on"
        )
        yield field("" if number else "episodes", f"{episode['source']}, {ticks}: {plain(episode['reason'])}")


def _checks(checks: Mapping[str, int]) -> str:
    """Wallet truth: how often books and wallet were compared, and with what result."""
    if not checks["count"]:
        return "never compared with the books"
    found = f"{checks['beyond']} of them beyond tolerance" if checks["beyond"] else "none beyond tolerance"
    failed = f", {checks['not_made']} not possible" if checks["not_made"] else ""
    return f"{counted(checks['count'], 'comparison')} with the books, {found}{failed}"


def _fills(fills: Sequence[Mapping[str, Any]]) -> str:
    if not fills:
        return "none"
    xrp = {"buy": Decimal(0), "sell": Decimal(0)}
    for fill in fills:
        xrp[fill["side"]] += Decimal(fill["xrp"])
    volume = sum((Decimal(fill["rlusd"]) for fill in fills), Decimal(0))
    guessed = sum(1 for fill in fills if not fill["proven"])
    told = f", {guessed} of them without proof" if guessed else ""
    sums = f"bought {xrp['buy']:,.2f} XRP, sold {xrp['sell']:,.2f} XRP, {volume:,.2f} RLUSD in all"
    return f"{len(fills)}: {sums}{told}"
