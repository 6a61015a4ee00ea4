"""`neo scenarios`."""

from __future__ import annotations

import click

from neo_core.cli.options import json_option, json_text
from neo_core.markets import find, names

__all__ = ["scenarios"]


@click.command()
@json_option
def scenarios(as_json: bool) -> None:
    """List the markets that a paper session can play.

    Each is a story with an end that it always comes to. The same seed plays the same prices again.

    \b
    Examples:
      neo scenarios
      neo run --scenario hostile --speed 60
    """
    every = [find(name) for name in names()]
    if as_json:
        facts = ("name", "story", "ends", "ticks")
        click.echo(json_text([{fact: getattr(scenario, fact) for fact in facts} for scenario in every]))
        return
    for number, scenario in enumerate(every):
        click.echo(("\n" if number else "") + click.style(scenario.name, bold=True))
        click.echo(click.wrap_text(scenario.story, 100, "  ", "  "))
        click.echo(f"  ends: {scenario.ends}; {scenario.ticks} ticks")
