"""The shapes of answers and of refusals."""

from __future__ import annotations

from typing import Any

import pytest

from .making import RLUSD, XRP, World, founded


@pytest.fixture(scope="module")
def world() -> World:
    """Three asks of the maker, of which the best is partly filled; ledgers 7 to 9 hold one transaction each."""
    made = founded()
    made.ask(made.maker)
    made.node.accept()
    made.ask(made.maker, TakerPays=made.token("5.2"))
    made.node.accept()
    made.bid(made.taker, TakerGets=made.token("2"), TakerPays="4000000")
    made.node.accept()
    made.node.accept()
    return made


def test_account_tx_pages_by_marker_in_both_directions(world: World) -> None:
    for forward in (True, False):
        seen: list[tuple[int, int]] = []
        marker: dict[str, int] | None = None
        while True:
            more = {} if marker is None else {"marker": marker}
            page = world.rpc("account_tx", account=world.maker.address, limit=2, forward=forward, **more)
            seen += [(one["ledger_index"], one["meta"]["TransactionIndex"]) for one in page["transactions"]]
            marker = page.get("marker")
            if marker is None:
                break
        assert len(seen) == len(set(seen)) == 6
        assert seen == sorted(seen, reverse=not forward)


def test_account_tx_tells_what_others_did_to_the_account(world: World) -> None:
    answer = world.rpc("account_tx", account=world.maker.address, ledger_index_min=9, ledger_index_max=-1)
    assert (answer["ledger_index_min"], answer["ledger_index_max"], answer["limit"]) == (9, 10, 0)
    (one,) = answer["transactions"]
    assert one["tx_json"]["Account"] == world.taker.address


@pytest.mark.parametrize(
    ("version", "low", "high", "error"),
    [
        (2, 9, 200, "lgrIdxMalformed"),
        (2, 100, 200, "lgrIdxMalformed"),
        (2, 9, 8, "invalidLgrRange"),
        (1, 9, 8, "lgrIdxsInvalid"),
        (1, 9, 200, None),
        (2, -1, -1, None),
    ],
)
def test_account_tx_beyond_the_history(world: World, version: int, low: int, high: int, error: str | None) -> None:
    answer = world.rpc(
        "account_tx", version, account=world.maker.address, ledger_index_min=low, ledger_index_max=high
    )
    assert answer.get("error") == error
    if error is None:
        assert answer["ledger_index_max"] == 10


def test_a_transaction_looks_as_its_version_of_the_api_shows_it(world: World) -> None:
    ledger = world.node.history.get(7)
    assert ledger is not None
    named = ledger.entered[0].tx.hash
    new, old = world.rpc("tx", transaction=named), world.rpc("tx", 1, transaction=named)
    assert new["tx_json"]["date"] == old["date"] == ledger.close_time
    assert (new["hash"], new["ledger_index"], new["close_time_iso"][:2]) == (named, 7, "20")
    assert (old["hash"], old["inLedger"], old["ledger_index"]) == (named, 7, 7)
    assert "hash" not in new["tx_json"]
    assert "ledger_hash" not in old
    binary = world.rpc("tx", transaction=named, binary=True)
    assert binary["tx_blob"] == ledger.entered[0].tx.blob.hex().upper()
    assert binary["meta_blob"]


def test_a_payment_says_deliver_max(world: World) -> None:
    paid = world.node.history.get(3)
    assert paid is not None
    named = paid.entered[0].tx.hash
    new, old = world.rpc("tx", transaction=named), world.rpc("tx", 1, transaction=named)
    assert "Amount" not in new["tx_json"]
    assert new["tx_json"]["DeliverMax"] == old["DeliverMax"] == old["Amount"] == "1000000000"
    assert new["meta"]["delivered_amount"] == "1000000000"


@pytest.mark.parametrize(
    ("asked", "error", "searched_all"),
    [
        ({}, "txnNotFound", None),
        ({"min_ledger": 7, "max_ledger": 9}, "txnNotFound", True),
        ({"min_ledger": 7, "max_ledger": 10}, "txnNotFound", False),  # nothing is in ledger 10
        ({"min_ledger": 9, "max_ledger": 500}, "txnNotFound", False),
        ({"min_ledger": 2, "max_ledger": 5000}, "excessiveLgrRange", None),
        ({"min_ledger": 9, "max_ledger": 2}, "invalidLgrRange", None),
        ({"transaction": "XYZ"}, "notImpl", None),
    ],
)
def test_what_is_not_found(world: World, asked: dict[str, Any], error: str, searched_all: bool | None) -> None:
    answer = world.rpc("tx", **{"transaction": "AB" * 32, **asked})
    assert (answer["error"], answer.get("searched_all")) == (error, searched_all)
    assert answer["request"]["command"] == "tx"


