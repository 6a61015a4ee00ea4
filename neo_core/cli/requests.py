"""What an operator asks of an engine from another terminal: `neo stop`, `neo kill`."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

import click

from neo_core.cli.options import books, reason_option, store_options
from neo_core.cli.waiting import who
from neo_core.errors import UsageError
from neo_core.store import Store

__all__ = ["kill", "stop"]


@click.command()
@store_options
def stop(config_path: Path | None, database: str | None, engine: str | None) -> None:
    """Ask the running session to end in order.

    It cancels everything, waits until the ledger shows no own offer, and ends as engine_requested_halt.

    \b
    Examples:
      neo stop
      neo stop --engine blue --database sqlite:///books/blue.db
    """
    with books(config_path, database, engine) as (store, name):
        store.status(name)  # refuses an engine that this database does not know
        holder = store.holder(name)
        if holder is None:
            raise UsageError(
                f"engine {name!r} has no running session, so there is nothing to stop{_died(store, name)}"
            )
        if holder["session"] is None:  # which would not find a request that was left before it began
            raise UsageError(f"engine {name!r} is just starting ({who(holder)}); try again in a moment")
        store.request_stop(name, f"neo stop at {_now()}")
    click.echo(f"session {holder['session']} of engine {name!r} is asked to stop; `neo status` shows when it has")


@click.command()
@reason_option("Why; it goes on record with the halt.")
@click.option("--clear", is_flag=True, help="Take the kill switch back, so that sessions can run again.")
@store_options
def kill(
    reason: str | None, clear: bool, config_path: Path | None, database: str | None, engine: str | None
) -> None:
    """Set the kill switch, or clear it.

    A running session cancels everything and ends as kill_switch_halt. Every later one does so at its first tick,
    until the switch is cleared.

    \b
    Examples:
      neo kill --reason "the feed looks wrong"
      neo kill --clear
    """
    if clear and reason is not None:
        raise UsageError("--clear takes the kill switch back and needs no --reason; leave one of them out")
    if reason == "--clear":
        raise UsageError(
            "--reason: expected a few words, got '--clear'; to take the switch back, leave --reason out"
        )
    with books(config_path, database, engine) as (store, name):
        if clear:
            click.echo(_clear(store, name))
            return
        store.status(name)  # refuses an engine that this database does not know
        text = f"neo kill at {_now()}" + ("" if reason is None else f": {reason}")
        store.request_kill(name, text)
        click.echo(f"the kill switch of engine {name!r} is set: {text}")
        click.echo(_consequence(store, name))


def _clear(store: Store, name: str) -> str:
    _, killed = store.requests(name)
    if killed is None:
        return f"the kill switch of engine {name!r} was not set"
    store.clear_kill(name)
    return f"the kill switch of engine {name!r} is cleared; it was set by: {killed}"


def _consequence(store: Store, name: str) -> str:
    holder = store.holder(name)
    if holder is not None:
        which = "the session that begins" if holder["session"] is None else f"session {holder['session']}"
        return f"{which} halts as soon as it sees it; `neo status` shows when it has"
    return "no session is running; the next one halts at its first tick, until `neo kill --clear`"


def _died(store: Store, name: str) -> str:
    crashed = store.crashed(name)
    return (
        "" if crashed is None else f"; session {crashed} has not ended, but no process gives a sign of life for it"
    )


def _now() -> str:
    return datetime.fromtimestamp(time.time(), UTC).isoformat(timespec="seconds")
