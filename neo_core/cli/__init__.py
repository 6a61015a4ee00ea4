"""The command `neo`. A command's module is imported when it is called, so that `neo --help` stays quick."""

from __future__ import annotations

import io
import os
import sys

import click

from neo_core.cli.group import LazyGroup

__all__ = ["COMMANDS", "cli", "main"]

COMMANDS = {
    "run": ("neo_core.cli.run", "Run a session until it ends, and say why it ended."),
    "doctor": ("neo_core.cli.doctor", "Look whether a session could start, and say what to do if not."),
    "status": ("neo_core.cli.status", "Show how an engine stands: mode, causes, halt, inventory."),
    "sessions": ("neo_core.cli.sessions", "List the sessions of an engine, or look into one."),
    "orders": ("neo_core.cli.orders", "List orders, look into one, or settle one that is held."),
    "cancel-all": ("neo_core.cli.cancel_all", "Cancel every own offer, whether the engine runs or not."),
    "stop": ("neo_core.cli.requests", "Ask the running session to end in order."),
    "kill": ("neo_core.cli.requests", "Set the kill switch, or clear it."),
    "realign": ("neo_core.cli.realign", "Take the wallet for right, where the books say something else."),
    "ledger": ("neo_core.cli.ledger", "Read what validated transactions did to offers."),
    "plugins": ("neo_core.cli.plugins", "List the plugins in their order, or the keys of one."),
    "scenarios": ("neo_core.cli.scenarios", "List the markets that a paper session can play."),
}


@click.group(
    cls=LazyGroup,
    commands_at=COMMANDS,
    brought_by="neo.commands",
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="`neo COMMAND --help` has examples. Exit codes: 0 an end that was asked for, 1 unexpected, 2 a fault "
    "in the command line or the configuration, 3 a limit was reached, 4 books that cannot be trusted.",
)
@click.version_option(package_name="neo-core", prog_name="neo", message="%(prog)s %(version)s")
@click.pass_context
def cli(ctx: click.Context) -> None:
    """NEO makes a market in XRP/RLUSD, stops quoting when it can no longer trust what it sees, and says why.

    \b
      neo run --scenario cycling --speed 60    watch forty minutes of trouble in forty seconds
      neo sessions show                        read what happened in it
    """
    if os.environ.get("NO_COLOR"):
        ctx.color = False


def main() -> None:
    for stream in (sys.stdout, sys.stderr):
        # A console that lacks a character shows another in its place. A session must not end over it.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    cli(prog_name="neo")