def test_the_book_tells_funds_once_an_owner_and_prices_best_first(world: World) -> None:
    answer = world.rpc("book_offers", taker_gets=XRP, taker_pays=world.asset, ledger_index="validated")
    first, second = answer["offers"]
    assert (first["TakerGets"], second["TakerPays"]["value"]) == ("6000000", "5.2")
    assert "owner_funds" in first
    assert "owner_funds" not in second
    assert [float(one["quality"]) for one in answer["offers"]] == [5e-7, 5.2e-7]
    assert len(world.rpc("book_offers", taker_gets=XRP, taker_pays=world.asset, limit=1)["offers"]) == 1


@pytest.mark.parametrize(
    ("pays", "gets", "error"),
    [
        ({"currency": "ZZZZ", "issuer": "rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTh"}, XRP, "srcCurMalformed"),
        ({"currency": RLUSD}, XRP, "srcIsrMalformed"),
        (XRP, XRP, "badMarket"),
        (None, XRP, "invalidParams"),
        (XRP, {"currency": "XRP", "issuer": "rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTh"}, "dstIsrMalformed"),
        (XRP, {"currency": "USD", "issuer": "x"}, "dstIsrMalformed"),
        ("XRP", XRP, "invalidParams"),
    ],
)
def test_a_book_that_is_none(world: World, pays: Any, gets: Any, error: str) -> None:
    sides = {"taker_gets": gets} if pays is None else {"taker_gets": gets, "taker_pays": pays}
    assert world.rpc("book_offers", **sides)["error"] == error


def test_own_offers_page_by_marker(world: World) -> None:
    asked = {"account": world.maker.address, "ledger_index": "validated"}
    every = world.rpc("account_offers", **asked)["offers"]
    first = world.rpc("account_offers", **asked, limit=1)
    rest = world.rpc("account_offers", **asked, limit=1, marker=first["marker"])
    assert [*first["offers"], *rest["offers"]] == every
    assert "marker" not in rest
    assert world.rpc("account_offers", **asked, marker="zz")["error_message"] == "Invalid field 'marker'."
    assert world.rpc("account_offers", **asked, limit="ten")["error"] == "invalidParams"


def test_a_public_client_gets_no_page_smaller_than_ten(world: World) -> None:
    asked = {"account": world.maker.address, "limit": 1}
    assert len(world.node.rpc("account_offers", asked, 2, admin=False)["offers"]) == 2


def test_entries_are_found_by_what_names_them(world: World) -> None:
    offer = world.rpc("account_objects", account=world.maker.address, type="offer")["account_objects"][0]
    by_name = {"offer": {"account": world.maker.address, "seq": offer["Sequence"]}}
    for asked in (by_name, {"index": offer["index"]}):
        assert world.rpc("ledger_entry", **asked)["node"] == offer
    line = {"accounts": [world.maker.address, world.issuer.address], "currency": RLUSD}
    assert world.rpc("ledger_entry", ripple_state=line)["node"]["LedgerEntryType"] == "RippleState"
    assert world.rpc("ledger_entry", account_root=world.maker.address)["node"]["Account"] == world.maker.address
    assert (
        world.rpc("ledger_entry", offer={"account": world.maker.address, "seq": 999})["error"] == "entryNotFound"
    )
    assert world.rpc("ledger_entry", offer={"account": "x", "seq": 1})["error"] == "malformedAddress"
    assert world.rpc("ledger_entry")["error"] == "unknownOption"


def test_lines_and_balances_of_both_sides(world: World) -> None:
    (mine,) = world.rpc("account_lines", account=world.maker.address)["lines"]
    assert (mine["balance"], mine["limit"], mine["no_ripple"]) == ("10002", "1000000000", True)
    theirs = world.rpc("account_lines", account=world.issuer.address, peer=world.maker.address)["lines"]
    assert [line["balance"] for line in theirs] == ["-10002"]
    owed = world.rpc("gateway_balances", account=world.issuer.address, ledger_index="validated")
    assert owed["obligations"] == {RLUSD: "20000"}
    assert world.rpc("account_currencies", account=world.maker.address)["send_currencies"] == [RLUSD]


