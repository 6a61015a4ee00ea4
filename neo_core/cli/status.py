"""`neo status`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import click

from neo_core.cli.options import books, json_option, json_text, store_options
from neo_core.cli.output import plain
from neo_core.cli.summary import MODE_COLOURS, exit_line, field, holding, signed
from neo_core.rules.truth import NOT_MADE, OK

__all__ = ["status"]


@click.command()
@store_options
@json_option
def status(config_path: Path | None, database: str | None, engine: str | None, as_json: bool) -> None:
    """Show how an engine stands: mode, causes, halt, inventory.

    It is what the engine last wrote into its books. A session may run meanwhile; looking does not disturb it.

    \b
    Examples:
      neo status
      neo status --engine blue --json
    """
    with books(config_path, database, engine) as (store, name):
        facts = store.status(name)
        last = store.sessions(name)[-1]
    facts |= {"trades_on": last["mode"], "account": last["account"]}
    if as_json:
        click.echo(json_text(facts))
        return
    for line in _lines(facts):
        click.echo(line)


def _lines(facts: Mapping[str, Any]) -> Iterator[str]:
    mode = facts["mode"]
    shown = "mode not known" if mode is None else click.style(mode, fg=MODE_COLOURS.get(mode), bold=True)
    dead = "" if facts["ended_at"] or facts["running"] else " when it last wrote, but no process runs it"
    yield f"engine {facts['engine']}: {shown}{dead}"
    yield field("session", f"{facts['session']}, started {facts['started_at']}, {_end(facts)}")
    yield from _where(facts)
    if facts["halt_reason"]:
        yield field("halt", exit_line(facts["halt_reason"], facts["halt_source"], facts["halt_detail"]))
    if facts["degraded_source"]:
        since = f" since {facts['degraded_since']}" if facts["degraded_since"] else ""
        yield field("degraded", f"{facts['degraded_source']}{since}: {plain(facts['degraded_reason'] or '')}")
    yield field("tick", f"{_known(facts['tick'])}, ledger {_known(facts['ledger_index'])}, {_known(facts['now'])}")
    yield field("inventory", holding(facts["inventory"]))
    if facts["truth"] is not None:
        yield field("wallet", _checked(facts["truth"]))
    hint = ": see `neo orders held`" if facts["held_orders"] else ""
    yield field("orders", f"{facts['open_orders']} open, {facts['held_orders']} held for review{hint}")
    sweep = facts["cancel_all"]
    if sweep is not None:
        since = f"since tick {sweep['tick']}, ledger {sweep['ledger_index']}"
        yield field("cancel_all", f"{sweep['cause']} {since}: own offers may still be on the ledger")
    for source, counts in facts["guards"].items():
        cooling = f", {counts['cooldown_ticks_remaining']} ticks of cool-down left"
        left = cooling if counts["cooldown_ticks_remaining"] else ""
        yield field(source, f"episodes: {counts['episodes']}{left}")
    if facts["commands"]:
        yield field("commands", f"{facts['commands']} waiting for the next tick")
    if facts["stop"] is not None:
        yield field("stop", f"asked for: {plain(facts['stop'])}")
    if facts["kill"] is not None:
        yield field("kill", f"{plain(facts['kill'])} (`neo kill --clear` takes it back)")


def _where(facts: Mapping[str, Any]) -> Iterator[str]:
    running = facts["running"]
    if running is not None:
        where = f"process {running['pid']} on {running['host']}"
        yield field("running", f"{where}, last sign of life {running['beaten_at']}")
    if facts["trades_on"] != "paper":
        yield field("trades on", f"{facts['trades_on']}, account {facts['account']}")


def _end(facts: Mapping[str, Any]) -> str:
    if facts["ended_at"]:
        return f"ended {facts['ended_at']}"
    if facts["running"] is None:
        return "not ended: no process gives a sign of life; `neo run --resume` goes on with it"
    return "not ended"


def _checked(check: Mapping[str, Any]) -> str:
    if check["verdict"] == NOT_MADE:
        return f"not compared at {check['at']}: no ledger was seen"
    xrp, rlusd = signed(Decimal(check["xrp_difference"])), signed(Decimal(check["rlusd_difference"]))
    agrees = "agrees with the books" if check["verdict"] == OK else "does not agree with the books"
    return f"{agrees} ({xrp} XRP, {rlusd} RLUSD), checked {check['at']}"


def _known(value: object) -> str:
    return "not known" if value is None else str(value)
