"""What live trading costs, on a devnet in a process of its own. Nothing here is a test: it prints.

CPU is that of this process alone, all its threads; wall has the node's work in it.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import msgspec
from beside_xrpl_py import BATCH, signing, submitting
from devnet import Devnet, devnet
from live_passes import cancelling, observing, passing

__all__ = ["report"]

LESS_CPU, LESS_WALL = 4, 20
TRIPS = 8
CANCEL_MS, CANCEL_LEDGERS = 100, 3
OFFERS = (0, 2, 50)


class Row(msgspec.Struct, frozen=True):
    """`kept` is None where nothing is wanted."""

    what: str
    figure: str
    wanted: str = ""
    kept: bool | None = None


def report() -> None:
    with tempfile.TemporaryDirectory() as name, devnet(Path(name)) as net:
        print("live, on a devnet; the second figure of two is xrpl-py's, with the same transactions")
        for rows in (signed(), submitted(net), observed(net), cancelled(net), passed(net)):
            for row in rows:
                tell(row)


def tell(row: Row) -> None:
    wanted = f"({row.wanted} wanted)" if row.wanted else ""
    verdict = "" if row.kept is None else "kept" if row.kept else "MISSED"
    print(f"  {row.what:<54} {row.figure:<42} {wanted:<24} {verdict}".rstrip(), flush=True)


def signed() -> list[Row]:
    rows = []
    for one in signing():
        less = one.theirs / one.ours
        figure = f"{one.ours:.0f} and {one.theirs:.0f} µs CPU: {less:.0f} times less"
        what = f"build and sign, {one.kind}, {one.key}; sign"
        rows.append(Row(what, figure, f"{LESS_CPU} times", less >= LESS_CPU))
    return rows


def submitted(net: Devnet) -> list[Row]:
    found = submitting(net)
    rows = []
    for how, (wall, cpu) in {f"{BATCH} at once": found.batch, "one by one": found.singly}.items():
        less = found.theirs[0] / wall
        figure = f"{wall:.2f} and {found.theirs[0]:.1f} ms wall: {less:.0f} times less"
        what = f"prepare and send, {how}; sign_and_submit"
        rows.append(Row(what, figure, f"{LESS_WALL} times", less >= LESS_WALL))
        figure = f"{cpu:.2f} and {found.theirs[1]:.1f} ms CPU: {found.theirs[1] / cpu:.0f} times less"
        rows.append(Row("  the same in CPU", figure))
    return rows


def observed(net: Devnet) -> list[Row]:
    return [
        Row(
            f"observation, {one.offers} own offers, {one.requests} requests",
            f"{_counted(one.trips, 'round trip')}, {one.cpu:.1f} ms CPU, {one.wall:.1f} ms wall",
            f"{TRIPS} round trips",
            one.trips <= TRIPS,
        )
        for one in observing(net, OFFERS)
    ]


def cancelled(net: Devnet) -> list[Row]:
    one = cancelling(net, OFFERS[-1])
    what = f"cancel_all of {one.orders} offers, signal to last blob"
    figure = f"{one.cpu:.1f} ms CPU ({one.wall:.0f} ms wall, answered)"
    flat, soon = _counted(one.ledgers, "ledger"), one.ledgers <= CANCEL_LEDGERS
    return [
        Row(what, figure, f"{CANCEL_MS} ms CPU", one.cpu <= CANCEL_MS),
        Row("  seen to be flat after", flat, f"{CANCEL_LEDGERS} ledgers", soon),
    ]


def passed(net: Devnet) -> list[Row]:
    one = passing(net)
    return [
        Row("a whole pass in a calm market, quotes left alone", _cpu_and_wall(*one.quiet)),
        Row(f"  one that sends something ({one.sent} of them)", _cpu_and_wall(*one.sending)),
    ]


def _cpu_and_wall(cpu: float, wall: float) -> str:
    return f"{cpu:.1f} ms CPU, {wall:.1f} ms wall"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
