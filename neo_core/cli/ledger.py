"""`neo ledger`: what the ledger says, read without an engine."""

from __future__ import annotations

import codecs
import json
import sys
from collections.abc import Iterator
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import click

from neo_core.cli.options import config_option, json_option, live_of
from neo_core.cli.output import say
from neo_core.cli.summary import counted
from neo_core.config import hidden
from neo_core.errors import UnreadableTransaction, UsageError
from neo_core.gateways.xrpl.reading.amounts import ACCOUNT, Amount, decimal_text, size
from neo_core.gateways.xrpl.reading.lines import explain_line
from neo_core.gateways.xrpl.reading.metadata import Event, as_facts

__all__ = ["ledger"]

STDIN = "-"
LONGEST_LINE = 32 * 1024 * 1024


@click.group()
def ledger() -> None:
    """Read what validated transactions did to offers.

    \b
    Examples:
      neo ledger explain transactions.jsonl
    """


def _address(_ctx: click.Context, _option: click.Parameter, given: str | None) -> str | None:
    if given is not None and not ACCOUNT.fullmatch(given):
        raise UsageError(
            f"--account: expected the address of an account, which begins with r, got {hidden(given)}"
        )
    return given


@ledger.command()
@click.argument("file", metavar="[FILE|-]", required=False)
@click.option("--tx", "tx_hash", metavar="HASH", help="Ask a node for this transaction.")
@click.option(
    "--node", "nodes", multiple=True, metavar="URL", help="The node to ask.  [default: live.nodes of --config]"
)
@config_option
@click.option("--account", metavar="ADDRESS", callback=_address, help="Only the offers of this account.")
@json_option
def explain(
    file: str | None,
    tx_hash: str | None,
    nodes: tuple[str, ...],
    config_path: Path | None,
    account: str | None,
    as_json: bool,
) -> None:
    """Say what each transaction did to each offer: placed, filled, removed and why, with exact amounts.

    FILE has one validated transaction a line, in JSON: tx or tx_json, meta, ledger_index, and parent_close_time if
    it is known; - reads them from the standard input. With --tx a node is asked for one, and for that time.

    Offers expire by the parent ledger's close time. Where only the ledger's own is given, as close_time or date,
    that is taken; where none is given, an expired offer is told as unfunded_or_dust.

    With --json each event is one line: gets and pays are what moved, rest is what was left.

    \b
    Examples:
      neo ledger explain transactions.jsonl
      neo ledger explain transactions.jsonl --account rMxCKbEDwqr76QuheSUMdEGf4B9xJ8m5De --json
      neo ledger explain --tx HASH --node https://s1.ripple.com:51234/
    """
    if (file is None) == (tx_hash is None):
        raise UsageError(
            "expected exactly one of FILE (or - for the standard input) and --tx HASH: what is to be read?"
        )
    if tx_hash is not None:
        from neo_core.wiring import transaction  # not for a file: it brings all that a session needs

        live = live_of(config_path, nodes)
        _explain(BytesIO(transaction(live, live.nodes, tx_hash)), tx_hash, account, as_json)
        return
    assert file is not None
    if nodes or config_path is not None:
        raise UsageError("--node and --config say where to ask for --tx; with a file, leave them out")
    if file == STDIN:
        _explain(sys.stdin.buffer, "standard input", account, as_json)
        return
    try:
        with Path(file).open("rb") as stream:
            _explain(stream, file, account, as_json)
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}") from error


def _explain(stream: BinaryIO, name: str, account: str | None, as_json: bool) -> None:
    transactions = events = 0
    for number, line in _lines(stream):
        try:
            found = explain_line(line, account)
        except UnreadableTransaction as error:
            raise UnreadableTransaction(f"{name}, line {number}: {error}") from None
        transactions += 1
        events += len(found)
        if not all(say(text) for text in _texts(found, as_json)):
            return
    if not transactions:
        raise UnreadableTransaction(f"{name} is empty: expected one validated transaction a line, in JSON")
    if not events and not as_json:
        whose = "no offer" if account is None else f"no offer of {account}"
        say(f"{whose} was placed, filled or removed by {counted(transactions, 'transaction')}")


def _lines(stream: BinaryIO) -> Iterator[tuple[int, bytes]]:
    number = 0
    while line := stream.readline(LONGEST_LINE):
        number += 1
        if number == 1:
            line = line.removeprefix(codecs.BOM_UTF8)  # editors on Windows put it there
        if line.strip():
            yield number, line


def _texts(events: tuple[Event, ...], as_json: bool) -> Iterator[str]:
    if as_json:
        for event in events:
            yield json.dumps(as_facts(event))
        return
    if events:
        yield f"{events[0].tx_hash}, ledger {events[0].ledger_index}"
    for event in events:
        yield f"  {event.owner} {event.sequence}: {_told(event)}"


def _told(event: Event) -> str:
    cause = f" ({event.cause})" if event.cause else ""
    parts = []
    if size(event.gets) or size(event.pays):
        parts.append(f"gave {_amount(event.gets)} for {_amount(event.pays)}")
    if size(event.rest_gets) or size(event.rest_pays):
        parts.append(f"left {_amount(event.rest_gets)} for {_amount(event.rest_pays)}")
    return f"{event.event.replace('_', ' ')}{cause}: {', '.join(parts) or 'nothing moved'}"


def _amount(amount: Amount) -> str:
    if isinstance(amount, int):
        return f"{decimal_text(Decimal(amount).scaleb(-6))} XRP"
    return f"{decimal_text(amount.value)} {_currency(amount.currency)}"


def _currency(code: str) -> str:
    """Forty hex digits are often letters, and then zeros."""
    if len(code) == 3:
        return code
    letters = bytes.fromhex(code).rstrip(b"\0").decode("ascii", errors="replace")
    return letters if letters.isalnum() else code
