"""`neo devnet`."""

from __future__ import annotations

import asyncio
import json
import math
import os
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

import click

from neo_devnet.feemetrics import QueueSettings
from neo_devnet.hosting import MAIN, PUBLIC, SECOND, Devnet
from neo_devnet.ledger import MASTER
from neo_devnet.node import Node

__all__ = ["Account", "Market", "devnet", "market_of", "write_seed"]

CALM, HOSTILE, NONE, EMPTY = "calm", "hostile", "none", "empty"
DEVNET_NETWORK = 2
MASTER_SEED = "snoPBrXtMeMyMHUVTgbuqAfg1SUTb"
SETUP_SECONDS, SETUP_LEDGERS = 60.0, 12
PORT = click.IntRange(0, 65535)
MOST_SECONDS = 3600.0
NETWORKS_WITHOUT_ID = 1024
"""Above it every transaction has to name the network, which no client does unasked."""


class Account(Protocol):
    @property
    def address(self) -> str: ...

    @property
    def seed(self) -> str: ...


class Market(Protocol):
    """The others: who funds the accounts, makes and takes."""

    @property
    def engine(self) -> Account:
        """The account that is there for an engine."""

    @property
    def issuer(self) -> str: ...

    def setup(self, node: Node) -> None: ...

    def before_close(self, node: Node) -> None: ...


def market_of(kind: str, seed: int) -> Market | None:
    """With `none` the accounts are funded as ever, and then nobody trades; with `empty` there is nobody."""
    if kind == EMPTY:
        return None
    from neo_devnet import market  # half a second of imports that `neo --help` does not pay for

    return market.Market(seed, CALM if kind == NONE else kind)


def _a_number(seconds: float | None) -> float | None:
    if seconds is not None and math.isnan(seconds):
        raise click.BadParameter("expected a number of seconds, got nan")  # within no range, and so out of none
    return seconds


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--seed", default=7, show_default=True, help="Accounts and market follow from it.")
@click.option(
    "--market",
    "kind",
    type=click.Choice([EMPTY, NONE, CALM, HOSTILE]),
    default=CALM,
    show_default=True,
    help="What the other makers and takers are like; empty: there is nobody and nothing but XRP.",
)
@click.option(
    "--close-seconds",
    type=click.FloatRange(0.0, MOST_SECONDS, min_open=True),
    callback=lambda _ctx, _option, given: _a_number(given),
    default=4.0,
    show_default=True,
    help="A ledger closes every so many seconds.",
)
@click.option(
    "--ledger-seconds",
    type=click.FloatRange(0.0, MOST_SECONDS, min_open=True),
    callback=lambda _ctx, _option, given: _a_number(given),
    default=None,
    help="Every close moves ledger time on by so much.  [default: as --close-seconds; --by-hand: the clock]",
)
@click.option("--by-hand", is_flag=True, help="Ledgers close only by the method ledger_accept.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Other machines reach any other address.")
@click.option(
    "--port", type=PORT, default=5005, show_default=True, help="JSON-RPC and WebSocket, for an administrator."
)
@click.option("--second-port", type=PORT, default=None, help="The same node again, with faults of its own.")
@click.option("--public-port", type=PORT, default=None, help="Without the methods of an administrator.")
@click.option(
    "--network-id",
    type=click.IntRange(0, NETWORKS_WITHOUT_ID),
    default=None,
    help="What the server says of its network.  [default: 2, which is devnet; none for an empty one]",
)
@click.option(
    "--soft-limit",
    type=click.IntRange(1),
    default=1000,
    show_default=True,
    help="From so many transactions in a ledger on the fee escalates and the queue fills.",
)
@click.option(
    "--latency-ms", type=click.IntRange(0), default=0, show_default=True, help="Every answer waits so long."
)
@click.option(
    "--account-file",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("devnet-account.txt"),
    show_default=True,
    help="Gets the seed of the account for an engine; only its owner may read it.",
)
@click.option("--json", "as_json", is_flag=True, help="Say where everything is as one line of JSON.")
def devnet(
    seed: int,
    kind: str,
    close_seconds: float,
    ledger_seconds: float | None,
    by_hand: bool,
    host: str,
    port: int,
    second_port: int | None,
    public_port: int | None,
    network_id: int | None,
    soft_limit: int,
    latency_ms: int,
    account_file: Path,
    as_json: bool,
) -> None:
    """Run an XRPL node in this process, for development, tests and demonstrations.

    It ends with Ctrl-C, and its ledger with it.

    \b
    Examples:
      neo devnet
      neo devnet --seed 7 --market hostile
      neo devnet --close-seconds 0.1 --ledger-seconds 4
    """
    if network_id is None and kind != EMPTY:
        network_id = DEVNET_NETWORK
    if ledger_seconds is None and not by_hand:
        ledger_seconds = close_seconds
    node = Node(
        ledger_seconds=ledger_seconds,
        # In the past, so that the ledgers of the setup do not put the ledger's time ahead of the clock.
        begins_at=None if kind == EMPTY else time.time() - SETUP_SECONDS - SETUP_LEDGERS * (ledger_seconds or 0.0),
        network_id=network_id,
        queue=QueueSettings(minimum_txn_in_ledger=soft_limit, target_txn_in_ledger=soft_limit),
    )
    others = market_of(kind, seed)
    if others is not None:
        others.setup(node)
        node.before_close = None if kind == NONE else others.before_close
        node.catch_up()
        write_seed(account_file, others.engine.seed)
    numbers = {MAIN: port, SECOND: second_port, PUBLIC: public_port}
    net = Devnet(
        node,
        close_seconds=None if by_hand else close_seconds,
        ledger_seconds=ledger_seconds,
        host=host,
        ports={name: number for name, number in numbers.items() if number is not None},
    )
    for one in net.ports.values():
        one.faults.latency_ms = latency_ms

    def tell() -> None:
        where = _where(net, others, account_file.absolute())
        click.echo(json.dumps(where) if as_json else _told(where, kind, seed))

    with suppress(KeyboardInterrupt):
        try:
            asyncio.run(_serve(net, tell))
        except OSError as error:
            raise click.UsageError(
                f"the node cannot listen on {host}: {error.strerror}; name another port (0: any that is free)"
            ) from error
    if not as_json:
        click.echo(f"devnet stopped at ledger {node.validated.index}")


