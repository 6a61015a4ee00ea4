"""The ledgers of a whole market: long, with a pool, and with everything in them that the market does."""

from __future__ import annotations

import os

import pytest
from neo_devnet.market import Market

from .invariants import consistent, offers, xrp
from .replayed import Told, follow, told_in
from .world import node_at

SOAKING = os.environ.get("NEO_SOAK") == "1"
LEDGERS = 1000 if SOAKING else 60


@pytest.mark.parametrize("transfer_rate", [0, 1_002_000_000])
@pytest.mark.parametrize("kind", ["calm", "hostile"])
def test_ledgers_of_a_market_are_whole_and_metadata_tell_all_of_them(kind: str, transfer_rate: int) -> None:
    node, market = node_at(), Market(11, kind, transfer_rate=transfer_rate)
    market.setup(node)
    node.before_close = market.before_close
    told: Told = {}
    for _ in range(LEDGERS):
        parent = node.validated
        node.accept()
        closed = node.validated
        for one in closed.entered:
            follow(told, one.tx.fields, one.meta, closed.index, parent.close_time)
        assert closed.state is not None
        assert told == {name: told_in(entry) for name, entry in offers(closed.state).items()}
    assert closed.state is not None
    consistent(closed.state)
    assert xrp(closed.state) == closed.total_coins
