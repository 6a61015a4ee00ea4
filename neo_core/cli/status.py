"""`neo status`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from neo_core.cli.options import books, json_option, json_text, store_options
from neo_core.cli.output import plain
from neo_core.cli.summary import MODE_COLOURS, exit_line, field, holding

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
    if as_json:
        click.echo(json_text(facts))
        return
    for line in _lines(facts):
        click.echo(line)


def _lines(facts: Mapping[str, Any]) -> Iterator[str]:
    mode = facts["mode"]
    shown = "mode not known" if mode is None else click.style(mode, fg=MODE_COLOURS.get(mode), bold=True)
    ended = f"ended {facts['ended_at']}" if facts["ended_at"] else "not ended: it is running, or its process died"
    yield f"engine {facts['engine']}: {shown}"
    yield field("session", f"{facts['session']}, started {facts['started_at']}, {ended}")
    if facts["halt_reason"]:
        yield field("halt", exit_line(facts["halt_reason"], facts["halt_source"], facts["halt_detail"]))
    if facts["degraded_source"]:
        since = f" since {facts['degraded_since']}" if facts["degraded_since"] else ""
        yield field("degraded", f"{facts['degraded_source']}{since}: {plain(facts['degraded_reason'] or '')}")
    yield field("tick", f"{_known(facts['tick'])}, ledger {_known(facts['ledger_index'])}, {_known(facts['now'])}")
    yield field("inventory", holding(facts["inventory"]))
    yield field("orders", f"{facts['open_orders']} open, {facts['held_orders']} held for review")
    for source, counts in facts["guards"].items():
        cooling = f", {counts['cooldown_ticks_remaining']} ticks of cool-down left"
        left = cooling if counts["cooldown_ticks_remaining"] else ""
        yield field(source, f"episodes: {counts['episodes']}{left}")
    if facts["stop"] is not None:
        yield field("stop", f"asked for: {plain(facts['stop'])}")
    if facts["kill"] is not None:
        yield field("kill", f"{plain(facts['kill'])} (`neo kill --clear` takes it back)")


def _known(value: object) -> str:
    return "not known" if value is None else str(value)
