"""A new offer that takes the place of an own one in the same transaction. (docs/behaviour.md, section 10)"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from msgspec.structs import replace

from neo_core.gateways.paper_wallet import read
from neo_core.markets import MarketTick
from neo_core.model import DROPS, Ack, AckOutcome, Place

from .making import FEE, OPENING, QUIET, Desk, buy, results, sell, seller, told

pytestmark = pytest.mark.rule("QUO-X3")


def instead(new: Place, sequence: int) -> Place:
    return replace(new, replaces=sequence, replaced_id="o-1")


def test_the_old_offer_goes_and_the_new_one_comes_in_one_transaction() -> None:
    desk = Desk()
    desk.do(buy("1.95"))
    seen = desk.do(instead(buy("1.96", 50), 1))
    assert told(seen.account.events) == [("removed", "replaced", 1), ("placed", "", 2)]
    assert {event.tx_hash for event in seen.account.events} == {seen.account.transactions[0].tx_hash}
    assert [(offer.sequence, offer.drops) for offer in seen.account.offers] == [(2, 50 * DROPS)]
    assert seen.account.xrp_drops == OPENING.xrp_drops - 2 * FEE


def test_an_offer_that_is_gone_is_no_error_and_the_new_one_has_its_full_size() -> None:
    desk = Desk()
    desk.do(buy("1.995"))
    desk.ledger(replace(QUIET, takers=(seller(100),)))
    seen = desk.do(instead(buy("1.95"), 1))
    assert (told(seen.account.events), results(seen)) == ([("placed", "", 2)], ["tesSUCCESS"])


def test_in_the_ledger_in_which_the_old_one_is_taken_the_new_one_is_placed_all_the_same() -> None:
    outcomes = set()
    for ledgers in range(12):
        desk = Desk()
        desk.do(buy("1.995"))
        for _ in range(ledgers):
            desk.ledger()
        seen = desk.do(instead(buy("1.95"), 1), tick=replace(QUIET, takers=(seller(100),)))
        outcomes.add(tuple(told(seen.account.events)))
        assert [offer.sequence for offer in seen.account.offers] == [2]
    assert outcomes == {
        (("filled", "", 1), ("placed", "", 2)),
        (("removed", "replaced", 1), ("placed", "", 2)),
    }


def test_a_new_one_that_crosses_replaces_the_old_one_and_is_filled_at_once() -> None:
    desk = Desk()
    desk.do(buy("1.95"))
    seen = desk.do(instead(buy("2.02"), 1))
    assert told(seen.account.events) == [("removed", "replaced", 1), ("filled", "", 2)]
    assert seen.account.offers == ()


def test_a_new_half_that_fails_leaves_the_old_offer_where_it_is() -> None:
    desk = Desk()
    desk.do(buy("1.95"))
    expired = desk.do(instead(buy("1.96", expires_at=desk.seen.close_time), 1))
    assert (expired.account.events, results(expired)) == ((), ["tecEXPIRED"])
    broke = Desk(replace(OPENING, rlusd=Decimal(0)))
    broke.do(sell("2.05"))
    unfunded = broke.do(instead(buy("1.96"), 1))
    assert (unfunded.account.events, results(unfunded)) == ((), ["tecUNFUNDED_OFFER"])
    for seen in (expired, unfunded):
        assert [offer.sequence for offer in seen.account.offers] == [1]


def test_a_replace_needs_no_reserve_for_two_and_without_an_old_one_it_fails() -> None:
    tight = replace(OPENING, xrp_drops=1_400_000 + 3 * FEE)
    desk = Desk(tight)
    desk.do(buy("1.95"))
    seen = desk.do(instead(buy("1.96"), 1))
    assert (results(seen), [offer.sequence for offer in seen.account.offers]) == (["tesSUCCESS"], [2])
    refused = desk.do(buy("1.94"))
    assert (results(refused), [offer.sequence for offer in refused.account.offers]) == (
        ["tecINSUF_RESERVE_OFFER"],
        [2],
    )


@pytest.mark.parametrize("sequence", [2, 3, -1])
def test_a_sequence_that_is_not_an_earlier_one_is_refused(sequence: int) -> None:
    desk = Desk()
    desk.do(buy("1.95"))
    assert desk.send(instead(buy("1.96"), sequence)) == (Ack("o-1", False, AckOutcome.REFUSED, "temBAD_SEQUENCE"),)


def test_the_file_tells_the_same_wallet_again(tmp_path: Path) -> None:
    path = tmp_path / "paper.jsonl"
    desk = Desk(path=path)
    desk.do(buy("1.95"), sell("2.05"))
    desk.do(instead(buy("1.96"), 1), instead(sell("2.04"), 2))
    desk.do(instead(buy("2.02"), 3), tick=MarketTick(1.99, 2.01))
    desk.gateway.close()
    wallet, seen = read(path), desk.seen.account
    assert (wallet.xrp_drops, wallet.rlusd, wallet.reserve_drops) == (
        seen.xrp_drops,
        seen.rlusd,
        seen.reserve_drops,
    )
    assert wallet.offers == seen.offers
    assert [offer.sequence for offer in seen.offers] == [4]
