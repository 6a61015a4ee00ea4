"""`neo orders`: those that are on record, the life of one, and those that are held for review."""

from __future__ import annotations

import time
from pathlib import Path

import click

from neo_core import amend
from neo_core.cli.group import refuse
from neo_core.cli.life import held_lines, life_lines, list_lines, step_lines
from neo_core.cli.options import (
    books,
    json_option,
    json_text,
    pass_down,
    reason_option,
    store_options,
    wait_option,
)
from neo_core.cli.waiting import carried_out, not_carried_out
from neo_core.errors import UsageError
from neo_core.halts import HaltReason
from neo_core.model import OrderStatus
from neo_core.store import Store

__all__ = ["orders"]

HELD = OrderStatus.HELD_PENDING_REVIEW
MOST_HELD = 1000


@click.group(invoke_without_command=True)
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, metavar="N", help="How many.")
@store_options
@json_option
@click.pass_context
def orders(
    ctx: click.Context,
    limit: int,
    config_path: Path | None,
    database: str | None,
    engine: str | None,
    as_json: bool,
) -> None:
    """List orders, look into one, or settle one that is held.

    The newest come first.

    \b
    Examples:
      neo orders --limit 50
      neo orders held
      neo orders show 1-000012
    """
    if ctx.invoked_subcommand is not None:
        pass_down(ctx)
        return
    with books(config_path, database, engine) as (store, name):
        store.status(name)  # refuses an engine that this database does not know
        rows = store.orders(name, limit=limit + 1)
    if as_json:
        click.echo(json_text(rows[:limit]))
        return
    for line in list_lines(name, rows[:limit], more=len(rows) > limit):
        click.echo(line)


@orders.command()
@store_options
@json_option
def held(config_path: Path | None, database: str | None, engine: str | None, as_json: bool) -> None:
    """List the orders that are held for review, with their evidence.

    Of an order that vanished without proof, and that nobody could settle, nothing is booked until somebody says
    what became of it.

    \b
    Examples:
      neo orders held
      neo orders held --engine blue --json
    """
    with books(config_path, database, engine) as (store, name):
        store.status(name)
        rows = store.orders(name, held=True, limit=MOST_HELD)
    if as_json:
        click.echo(json_text(rows))
        return
    for line in held_lines(name, rows):
        click.echo(line)


@orders.command()
@click.argument("order_id", metavar="ID")
@store_options
@json_option
def show(order_id: str, config_path: Path | None, database: str | None, engine: str | None, as_json: bool) -> None:
    """Show the whole life of an order, a line for each step.

    Each step has its tick, the time of its ledger, the ledger, the order's status after it, and what happened; a
    step that was concluded also has who concluded it, from what, and what it did to the inventory.

    \b
    Examples:
      neo orders show 1-000012
      neo orders show 1-000012 --json
    """
    with books(config_path, database, engine) as (store, name):
        row = store.order(name, order_id)
    if as_json:
        click.echo(json_text(row))
        return
    for line in life_lines(row):
        click.echo(line)


@orders.command()
@click.argument("order_id", metavar="ID")
@click.option("--filled", is_flag=True, help="It was filled: the inventory moves by what was left of it.")
@click.option("--cancelled", is_flag=True, help="It was not: nothing moves.")
@reason_option("How you know; it goes on record.", required=True)
@wait_option
@store_options
@json_option
def resolve(
    order_id: str,
    filled: bool,
    cancelled: bool,
    reason: str,
    wait: float,
    config_path: Path | None,
    database: str | None,
    engine: str | None,
    as_json: bool,
) -> None:
    """Say what became of an order that is held for review.

    A running engine takes it up on its next tick. Proof that comes later replaces what is said here.

    \b
    Examples:
      neo orders resolve 1-000012 --filled --reason "seen in ledger 90000107"
      neo orders resolve 1-000012 --cancelled --reason "the account has no such trade"
    """
    if filled == cancelled:
        raise UsageError("expected exactly one of --filled and --cancelled: what became of the order?")
    with books(config_path, database, engine) as (store, name):
        row = store.order(name, order_id)
        if row["status"] != HELD:
            raise UsageError(
                f"order {order_id} is {row['status']} and not held for review, so there is nothing to resolve; "
                "`neo orders held` lists those that are"
            )
        if store.holder(name) is None:
            amend.resolve(store, name, order_id, filled, reason)
        else:
            _by_the_engine(store, name, order_id, filled, reason, wait)
        row = store.order(name, order_id)
    if as_json:
        click.echo(json_text(row))
        return
    click.echo(f"order {order_id} is {row['status']} now")
    for line in step_lines(row["life"][-1]):
        click.echo(line)


def _by_the_engine(store: Store, name: str, order_id: str, filled: bool, reason: str, wait: float) -> None:
    number = store.ask(name, "resolve", order_id=order_id, filled=filled, reason=reason, asked_at=time.time())
    done = carried_out(store, name, number, time.monotonic() + wait)
    if done is None:
        refuse(f"order {order_id}: {not_carried_out(store, name)}", HaltReason.UNEXPECTED.exit_code)
    wanted = OrderStatus.FILLED if filled else OrderStatus.CANCELLED
    if store.order(name, order_id)["status"] != wanted:
        raise UsageError(f"session {done['session']} refused it on tick {done['tick']}: {done['result']}")