def test_ledgers_by_every_name(world: World) -> None:
    newest = world.rpc("ledger", ledger_index="validated")
    for named in ({"ledger_index": 10}, {"ledger_index": "10"}, {"ledger_hash": newest["ledger_hash"]}):
        assert world.rpc("ledger", **named) == newest
    assert world.rpc("ledger", ledger_index="current")["ledger"]["closed"] is False
    assert world.rpc("ledger", 1, ledger_index="validated")["ledger"]["ledger_index"] == "10"
    full = world.rpc("ledger", ledger_index=9, transactions=True, expand=True, owner_funds=True)
    assert full["ledger"]["transactions"][0]["owner_funds"] == "9998"
    for wrong, error in ((107, "lgrNotFound"), ("rubbish", "invalidParams"), (True, "invalidParams")):
        assert world.rpc("ledger", ledger_index=wrong)["error"] == error
    assert world.rpc("ledger", ledger_hash="zz")["error"] == "invalidParams"


@pytest.mark.parametrize("asked", [{}, {"account": 7}, {"account": "rubbish"}, {"account": ["x"]}])
@pytest.mark.parametrize(
    "method",
    ["account_info", "account_lines", "account_offers", "account_objects", "account_tx", "account_currencies",
     "gateway_balances"],
)  # fmt: skip
def test_an_account_that_is_no_account_is_refused(world: World, method: str, asked: dict[str, Any]) -> None:
    answer = world.rpc(method, **asked)
    assert answer["error"] in ("invalidParams", "actMalformed")
    assert answer["status"] == "error"


def test_an_account_that_is_not_there(world: World) -> None:
    nobody = "rfVZ9eCFbxZ1jZEVTkGj1SRcmtASUhrgb4"
    answer = world.rpc("account_info", account=nobody, ledger_index="validated")
    assert (answer["error"], answer["account"], answer["ledger_index"]) == ("actNotFound", nobody, 10)
    assert world.rpc("account_tx", account=nobody)["transactions"] == []


def test_transactions_of_a_ledger_by_hash(world: World) -> None:
    ledger = world.node.history.get(7)
    assert ledger is not None
    named = ledger.entered[0].tx.hash
    assert world.rpc("transaction_entry", tx_hash=named, ledger_index=7)["meta"] == ledger.entered[0].meta
    assert world.rpc("transaction_entry", tx_hash=named, ledger_index=8)["error"] == "transactionNotFound"


def test_secrets_are_masked_in_the_echo(world: World) -> None:
    answer = world.node.rpc("submit", {"secret": "snoPBrXtMeMyMHUVTgbuqAfg1SUTb", "tx_json": {}}, 2, admin=False)
    assert answer["request"]["secret"] == "<masked>"
    assert "snoP" not in str(answer)


@pytest.mark.parametrize(
    ("blob", "error", "said"),
    [
        ("DEADBEEF", "invalidTransaction", "Transaction length invalid"),
        ("zz", "invalidParams", None),
        ("", "invalidParams", None),
        (17, "invalidParams", None),
        ("AB" * 100, "invalidTransaction", None),
    ],
)
def test_a_blob_that_is_no_transaction(world: World, blob: Any, error: str, said: str | None) -> None:
    answer = world.rpc("submit", tx_blob=blob)
    assert answer["error"] == error
    if said is not None:
        assert answer["error_exception"] == said


def test_the_server_says_what_it_is(world: World) -> None:
    assert len(world.rpc("feature")["features"]) > 50
    assert world.rpc("version")["version"] == {"first": 1, "last": 2}
    assert world.rpc("ping") == {"role": "admin", "status": "success"}
    assert world.rpc("server_state")["state"]["validated_ledger"]["seq"] == 10
    assert world.rpc("nosuchmethod")["error"] == "unknownCmd"
    assert world.node.rpc("ledger_accept", {}, 2, admin=False)["error"] == "forbidden"
    assert world.rpc("amm_info", asset=XRP, asset2=world.asset)["error"] == "actNotFound"


def test_the_age_of_the_validated_ledger_is_real_time() -> None:
    world = founded(ledger_seconds=4.0)
    world.clock.now += 17
    assert world.rpc("server_info")["info"]["validated_ledger"]["age"] == 17
