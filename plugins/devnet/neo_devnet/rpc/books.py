"""Order books and pools."""

from __future__ import annotations

from itertools import islice
from typing import Any

from xrpl.core.addresscodec import is_valid_classic_address

from neo_devnet.ledger import Rules, State, accounts, amounts, funded_book, keys, lines, pool, pool_holds
from neo_devnet.ledger.keys import Asset
from neo_devnet.rpc.call import Call, fail, invalid, limit_of, missing
from neo_devnet.times import slot_time
from neo_devnet.tx import Tx

__all__ = ["METHODS", "asset_of", "is_currency", "offers_in", "sender_funds"]

NO_ACCOUNT = "rrrrrrrrrrrrrrrrrrrrBZbvji"
SLOT_SECONDS, SLOT_INTERVALS = 86_400, 20
HEX_40 = 40


def is_currency(code: Any) -> bool:
    if not isinstance(code, str):
        return False
    if len(code) == HEX_40:
        return all(digit in "0123456789abcdefABCDEF" for digit in code)
    return len(code) == 3


def _side(params: dict[str, Any], name: str) -> None:
    side = params.get(name)
    if name not in params:
        raise missing(name)
    if not isinstance(side, dict):
        raise invalid(name, "object")
    if "currency" not in side:
        raise missing(f"{name}.currency")
    if not isinstance(side["currency"], str):
        raise invalid(f"{name}.currency", "string")


def asset_of(side: dict[str, Any], name: str) -> Asset:
    """The asset of taker_pays or taker_gets."""
    currency, issuer = ("srcCurMalformed", "srcIsrMalformed")
    if name == "taker_gets":
        currency, issuer = ("dstAmtMalformed", "dstIsrMalformed")
    code = side["currency"]
    if not is_currency(code):
        raise fail(currency, f"Invalid field '{name}.currency', bad currency.")
    named = side.get("issuer")
    if named is not None and not (isinstance(named, str) and is_valid_classic_address(named)):
        raise fail(issuer, f"Invalid field '{name}.issuer', bad issuer.")
    if named == NO_ACCOUNT:
        raise fail(issuer, f"Invalid field '{name}.issuer', bad issuer account one.")
    if code == "XRP":
        if named is not None:
            raise fail(issuer, f"Unneeded field '{name}.issuer' for XRP currency specification.")
        return keys.XRP
    if named is None:
        raise fail(issuer, f"Invalid field '{name}.issuer', expected non-XRP issuer.")
    return code.upper() if len(code) == HEX_40 else code, named


def book_offers(call: Call) -> dict[str, Any]:
    ground = call.ground()
    for name in ("taker_pays", "taker_gets"):
        _side(call.params, name)
    pays = asset_of(call.params["taker_pays"], "taker_pays")
    gets = asset_of(call.params["taker_gets"], "taker_gets")
    taker = call.params.get("taker", "")
    if not isinstance(taker, str):
        raise invalid("taker", "string")
    if taker and not is_valid_classic_address(taker):
        raise invalid("taker")
    if pays == gets:
        raise fail("badMarket")
    limit = limit_of(call, 0, 60, 100)
    offers = offers_in(ground.state, pays, gets, call.rules(ground), limit=limit, taker=taker)
    return {"offers": offers, **ground.shown}


def offers_in(
    state: State, pays: Asset, gets: Asset, rules: Rules, *, limit: int, taker: str = ""
) -> list[dict[str, Any]]:
    """The book as a node lists it, with what each owner can really give, reckoned down the book."""
    shown: list[dict[str, Any]] = []
    for one in islice(funded_book(state, pays, gets, rules, taker), limit):
        offer = {**one.offer, "index": one.key, "quality": one.rate}
        if one.owner_funds is not None:
            offer["owner_funds"] = one.owner_funds
        if one.gets_funded is not None:
            offer |= {"taker_gets_funded": one.gets_funded, "taker_pays_funded": one.pays_funded}
        shown.append(offer)
    return shown


def sender_funds(tx: Tx, state: State, rules: Rules) -> str | None:
    """What the sender of an OfferCreate has of what it sells, frozen or not; None where it is its own token."""
    if tx.fields["TransactionType"] != "OfferCreate":
        return None
    currency, issuer = amounts.asset(tx.fields["TakerGets"])
    if issuer == tx.account:
        return None
    if currency == "XRP":
        return str(accounts.liquid_drops(state, tx.account, rules))
    line = lines.find(state, tx.account, issuer, currency)
    return "0" if line is None else amounts.text(lines.balance(line, tx.account, issuer))


def amm_info(call: Call) -> dict[str, Any]:
    ground = call.ground()
    params = call.params
    if "asset" not in params or "asset2" not in params:
        raise fail("invalidParams", **ground.shown)
    both = []
    for name in ("asset", "asset2"):
        side = params[name]
        if not isinstance(side, dict) or not is_currency(side.get("currency")):
            raise fail("issueMalformed", **ground.shown)
        both.append((str(side["currency"]), str(side.get("issuer", ""))))
    entry = pool(ground.state, both[0], both[1])
    if entry is None:
        raise fail("actNotFound", **ground.shown)
    holder = entry["Account"]
    token = entry["LPTokenBalance"]
    shown: dict[str, Any] = {"account": holder, "lp_token": token, "trading_fee": entry.get("TradingFee", 0)}
    for name, side in (("amount", both[0]), ("amount2", both[1])):
        shown[name] = _held(ground.state, holder, side)
        if side[1]:
            frozen = lines.is_frozen(ground.state, holder, side)
            shown["asset_frozen" if name == "amount" else "asset2_frozen"] = frozen
    if entry.get("VoteSlots"):
        shown["vote_slots"] = [_vote(slot["VoteEntry"]) for slot in entry["VoteSlots"]]
    slot = entry.get("AuctionSlot")
    if slot and "Account" in slot:
        shown["auction_slot"] = {
            "account": slot["Account"],
            "discounted_fee": slot.get("DiscountedFee", 0),
            "expiration": slot_time(slot["Expiration"]),
            "price": slot["Price"],
            "time_interval": _interval(slot["Expiration"], ground.parent_close_time),
        }
    return {"amm": shown, **ground.shown}


def _held(state: State, holder: str, side: Asset) -> Any:
    held = amounts.text(pool_holds(state, holder, side))
    return held if side == keys.XRP else {"currency": side[0], "issuer": side[1], "value": held}


def _vote(entry: dict[str, Any]) -> dict[str, Any]:
    return {
        "account": entry["Account"],
        "trading_fee": entry.get("TradingFee", 0),
        "vote_weight": entry["VoteWeight"],
    }


def _interval(expiration: int, parent_close_time: int) -> int:
    since = parent_close_time - (expiration - SLOT_SECONDS)
    return since * SLOT_INTERVALS // SLOT_SECONDS if 0 <= since < SLOT_SECONDS else SLOT_INTERVALS


METHODS = {"amm_info": amm_info, "book_offers": book_offers}
