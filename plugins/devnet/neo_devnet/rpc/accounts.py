"""What an account is and has."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from neo_devnet.feemetrics import level_of
from neo_devnet.ledger import accounts, amounts, directories, keys, quality
from neo_devnet.queue import blocks, potential_spend
from neo_devnet.rpc.call import Call, Ground, account_of, fail, invalid, limit_of, page

__all__ = ["METHODS"]

FLAGS = {
    "allowTrustLineClawback": accounts.ALLOW_CLAWBACK,
    "defaultRipple": accounts.DEFAULT_RIPPLE,
    "depositAuth": accounts.DEPOSIT_AUTH,
    "disableMasterKey": accounts.DISABLE_MASTER,
    "disallowIncomingCheck": accounts.DISALLOW_INCOMING_CHECK,
    "disallowIncomingNFTokenOffer": accounts.DISALLOW_INCOMING_NFT,
    "disallowIncomingPayChan": accounts.DISALLOW_INCOMING_PAYCHAN,
    "disallowIncomingTrustline": accounts.DISALLOW_INCOMING_TRUSTLINE,
    "disallowIncomingXRP": accounts.DISALLOW_XRP,
    "globalFreeze": accounts.GLOBAL_FREEZE,
    "noFreeze": accounts.NO_FREEZE,
    "passwordSpent": accounts.PASSWORD_SPENT,
    "requireAuthorization": accounts.REQUIRE_AUTH,
    "requireDestinationTag": accounts.REQUIRE_DEST_TAG,
}
LOW, HIGH = "LowLimit", "HighLimit"
AUTH, NO_RIPPLE, FREEZE = (0x40000, 0x80000), (0x100000, 0x200000), (0x400000, 0x800000)
OBJECT_TYPES = {
    "amm": "AMM",
    "check": "Check",
    "deposit_preauth": "DepositPreauth",
    "escrow": "Escrow",
    "offer": "Offer",
    "payment_channel": "PayChannel",
    "signer_list": "SignerList",
    "state": "RippleState",
    "ticket": "Ticket",
}


def account_info(call: Call) -> dict[str, Any]:
    ground = call.ground()
    address = account_of(call, ground, must_be_there=False)
    key = keys.account(address)
    root = ground.state.get(key)
    if root is None:
        raise fail("actNotFound", account=address, **ground.shown)
    queue = call.params.get("queue", False)
    if queue and ground.ledger is not None:
        raise fail("invalidParams", **ground.shown)
    data: dict[str, Any] = {**root, "index": key}
    answer = {
        "account_data": data,
        "account_flags": {name: bool(root["Flags"] & flag) for name, flag in FLAGS.items()},
        **ground.shown,
    }
    signers = call.params.get("signer_lists", False)
    if call.version > 1 and not isinstance(signers, bool):
        raise fail("invalidParams", **ground.shown)
    if signers:
        signer_list = ground.state.get(keys.signer_list(address))
        shown = [{**signer_list, "index": keys.signer_list(address)}] if signer_list else []
        (answer if call.version > 1 else data)["signer_lists"] = shown
    if queue:
        answer["queue_data"] = _queue_data(call, address)
    return answer


def _queue_data(call: Call, address: str) -> dict[str, Any]:
    queued = call.node.queue.of(address)
    if not queued:
        return {"txn_count": 0}
    sequences = [one.tx.sequence for one in queued if not one.tx.by_ticket]
    tickets = [one.tx.sequence for one in queued if one.tx.by_ticket]
    shown, total = [], 0
    for one in queued:
        most = one.tx.fee + potential_spend(one.tx)
        total += most
        entry = {
            "auth_change": blocks(one.tx),
            "fee": str(one.tx.fee),
            "fee_level": str(level_of(one.tx.fee, call.node.fees.base_of(one.tx))),
            "max_spend_drops": str(most),
            "ticket" if one.tx.by_ticket else "seq": one.tx.sequence,
        }
        if one.tx.last_ledger is not None:
            entry["LastLedgerSequence"] = one.tx.last_ledger
        shown.append(entry)
    data = {
        "auth_change_queued": any(blocks(one.tx) for one in queued),
        "max_spend_drops_total": str(total),
        "transactions": shown,
        "txn_count": len(queued),
    }
    if sequences:
        data |= {
            "highest_sequence": max(sequences),
            "lowest_sequence": min(sequences),
            "sequence_count": len(sequences),
        }
    if tickets:
        data |= {"highest_ticket": max(tickets), "lowest_ticket": min(tickets), "ticket_count": len(tickets)}
    return data


def _lines(ground: Ground, address: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The account's trust lines in directory order, each as this account sees it."""
    for key in directories.owned(ground.state, address):
        entry = ground.state.get(key)
        if entry is None or entry["LedgerEntryType"] != "RippleState":
            continue
        mine = 0 if entry[LOW]["issuer"] == address else 1
        own, other = (entry[LOW], entry[HIGH]) if mine == 0 else (entry[HIGH], entry[LOW])
        balance = entry["Balance"]["value"]
        flags = entry["Flags"]
        line = {
            "account": other["issuer"],
            "balance": balance if mine == 0 else _negated(balance),
            "currency": own["currency"],
            "limit": own["value"],
            "limit_peer": other["value"],
            "no_ripple": bool(flags & NO_RIPPLE[mine]),
            "no_ripple_peer": bool(flags & NO_RIPPLE[1 - mine]),
            "quality_in": entry.get("LowQualityIn" if mine == 0 else "HighQualityIn", 0),
            "quality_out": entry.get("LowQualityOut" if mine == 0 else "HighQualityOut", 0),
        }
        for name, bits in (("authorized", AUTH), ("freeze", FREEZE)):
            if flags & bits[mine]:
                line[name] = True
            if flags & bits[1 - mine]:
                line["peer_authorized" if name == "authorized" else "freeze_peer"] = True
        yield key, line


