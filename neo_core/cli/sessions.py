"""`neo sessions`: what was, for people (`show`) and for programs (`decisions`)."""

from __future__ import annotations

from pathlib import Path

import click

from neo_core.cli.options import books, json_option, json_text, pass_down, store_options
from neo_core.cli.summary import summary

__all__ = ["sessions"]

ID = click.IntRange(min=1)


@click.group(invoke_without_command=True)
@store_options
@json_option
@click.pass_context
def sessions(
    ctx: click.Context, config_path: Path | None, database: str | None, engine: str | None, as_json: bool
) -> None:
    """List the sessions of an engine, or look into one.

    \b
    Examples:
      neo sessions
      neo sessions show
      neo sessions decisions 3 > decisions.jsonl
    """
    if ctx.invoked_subcommand is not None:
        pass_down(ctx)
        return
    with books(config_path, database, engine) as (store, name):
        every = store.sessions(name)
    if as_json:
        click.echo(json_text(every))
        return
    if not every:
        click.echo(f"engine {name!r} has no session in this database; run `neo run` first, or name another engine")
    for row in every:
        market = row["scenario"] or row["mode"]
        reason = row["halt_reason"] or "(no end yet)"
        click.echo(f"{row['id']:>5}  {row['started_at']}  {market:<18}  {row['ticks']:>7} ticks  {reason}")


@sessions.command()
@click.argument("number", metavar="[ID]", type=ID, required=False)
@store_options
@json_option
def show(
    number: int | None, config_path: Path | None, database: str | None, engine: str | None, as_json: bool
) -> None:
    """Show one session: why it ended, its episodes, its fills.

    It is the last session, unless an ID is given. With --json it holds every fill, every measure, and the whole
    configuration.

    \b
    Examples:
      neo sessions show
      neo sessions show 3 --json
    """
    with books(config_path, database, engine) as (store, name):
        report = store.session(name, number)
    if as_json:
        click.echo(json_text(report))
        return
    for line in summary(report):
        click.echo(line)


@sessions.command()
@click.argument("number", metavar="[ID]", type=ID, required=False)
@store_options
def decisions(number: int | None, config_path: Path | None, database: str | None, engine: str | None) -> None:
    """Print the decision log: JSON, a line a tick.

    It is that of the last session, unless an ID is given. The same inputs, configuration and plugins give the same
    bytes.

    \b
    Examples:
      neo sessions decisions > last.jsonl
      neo sessions decisions 3 --database sqlite:///books/blue.db
    """
    with books(config_path, database, engine) as (store, name):
        for line in store.decisions(name, number):
            # As bytes: no console's encoding and no newline of a platform may change the log.
            click.echo(line.encode())
