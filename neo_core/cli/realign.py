"""`neo realign`: books against wallet, and the operator decides."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import click

from neo_core import amend
from neo_core.amend import Sides
from neo_core.cli.options import (
    books,
    engine_of,
    json_option,
    json_text,
    live_of,
    reason_option,
    store_options,
)
from neo_core.cli.output import plain
from neo_core.cli.summary import counted
from neo_core.cli.waiting import who
from neo_core.errors import UsageError
from neo_core.model import DROPS
from neo_core.rules.truth import Suspect

__all__ = ["realign"]

FEWEST_DECIMALS = 2
MOST_OTHERS = 10
MOST_HELD = 1000
SIDES = {"books": "", "wallet": "", "difference": "+"}


@click.command()
@click.option("--yes", is_flag=True, help="Take the wallet for right without asking.")
@reason_option("Why; it goes on record.")
@store_options
@json_option
def realign(
    yes: bool,
    reason: str | None,
    config_path: Path | None,
    database: str | None,
    engine: str | None,
    as_json: bool,
) -> None:
    """Take the wallet for right, where the books say something else.

    It shows what the books say, what the wallet holds, and where a difference may come from; then it asks. The
    engine must not run, and never does this by itself. What is proven later about the time before moves nothing
    more. With --json it asks nothing, and changes nothing without --yes. What the account of a live engine holds
    is asked from a node of its configuration (--config).

    \b
    Examples:
      neo realign
      neo realign --yes --reason "25 XRP were withdrawn by hand"
      neo realign --json
    """
    url = engine_of(config_path, database, engine).database
    with books(config_path, database, engine) as (store, name):
        holder = store.holder(name)
        if holder is not None:
            raise UsageError(
                f"engine {name!r} is running ({who(holder)}), and a realign needs it stopped: `neo stop`, then "
                "try again"
            )
        seen = amend.sides(store, name, url, live_of(config_path))
        differs = bool(seen.drops or seen.rlusd)
        if not as_json:
            held = {row["id"] for row in store.orders(name, held=True, limit=MOST_HELD)}
            for line in _lines(name, seen, held):
                click.echo(line)
        changes = differs and (yes or (not as_json and _agreed()))
        if changes:
            amend.realign(store, name, seen, reason or "no reason was given")
    if as_json:
        click.echo(json_text({**_facts(name, seen), "realigned": changes}))
    elif changes:
        click.echo(f"The books of engine {name!r} say what the wallet holds now; that is on record.")
    elif differs:
        click.echo("Nothing was changed.")


def _agreed() -> bool:
    if sys.stdin is None or not sys.stdin.isatty():
        raise UsageError(
            "there is no terminal to ask on, so nothing was changed; look at both sides, then repeat it with --yes"
        )
    return click.confirm("Take the wallet for right?")


def _lines(name: str, seen: Sides, held: Collection[str]) -> Iterator[str]:
    yield f"engine {name}, account {seen.account}"
    xrp = [seen.inventory.drops, seen.wallet.holds.drops, seen.drops]
    rlusd = [seen.inventory.rlusd, seen.wallet.holds.rlusd, seen.rlusd]
    left = _aligned([Decimal(drops) / DROPS for drops in xrp], SIDES.values())
    right = _aligned(rlusd, SIDES.values())
    asof = [f"  as of ledger {seen.books_ledger}", f"  as of ledger {seen.wallet.ledger_index}", ""]
    for side, some_xrp, some_rlusd, when in zip(SIDES, left, right, asof, strict=True):
        yield f"  {side:<12}{some_xrp} XRP  {some_rlusd} RLUSD{when}"
    if not seen.drops and not seen.rlusd:
        yield "Books and wallet agree: there is nothing to realign."
        return
    if seen.wallet.told_from > seen.books_ledger + 1:
        yield f"What happened before ledger {seen.wallet.told_from} the node does not tell any more:"
        yield "  ask one that knows the ledger since the books were last written, before you believe any of this."
    if seen.unsettled:
        yield f"The wallet has moved in {counted(seen.unsettled, 'ledger')} since the books were last written:"
        yield "  start the engine first, it settles what it missed by itself."
    yield from _suspects(seen, held)


def _suspects(seen: Sides, held: Collection[str]) -> Iterator[str]:
    exact = [one for one in seen.suspects if _explains(one, seen)]
    others = [one for one in seen.suspects if not _explains(one, seen)]
    if exact:
        yield "This would explain it exactly:"
        yield from _effects(exact)
        if any(one.order_id in held for one in exact):
            yield "  A held order is better settled by `neo orders resolve`, which keeps the reason with it."
    if others:
        yield "Others that may have a part in it:" if exact else "It may come from:"
        yield from _effects(others[:MOST_OTHERS])
    if len(others) > MOST_OTHERS:
        yield f"  and {len(others) - MOST_OTHERS} more, which --json lists"
    if not seen.suspects:
        yield "No order explains it: somebody else may have moved funds of this account."


def _effects(suspects: Sequence[Suspect]) -> Iterator[str]:
    """What the wallet would hold more, or less, than the books."""
    signs = ["+"] * len(suspects)
    xrp = _aligned([Decimal(one.drops) / DROPS for one in suspects], signs)
    rlusd = _aligned([one.rlusd for one in suspects], signs)
    for one, some_xrp, some_rlusd in zip(suspects, xrp, rlusd, strict=True):
        yield f"  {one.order_id}  {some_xrp} XRP  {some_rlusd} RLUSD  {one.doubt}"


def _explains(one: Suspect, seen: Sides) -> bool:
    return one.drops == seen.drops and one.rlusd == seen.rlusd


def _aligned(amounts: Sequence[Decimal], signs: Collection[str]) -> list[str]:
    """Every digit of each, the points below each other. The sign + shows one, none only a minus."""
    decimals = max(FEWEST_DECIMALS, *[-int(amount.normalize().as_tuple().exponent) for amount in amounts])
    texts = [f"{amount:{sign},.{decimals}f}" for amount, sign in zip(amounts, signs, strict=True)]
    width = max(len(text) for text in texts)
    return [text.rjust(width) for text in texts]


def _facts(name: str, seen: Sides) -> dict[str, Any]:
    def two(drops: int, rlusd: Decimal) -> dict[str, str]:
        return {"xrp": f"{Decimal(drops) / DROPS:f}", "rlusd": f"{rlusd:f}"}

    return {
        "engine": name,
        "account": seen.account,
        "books": {**two(seen.inventory.drops, seen.inventory.rlusd), "ledger_index": seen.books_ledger},
        "wallet": {
            **two(seen.wallet.holds.drops, seen.wallet.holds.rlusd),
            "ledger_index": seen.wallet.ledger_index,
        },
        "difference": two(seen.drops, seen.rlusd),
        "unsettled_ledgers": seen.unsettled,
        "suspects": [
            {
                "order_id": one.order_id,
                "doubt": plain(one.doubt),
                **two(one.drops, one.rlusd),
                "explains_it_exactly": _explains(one, seen),
            }
            for one in seen.suspects
        ],
    }
