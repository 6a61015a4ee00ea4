"""`neo cancel-all`: every own offer is cancelled, by the running engine or by a session that does nothing else."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import click
import msgspec

from neo_core.cli.group import LOG
from neo_core.cli.options import books, json_option, json_text, reason_option, store_options, wait_option
from neo_core.cli.output import tell
from neo_core.cli.signals import Signals
from neo_core.cli.summary import counted, exit_line
from neo_core.cli.waiting import carried_out, looks, not_carried_out
from neo_core.halts import HaltReason
from neo_core.model import DROPS, Cancel, Decision, Order, OrderStatus
from neo_core.rules.orders import ALIVE
from neo_core.state import State
from neo_core.store import Store
from neo_core.wiring import Asked, open_run

__all__ = ["cancel_all"]


_decision = msgspec.json.Decoder(Decision).decode


class Swept(msgspec.Struct):
    """What became of the offers. `ledger_index` is the ledger that showed none of them; None: not seen yet."""

    engine: str
    session: int
    running: bool
    ledger_index: int | None = None
    ledgers: int = 0
    orders: dict[str, Order] = {}
    note: str = ""

    def take(self, decisions: Iterable[Decision], *, over: bool) -> None:
        """The tick that took it up, and those after it. `over`: no cancel_all is running any more."""
        first = None
        for decision in decisions:
            asked = {intent.order_id for intent in decision.intents if isinstance(intent, Cancel)}
            for order in decision.orders:
                marked = order.status is OrderStatus.CANCELLED_BY_ENGINE
                if marked or order.id in asked or order.id in self.orders:
                    self.orders[order.id] = order
            if first is None:
                first = decision  # what was completed on this tick is an earlier one
                continue
            for event in decision.events:
                if event.kind == "cancel_all_complete":
                    self.ledger_index, ledgers = decision.ledger_index, event.facts["ledgers"]
                    assert isinstance(ledgers, int)
                    self.ledgers = ledgers
                    return
        if over and first is not None and not self.orders:
            self.ledger_index = first.ledger_index

    @property
    def left(self) -> list[Order]:
        return [order for order in self.orders.values() if order.status in ALIVE]

    def facts(self) -> dict[str, Any]:
        return {
            "engine": self.engine,
            "session": self.session,
            "running": self.running,
            "complete": self.ledger_index is not None,
            "ledger_index": self.ledger_index,
            "ledgers": self.ledgers,
            "orders": [_facts(order) for order in self.orders.values()],
            "left": [order.id for order in self.left],
            "note": self.note,
        }


@click.command("cancel-all")
@reason_option("Why; it goes on record.")
@wait_option
@store_options
@json_option
@click.pass_context
def cancel_all(
    ctx: click.Context,
    reason: str | None,
    wait: float,
    config_path: Path | None,
    database: str | None,
    engine: str | None,
    as_json: bool,
) -> None:
    """Cancel every own offer, whether the engine runs or not.

    A running engine does it on its next tick and goes on: it quotes again when its mode is OK. `neo stop` and
    `neo kill` end it. When none runs, a session is run that only cancels; one that had crashed is closed by that,
    and can no longer be resumed. For a live engine that session needs its configuration (--config) and its key.
    Either way this waits until a validated ledger shows no own offer. Exit code 1: something is left, or not known
    to be gone.

    \b
    Examples:
      neo cancel-all
      neo cancel-all --reason "maintenance of the node" --wait 60
      neo cancel-all --engine blue --json
    """
    why = "neo cancel-all" if reason is None else f"neo cancel-all: {reason}"
    with books(config_path, database, engine) as (store, name):
        store.status(name)  # refuses an engine that this database does not know
        runs = store.holder(name) is not None
        swept = _by_the_engine(store, name, why, time.monotonic() + wait) if runs else None
    if swept is None:
        asked = Asked(config_path, database=database, engine=engine, cancel_only=why)
        swept = _by_ourselves(ctx, asked)
    if as_json:
        click.echo(json_text(swept.facts()))
    else:
        for line in _lines(swept):
            click.echo(line)
    ctx.exit(HaltReason.UNEXPECTED.exit_code if swept.ledger_index is None else 0)


def _by_the_engine(store: Store, name: str, why: str, deadline: float) -> Swept:
    number = store.ask(name, "cancel_all", reason=why, asked_at=time.time())
    command = carried_out(store, name, number, deadline)
    swept = Swept(name, store.status(name)["session"], True)
    if command is None:
        swept.note = not_carried_out(store, name)
        return swept
    session, over = command["session"], False
    for _ in looks(store, name, deadline):
        over = store.status(name)["cancel_all"] is None
        if over:
            break
    swept.session = session
    swept.take(map(_decision, store.decisions(name, session, command["tick"])), over=over)
    if swept.ledger_index is not None:
        return swept
    ended = store.session(name, session)
    swept.note = "it goes on cancelling; `neo status` shows when it is done"
    if ended["ended_at"] is not None:
        swept.note = exit_line(ended["halt_reason"], ended["halt_source"], ended["halt_detail"])
    elif store.holder(name) is None:
        swept.note = "its process has died meanwhile; ask once more, and a session is run that only cancels"
    return swept


def _by_ourselves(ctx: click.Context, asked: Asked) -> Swept:
    ticks: list[tuple[Decision, State]] = []
    with Signals(lambda line: tell(line + "\n")) as signals:
        session = open_run(asked, lambda decision, state: ticks.append((decision, state)))
        ctx.meta[LOG] = session.settings.log.file
        try:
            signals.hand_to(session.operator)
            ending = session.run()
        finally:
            session.close()
    swept = Swept(session.opened.keeper.engine, ending.session, False)
    over = bool(ticks) and ticks[-1][1].sweep is None
    swept.take((decision for decision, _ in ticks), over=over)
    if not over or ending.halt.reason is not HaltReason.ENGINE_REQUESTED:
        halt = ending.halt
        swept.note = f"session {ending.session} ended as {exit_line(halt.reason, halt.source, halt.detail)}"
    return swept


def _lines(swept: Swept) -> Iterator[str]:
    offers = counted(len(swept.orders), "own offer")
    if swept.running:
        whose = f"session {swept.session} of engine {swept.engine!r}"
    else:
        whose = f"engine {swept.engine!r} was not running, so session {swept.session} was run only for this; it"
    if swept.ledger_index is None:
        yield f"{whose} cancels {offers}, and no ledger has shown yet that none is left"
    elif not swept.orders:
        yield f"{whose} had nothing to cancel: ledger {swept.ledger_index} shows no own offer"
    else:
        after = counted(swept.ledgers, "ledger")
        yield f"{whose} cancelled {offers}: ledger {swept.ledger_index} shows none, after {after}"
    for order in swept.orders.values():
        amount = f"{order.side} {order.drops / DROPS:g} XRP at {order.price:.5f}"
        yield f"  {order.id}  {amount}, offer {order.sequence}: {order.status}"
    if swept.note:
        yield swept.note
    if swept.running and swept.ledger_index is not None:
        yield "The engine goes on, and quotes again when its mode is OK; `neo stop` or `neo kill` end it."


def _facts(order: Order) -> dict[str, Any]:
    return {
        "id": order.id,
        "side": order.side,
        "xrp": f"{order.drops / DROPS:f}",
        "price": order.price,
        "sequence": order.sequence,
        "status": order.status,
    }