def _negated(value: str) -> str:
    if value.startswith("-"):
        return value[1:]
    return value if Decimal(value) == 0 else f"-{value}"


def account_lines(call: Call) -> dict[str, Any]:
    ground = call.ground()
    address = account_of(call, ground)
    peer = account_of(call, ground, "peer", must_be_there=False) if "peer" in call.params else None
    limit = limit_of(call, 10, 200, 400)
    lines = {key: line for key, line in _lines(ground, address) if peer in (None, line["account"])}
    found, marker = page(list(lines), call, limit)
    answer: dict[str, Any] = {"account": address, "lines": [lines[key] for key in found], **ground.shown}
    if marker is not None:
        answer |= {"limit": limit, "marker": marker}
    return answer


def account_offers(call: Call) -> dict[str, Any]:
    ground = call.ground()
    address = account_of(call, ground)
    limit = limit_of(call, 10, 200, 400)
    owned = list(directories.owned(ground.state, address))
    offers = [key for key in owned if (ground.state.get(key) or {}).get("LedgerEntryType") == "Offer"]
    found, marker = page(offers, call, limit)
    shown = []
    for key in found:
        entry = ground.state.get(key)
        assert entry is not None
        offer = {
            "flags": entry["Flags"],
            "quality": amounts.token_text(quality.rate_of(quality.of_directory(entry["BookDirectory"]))),
            "seq": entry["Sequence"],
            "taker_gets": entry["TakerGets"],
            "taker_pays": entry["TakerPays"],
        }
        if "Expiration" in entry:
            offer["expiration"] = entry["Expiration"]
        shown.append(offer)
    answer: dict[str, Any] = {"account": address, "offers": shown, **ground.shown}
    if marker is not None:
        answer |= {"limit": limit, "marker": marker}
    return answer


def account_objects(call: Call) -> dict[str, Any]:
    ground = call.ground()
    address = account_of(call, ground)
    limit = limit_of(call, 10, 200, 400)
    kind = call.params.get("type")
    if kind is not None and not isinstance(kind, str):
        raise invalid("type", "string")
    if kind is not None and kind not in OBJECT_TYPES:
        raise invalid("type")
    objects = {}
    for key in directories.owned(ground.state, address):
        entry = ground.state.get(key)
        if entry is not None and (kind is None or entry["LedgerEntryType"] == OBJECT_TYPES[kind]):
            objects[key] = {**entry, "index": key}
    found, marker = page(list(objects), call, limit)
    answer = {"account": address, "account_objects": [objects[key] for key in found], **ground.shown}
    if marker is not None:
        answer |= {"limit": limit, "marker": marker}
    return answer


def account_currencies(call: Call) -> dict[str, Any]:
    ground = call.ground()
    address = account_of(call, ground, must_be_there=False)
    if ground.state.get(keys.account(address)) is None:
        raise fail("actNotFound", **ground.shown)
    receive, send = set(), set()
    for _, line in _lines(ground, address):
        balance = Decimal(line["balance"])
        if balance < Decimal(line["limit"]):
            receive.add(line["currency"])
        if -balance < Decimal(line["limit_peer"]):
            send.add(line["currency"])
    return {"receive_currencies": sorted(receive), "send_currencies": sorted(send), **ground.shown}


def gateway_balances(call: Call) -> dict[str, Any]:
    ground = call.ground()
    address = account_of(call, ground)
    hot = call.params.get("hotwallet", [])
    hot_wallets = [hot] if isinstance(hot, str) else hot
    if not isinstance(hot_wallets, list):
        raise fail("invalidParams", **ground.shown)
    obligations: dict[str, Decimal] = {}
    balances: dict[str, list[dict[str, str]]] = {}
    assets: dict[str, list[dict[str, str]]] = {}
    for _, line in _lines(ground, address):
        balance = Decimal(line["balance"])
        if balance == 0:
            continue
        held = {"currency": line["currency"], "value": str(abs(balance))}
        if balance > 0:
            assets.setdefault(line["account"], []).append(held)
        elif line["account"] in hot_wallets:
            balances.setdefault(line["account"], []).append(held)
        else:
            obligations[line["currency"]] = obligations.get(line["currency"], Decimal(0)) - balance
    answer: dict[str, Any] = {"account": address, **ground.shown}
    if obligations:
        answer["obligations"] = {
            currency: amounts.token_text(amounts.parse(str(total))) for currency, total in obligations.items()
        }
    if balances:
        answer["balances"] = balances
    if assets:
        answer["assets"] = assets
    return answer


METHODS = {
    "account_currencies": account_currencies,
    "account_info": account_info,
    "account_lines": account_lines,
    "account_objects": account_objects,
    "account_offers": account_offers,
    "gateway_balances": gateway_balances,
}
