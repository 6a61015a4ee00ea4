"""The order of a close."""

from __future__ import annotations

from neo_devnet.canonical import canonical, set_root
from neo_devnet.market.keys import Key
from neo_devnet.tx import read

from .making import World, founded


def test_the_order_of_accounts_changes_with_the_set_of_transactions() -> None:
    world = founded()
    orders = set()
    for amount in range(1, 12):
        txs = [read(world.blob(key, TransactionType="AccountSet", Fee=str(10 + amount))) for key in _both(world)]
        orders.add(tuple(tx.account for tx in canonical(txs)))
    assert len(orders) == 2


def test_within_an_account_sequences_ascend_and_tickets_follow() -> None:
    world = founded()
    turns = [
        {"Sequence": 9},
        {"Sequence": 0, "TicketSequence": 3},
        {"Sequence": 8},
        {"Sequence": 0, "TicketSequence": 2},
    ]
    txs = [read(world.blob(world.maker, TransactionType="AccountSet", **turn)) for turn in turns]
    assert [tx.turn for tx in canonical(txs)] == [(False, 8), (False, 9), (True, 2), (True, 3)]


def test_the_root_of_an_empty_set_is_zero_and_depends_on_no_order() -> None:
    leaves = [(bytes([n]) * 32, bytes([n]) * 32) for n in (1, 2, 17)]
    assert set_root([]) == bytes(32)
    assert set_root(leaves) == set_root(leaves[::-1]) != set_root(leaves[:2])


def test_a_close_applies_in_another_order_than_the_transactions_came() -> None:
    world = founded()
    came, applied = [], []
    for amount in range(1, 9):
        came += [world.noop(key, Fee=str(10 + amount))["tx_json"]["hash"] for key in _both(world)]
        world.node.accept()
        applied += [one.tx.hash for one in world.node.validated.entered]
    assert sorted(came) == sorted(applied)
    assert came != applied


def _both(world: World) -> tuple[Key, Key]:
    return world.maker, world.taker
