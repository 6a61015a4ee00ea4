"""Whatever is asked for, and whatever is signed: the node answers, and goes on."""

from __future__ import annotations

import random
from typing import Any

import pytest
from neo_devnet.node import Node
from neo_devnet.rpc import METHODS
from neo_devnet.streams import Streams

from .making import XRP, World, founded

NAMES = [
    *("account", "account_root", "accounts", "accounts_proposed", "amm", "asset", "asset2", "binary", "books"),
    *("expand", "fail_hard", "forward", "hotwallet", "index", "ledger_hash", "ledger_index", "ledger_index_max"),
    *("ledger_index_min", "limit", "marker", "max_ledger", "min_ledger", "offer", "owner_funds", "peer", "queue"),
    *("ripple_state", "secret", "signer_lists", "snapshot", "streams", "strict", "taker", "taker_gets"),
    *("taker_pays", "ticket", "transaction", "transactions", "tx_blob", "tx_hash", "type"),
]


@pytest.fixture(scope="module")
def world() -> World:
    made = founded()
    made.ask(made.maker)
    made.node.accept()
    return made


def anything(dice: random.Random, world: World, depth: int = 0) -> Any:
    plain = (
        None, True, False, 0, 1, 7, -1, -(10**30), 10**30, 0.5, "", "x", "validated", "current", "7", "XRP",
        "AB" * 32, world.maker.address, world.issuer.address, XRP, world.asset, "ledger",
        "offer", "\ud800",
    )  # fmt: skip
    kind = dice.randrange(10)
    if depth < 3 and kind == 0:
        return [anything(dice, world, depth + 1) for _ in range(dice.randrange(3))]
    if depth < 3 and kind == 1:
        keys = ("account", "seq", "currency", "issuer", "ledger", "accounts", "asset", "asset2", "taker_gets")
        return {key: anything(dice, world, depth + 1) for key in dice.sample(keys, dice.randrange(4))}
    return dice.choice(plain)


@pytest.mark.parametrize("method", sorted(set(METHODS) - {"ledger_accept"}))
def test_params_of_chance_get_an_answer(world: World, method: str) -> None:
    dice = random.Random(method)
    for _ in range(400):
        params = {name: anything(dice, world) for name in dice.sample(NAMES, dice.randrange(1, 8))}
        if dice.random() < 0.5:
            params["account"] = world.maker.address
        answer = world.node.rpc(method, params, dice.choice((1, 2)), admin=dice.random() < 0.5)
        assert answer["status"] in ("success", "error"), params


def test_subscriptions_of_chance_get_an_answer(world: World) -> None:
    dice = random.Random(3)
    streams = Streams(world.node)
    subscriber = streams.join(lambda _: None)
    for _ in range(1000):
        params = {
            name: anything(dice, world) for name in ("streams", "accounts", "accounts_proposed", "books")
            if dice.random() < 0.4
        }  # fmt: skip
        for answer in (streams.subscribe(subscriber, params, 2), streams.unsubscribe(subscriber, params)):
            assert answer["status"] in ("success", "error"), params


AMOUNTS = ("TakerGets", "TakerPays", "Amount", "Amount2", "SendMax", "DeliverMin", "LimitAmount")
FIELDS: dict[str, tuple[Any, ...]] = {
    "TransactionType": (
        "AccountSet", "AMMBid", "AMMCreate", "AMMDeposit", "AMMVote", "AMMWithdraw", "AccountDelete",
        "CheckCreate", "Clawback", "DepositPreauth", "EscrowCreate", "NFTokenMint", "OfferCancel", "OfferCreate",
        "Payment",
        "SetRegularKey", "SignerListSet", "TicketCreate", "TrustSet", "EnableAmendment", "SetFee",
    ),
    "Flags": (0, 1, 0x20000, 0x40000, 0x80000, 0x60000, 0x80000000),
    "OfferSequence": (0, 1, 6, 2**32 - 1),
    "TakerGets": ("0", "1", "10000000", "99999999999999999"),
    "TakerPays": ("0", "1", "10000000"),
    "Amount": ("0", "1", "99999999999999999"),
    "Amount2": ("5",),
    "SendMax": ("0", "5"),
    "DeliverMin": ("1",),
    "LimitAmount": ("7",),
    "Expiration": (0, 1, 2**32 - 1),
    "TicketSequence": (0, 1, 7),
    "TicketCount": (0, 1, 250, 251),
    "SetFlag": (0, 4, 5, 8, 99),
    "ClearFlag": (4, 8),
    "TransferRate": (0, 1, 1_002_000_000, 2_100_000_000),
    "TickSize": (0, 2, 5, 200),
    "TradingFee": (0, 500, 2000),
    "NetworkID": (0, 2),
    "LastLedgerSequence": (0, 8, 2**32 - 1),
    "SourceTag": (0, 7),
}  # fmt: skip


def test_signed_transactions_of_chance_get_a_result_and_the_ledger_closes() -> None:
    dice = random.Random(11)
    world = founded()
    seen = set()
    for number in range(600):
        key = dice.choice((world.maker, world.taker, world.issuer))
        tokens = [world.token(value) for value in ("0", "0.0000001", "5", "999999999999999e10")]
        fields: dict[str, Any] = {"TransactionType": dice.choice(FIELDS["TransactionType"])}
        for name in dice.sample(sorted(FIELDS), dice.randrange(6)):
            is_amount = name in AMOUNTS
            fields[name] = dice.choice(tokens if is_amount and dice.random() < 0.5 else FIELDS[name])
        if dice.random() < 0.5:
            fields["Destination"] = dice.choice((world.maker, world.taker, world.issuer)).address
        answer = world.rpc("submit", tx_blob=world.blob(key, **fields).hex())
        seen.add(answer.get("engine_result", answer.get("error")))
        if number % 50 == 49:
            world.node.accept()
    assert {"tesSUCCESS", "temINVALID_FLAG"} <= seen
    assert _coins(world.node) == world.node.validated.total_coins


def _coins(node: Node) -> int:
    state = node.validated.state
    assert state is not None
    return sum(int(entry["Balance"]) for _, entry in state.items() if entry["LedgerEntryType"] == "AccountRoot")
