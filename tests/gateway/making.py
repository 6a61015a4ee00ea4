"""Transactions and metadata in the shape that servers give them, made to order."""

from __future__ import annotations

import json
from typing import Any

from neo_core.gateways.xrpl.reading.metadata import as_facts, explain

MAKER = "rDukvS88X4VmE2VGrj2NNPoKX3AL5qcfwu"
TAKER = "rwxsvz9TNMtJcxtUEr6J3TSa918ZA37eV8"
OTHER = "rnZt7me3qzDbcuhpA45hGaj4HSDWxTp4pT"
ISSUER = "rUykaZ4VHgjJtQEZ71zUpAA6Dcg45vjRVk"
RLUSD = "524C555344000000000000000000000000000000"
HASH = "1EC9C98E09FD45D93D520D550726200F4846C8650C3132B11D7E7C95DD80FA6E"
LEDGER = 90_000_100
FEE = 10

Json = dict[str, Any]


def rlusd(value: str) -> Json:
    return {"currency": RLUSD, "issuer": ISSUER, "value": value}


def eur(value: str, issuer: str = ISSUER) -> Json:
    return {"currency": "EUR", "issuer": issuer, "value": value}


def transaction(kind: str, sender: str, sequence: int = 50, **fields: Any) -> Json:
    return {
        "TransactionType": kind,
        "Account": sender,
        "Sequence": sequence,
        "Fee": str(FEE),
        "Flags": 0,
        "hash": HASH,
        **fields,
    }


def create(sender: str, gets: Any, pays: Any, sequence: int = 50, **fields: Any) -> Json:
    return transaction("OfferCreate", sender, sequence, TakerGets=gets, TakerPays=pays, **fields)


def payment() -> Json:
    return transaction("Payment", TAKER, Destination=OTHER, Amount=rlusd("1"), SendMax="9000000")


def meta(*nodes: Json, result: str = "tesSUCCESS") -> Json:
    return {"AffectedNodes": list(nodes), "TransactionIndex": 3, "TransactionResult": result}


def placed(owner: str, sequence: int, gets: Any, pays: Any) -> Json:
    fields = {"Account": owner, "Sequence": sequence, "TakerGets": gets, "TakerPays": pays}
    return {"CreatedNode": {"LedgerEntryType": "Offer", "LedgerIndex": HASH, "NewFields": fields}}


def changed(
    kind: str, owner: str, sequence: int, gets: Any, pays: Any, before: Json | None = None, **fields: Any
) -> Json:
    final = {"Account": owner, "Sequence": sequence, "TakerGets": gets, "TakerPays": pays, "Flags": 0, **fields}
    node: Json = {"LedgerEntryType": "Offer", "LedgerIndex": HASH, "FinalFields": final}
    return {kind: node if before is None else {**node, "PreviousFields": before}}


def modified(owner: str, sequence: int, gets: Any, pays: Any, before: Json | None = None, **fields: Any) -> Json:
    return changed("ModifiedNode", owner, sequence, gets, pays, before, **fields)


def deleted(owner: str, sequence: int, gets: Any, pays: Any, before: Json | None = None, **fields: Any) -> Json:
    return changed("DeletedNode", owner, sequence, gets, pays, before, **fields)


def was(gets: Any = None, pays: Any = None) -> Json:
    return {name: side for name, side in (("TakerGets", gets), ("TakerPays", pays)) if side is not None}


def root(owner: str, drops: int, before: int) -> Json:
    previous = {} if drops == before else {"Balance": str(before)}
    return {
        "ModifiedNode": {
            "LedgerEntryType": "AccountRoot",
            "LedgerIndex": HASH,
            "FinalFields": {"Account": owner, "Balance": str(drops), "OwnerCount": 1},
            "PreviousFields": {"Sequence": 49, **previous},
        }
    }


def trust_line(low: str, high: str, balance: str, before: str | None, currency: str = RLUSD) -> Json:
    """The balance is the low account's. Before it was made, a line had none."""

    def amount(value: str, issuer: str) -> Json:
        return {"currency": currency, "issuer": issuer, "value": value}

    nobody = "rrrrrrrrrrrrrrrrrrrrBZbvji"
    fields = {
        "Balance": amount(balance, nobody),
        "LowLimit": amount("0", low),
        "HighLimit": amount("1000", high),
    }
    node: Json = {"LedgerEntryType": "RippleState", "LedgerIndex": HASH}
    if before is None:
        return {"CreatedNode": {**node, "NewFields": fields}}
    return {"ModifiedNode": {**node, "FinalFields": fields, "PreviousFields": {"Balance": amount(before, nobody)}}}


def told(
    tx: Json, metadata: Json, parent_close_time: float | None = None, account: str | None = None
) -> list[Json]:
    return [as_facts(event) for event in explain(tx, metadata, LEDGER, parent_close_time, account)]


def line(tx: Json, metadata: Json, **fields: Any) -> str:
    """As servers tell it since version 2: the hash beside the transaction."""
    bare = {name: given for name, given in tx.items() if name != "hash"}
    return json.dumps({"tx_json": bare, "hash": HASH, "meta": metadata, "ledger_index": LEDGER, **fields})
