"""The wallet and the own offers at one ledger, and whether the account may trade."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import pytest

from neo_core.errors import ObservationFailed
from neo_core.gateways.xrpl.connecting.link import RIPPLE_EPOCH
from neo_core.model import Offer, Side
from tests.gateway.making import ISSUER, MAKER, OTHER, RLUSD, eur, rlusd
from tests.gateway.observation.serving import (
    DEFAULT_RIPPLE,
    DISABLE_MASTER,
    GLOBAL_FREEZE,
    REQUIRE_AUTH,
    Node,
    gateway_to,
    observe,
    own_offer,
    root,
    trust_line,
)


@pytest.mark.rule("TRU-1", "RISK-2")
def test_the_wallet_is_told_exactly_and_with_the_reserve_of_what_it_owns() -> None:
    node = Node()
    node.roots[MAKER] = root(MAKER, "999999990", OwnerCount=7)
    node.lines = [trust_line("9", currency="EUR"), trust_line("1234567890.123456")]
    account = observe(node).account
    assert (account.xrp_drops, account.rlusd) == (999_999_990, Decimal("1234567890.123456"))
    assert (account.reserve_drops, account.reserve_step_drops) == (1_000_000 + 7 * 200_000, 200_000)


def test_a_balance_with_an_exponent_and_a_root_without_flags_are_read() -> None:
    node = Node()
    node.lines = [trust_line("3000000000000000e-27")]
    for known in node.roots.values():
        del known["Flags"]
    observation = observe(node)
    assert observation.account.rlusd == Decimal("3e-12")
    assert observation.health.cannot_trade is None


def test_own_offers_are_told_by_side_in_the_order_of_their_sequences() -> None:
    node = Node()
    node.offers = [
        own_offer(10, rlusd("48"), "100000000", expiration=848_541_000),
        own_offer(9, "100000000", rlusd("52")),
    ]
    assert observe(node).account.offers == (
        Offer(9, Side.SELL, 100_000_000, Decimal(52)),
        Offer(10, Side.BUY, 100_000_000, Decimal(48), 848_541_000.0 + RIPPLE_EPOCH),
    )


@pytest.mark.rule("MODE-4")
def test_own_offers_are_read_to_the_last_page_on_the_same_ledger() -> None:
    node = Node()
    node.page = 2
    node.offers = [own_offer(seq, "1000000", rlusd("1")) for seq in range(9, 14)]
    offers = observe(node).account.offers
    assert [offer.sequence for offer in offers] == [9, 10, 11, 12, 13]
    assert node.trips == 3
    pages = [asked for asked in node.requests if asked["command"] == "account_offers"]
    assert [(asked["ledger_index"], asked.get("marker")) for asked in pages] == [
        (100, None),
        (100, "2"),
        (100, "4"),
    ]


def test_offers_of_other_pairs_are_not_ours_to_quote_but_lock_their_reserve() -> None:
    node = Node()
    node.roots[MAKER]["OwnerCount"] = 4
    node.offers = [
        own_offer(9, "1000000", eur("1")),
        own_offer(10, rlusd("1"), eur("1")),
        own_offer(11, "1000000", {**rlusd("1"), "issuer": OTHER}),
    ]
    gateway = gateway_to(node)
    account = gateway.observe(None).account
    assert account.offers == ()
    assert account.reserve_drops == 1_000_000 + 4 * 200_000
    assert gateway.shown is not None
    assert gateway.shown.others == 3


def test_the_lines_with_the_issuer_are_read_to_the_last_page() -> None:
    node = Node()
    node.page = 1
    node.lines = [trust_line("9", currency="EUR"), trust_line("7")]
    assert observe(node).account.rlusd == 7


def test_without_a_trust_line_there_is_no_rlusd_and_xrp_can_still_be_sold() -> None:
    node = Node()
    node.lines = []
    observation = observe(node)
    assert observation.account.rlusd == 0
    assert observation.health.cannot_trade is None


def test_an_account_that_does_not_exist_yet_is_told_as_empty_and_says_what_to_do() -> None:
    node = Node()
    del node.roots[MAKER]
    observation = observe(node, since=90)
    account = observation.account
    assert (account.xrp_drops, account.rlusd, account.offers) == (0, Decimal(0), ())
    assert account.reserve_drops == 1_000_000
    assert observation.health.cannot_trade == (
        f"the account {MAKER} does not exist on this ledger: send it XRP, or correct the address"
    )


REASONS: list[tuple[dict[str, Any], dict[str, Any], dict[str, Any], str]] = [
    ({"Flags": DISABLE_MASTER}, {}, {}, "the master key of .* is disabled: sign with its regular key"),
    ({}, {"Flags": DEFAULT_RIPPLE | GLOBAL_FREEZE}, {}, "has frozen all that it issued"),
    ({}, {}, {"freeze_peer": True}, "the issuer has frozen the trust line"),
    ({}, {}, {"deep_freeze_peer": True}, "the issuer has frozen the trust line"),
    ({}, {}, {"deep_freeze": True}, "the account itself has deep frozen the trust line"),
    ({}, {"Flags": DEFAULT_RIPPLE | REQUIRE_AUTH}, {}, "the issuer has not authorised the trust line"),
    ({}, {"Flags": 0}, {"no_ripple_peer": True}, "nothing can be traded over the trust line"),
]


@pytest.mark.rule("HALT-5")
@pytest.mark.parametrize(("own", "issuer", "line", "reason"), REASONS)
def test_what_stops_all_trading_is_said_in_one_sentence(
    own: dict[str, Any], issuer: dict[str, Any], line: dict[str, Any], reason: str
) -> None:
    node = Node()
    node.roots[MAKER] |= own
    node.roots[ISSUER] |= issuer
    node.lines[0] |= line
    stops = observe(node).health.cannot_trade
    assert stops is not None
    assert re.search(reason, stops)
    assert "\n" not in stops


@pytest.mark.parametrize(
    ("own", "issuer", "line"),
    [
        ({"Flags": 0x0100_0000 | 0x0002_0000}, {}, {}),  # deposits need a preauthorisation, or a tag
        ({}, {"Flags": DEFAULT_RIPPLE | 0x8000_0000}, {}),  # can claw back
        ({}, {"Flags": DEFAULT_RIPPLE | REQUIRE_AUTH}, {"peer_authorized": True}),
        ({}, {}, {"freeze": True}),  # our own freeze of the issuer stops nobody
        ({}, {}, {"no_ripple_peer": True}),
    ],
)
def test_what_does_not_stop_trading_is_passed_over(
    own: dict[str, Any], issuer: dict[str, Any], line: dict[str, Any]
) -> None:
    node = Node()
    node.roots[MAKER] |= own
    node.roots[ISSUER] |= issuer
    node.lines[0] |= line
    assert observe(node).health.cannot_trade is None


def test_a_regular_key_signs_also_where_the_master_key_is_disabled() -> None:
    node = Node()
    node.roots[MAKER] |= {"Flags": DISABLE_MASTER, "RegularKey": OTHER}
    assert observe(node, signer=OTHER).health.cannot_trade is None


def test_a_key_that_is_none_of_the_account_cannot_trade() -> None:
    stops = observe(Node(), signer=OTHER).health.cannot_trade
    assert stops is not None
    assert stops.startswith(f"the key of {OTHER} may not sign for {MAKER}")


def test_an_issuer_that_does_not_exist_stops_trading() -> None:
    node = Node()
    del node.roots[ISSUER]
    node.asks, node.bids, node.lines = [], [], []
    stops = observe(node).health.cannot_trade
    assert stops is not None
    assert stops.startswith(f"the issuer {ISSUER} does not exist on this ledger")


def test_a_node_that_is_amendment_blocked_stops_trading() -> None:
    node = Node()
    node.info["amendment_blocked"] = True
    stops = observe(node).health.cannot_trade
    assert stops is not None
    assert "amendment blocked" in stops


def test_fee_load_and_age_are_told_as_the_node_says_them() -> None:
    node = Node()
    node.open_fee, node.age, node.info["load_factor"] = "7200", 12, 256.5
    health = observe(node).health
    assert (health.fee_drops, health.load, health.ledger_age_seconds) == (7_200, 256.5, 12.0)


def test_nothing_at_all_is_an_amount_and_an_age() -> None:
    node = Node()
    node.roots[MAKER]["Balance"], node.age = "0", 0
    observation = observe(node)
    assert (observation.account.xrp_drops, observation.health.ledger_age_seconds) == (0, 0.0)


def test_a_node_that_tells_neither_its_state_nor_its_load_is_read() -> None:
    node = Node()
    node.info = {}
    assert observe(node).health.load == 1.0


def test_terms_of_the_issuer_are_at_hand() -> None:
    node = Node()
    node.roots[ISSUER]["TransferRate"] = 1_002_000_000
    gateway = gateway_to(node)
    gateway.observe(None)
    assert gateway.shown is not None
    assert gateway.shown.issuer is not None
    assert (gateway.shown.issuer.tick_size, gateway.shown.issuer.transfer_rate) == (7, 1_002_000_000)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda node: node.roots[MAKER].update(Balance="-1"), "account_info, Balance: expected whole drops"),
        (lambda node: node.roots[MAKER].update(Balance=5), "account_info, Balance: expected drops"),
        (
            lambda node: node.roots[MAKER].update(OwnerCount=2**40),
            "account_info, OwnerCount: expected a whole number",
        ),
        (lambda node: node.lines[0].update(balance="NaN"), "account_lines, balance: expected a decimal number"),
        (lambda node: node.lines[0].update(balance=None), "account_lines, balance: expected a decimal number"),
        (lambda node: node.lines[0].update(account=OTHER), "account_lines: expected lines with"),
        (
            lambda node: node.offers.append(own_offer(9, "-5", rlusd("1"))),
            "expected amounts that are not below zero",
        ),
        (lambda node: node.offers.append(own_offer(-9, "5", rlusd("1"))), "account_offers, seq: expected a whole"),
        (
            lambda node: node.offers.append(own_offer(9, "5", {"currency": RLUSD})),
            "expected the address of an issuer",
        ),
        (lambda node: node.info.update(load_factor=float("nan")), "server_info, load_factor: expected a number"),
        (lambda node: node.info.update(load_factor=float("inf")), "server_info, load_factor: expected a number"),
        (lambda node: node.info.update(load_factor=10**400), "server_info, load_factor: expected a number"),
        (lambda node: node.info.update(server_state="syncing"), "expected a server in step with its network"),
        (lambda node: setattr(node, "age", "3"), "server_info, age: expected a number"),
        (lambda node: setattr(node, "open_fee", 10), "fee, open_ledger_fee: expected drops"),
    ],
)
def test_what_makes_no_sense_is_refused_with_what_was_expected(change: Any, sentence: str) -> None:
    node = Node()
    change(node)
    with pytest.raises(ObservationFailed, match=sentence):
        observe(node)