async def _serve(net: Devnet, tell: object) -> None:
    stop = asyncio.Event()
    with suppress(NotImplementedError):  # Windows has no such handlers: there Ctrl-C arrives as an exception
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    assert callable(tell)
    await net.run(tell, stop)


def write_seed(path: Path, seed: str) -> None:
    """Into a file that only its owner can read. Windows has other means: there the folder's rights decide."""
    try:
        path.unlink(missing_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise click.UsageError(
            f"the seed cannot be written to {path}: {error.strerror}; name another file with --account-file"
        ) from error
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(f"{seed}\n")


def _where(net: Devnet, others: Market | None, account_file: Path) -> dict[str, Any]:
    where: dict[str, Any] = {
        "urls": {name: {"http": one.url, "ws": one.ws_url} for name, one in net.ports.items()},
        "network_id": net.node.network_id,
        "ledger_index": net.node.validated.index,
    }
    if others is not None:
        where |= {"account": others.engine.address, "seed_file": str(account_file), "issuer": others.issuer}
    return where


def _told(where: dict[str, Any], kind: str, seed: int) -> str:
    lines = [f"devnet with seed {seed}, market {kind}, at ledger {where['ledger_index']}"]
    lines += [f"  {name:9}{one['http']}  {one['ws']}" for name, one in where["urls"].items()]
    if kind == EMPTY:
        lines += [f"  account  {MASTER}, whose seed everybody knows: {MASTER_SEED}", ""]
    else:
        network = "devnet" if where["network_id"] == DEVNET_NETWORK else where["network_id"]
        lines += [
            f"  account  {where['account']}",
            f"  its seed {where['seed_file']} (only its owner can read it)",
            f"  issuer   {where['issuer']}",
            "",
            "Next, in another terminal, with these lines in devnet.yaml:",
            "",
            "  engine: {name: devnet, mode: live}",
            "  live:",
            f"    network: {network}",
            f"    nodes: [{where['urls'][MAIN]['ws']}]",
            f"    issuer: {where['issuer']}",
            "    seed_env: null",
            f"    seed_file: {where['seed_file']}",
            "",
            "  neo run --config devnet.yaml",
            "",
        ]
    return "\n".join([*lines, "Ctrl-C ends it."])
