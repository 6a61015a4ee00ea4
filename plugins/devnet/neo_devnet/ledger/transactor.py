"""Applies one transaction: the checks that all kinds share, the kind's own, the fee, and the metadata."""

from functools import lru_cache
from typing import Any, Final

from xrpl.core.keypairs import derive_classic_address

from . import accounts, directories, keys, metadata
from .context import Context
from .kinds import KINDS, REQUIRED
from .offers import delete as delete_offer
from .state import Entry, State, View
from .terms import Applied, Refused, Rules

_ALL_DROPS: Final = 10**17
_AMOUNTS: Final = ("Amount", "Amount2", "DeliverMin", "LimitAmount", "SendMax", "TakerGets", "TakerPays")


def apply(state: State, tx: dict[str, Any], rules: Rules) -> tuple[Applied, State]:
    """What the transaction does to the ledger's state. All is looked at here but the signature."""
    kind = KINDS.get(tx.get("TransactionType", ""))
    if kind is None:
        return Applied("temUNKNOWN"), state
    view = View(state)
    context = Context(tx, rules, view, told={})
    try:
        _preflight(tx, rules)
        kind.preflight(tx)
        fee = _may_enter(state, tx, rules)
    except Refused as refusal:
        if refusal.result.startswith("tec"):
            return _claimed(state, tx, rules, refusal.result, frozenset(), early=True)
        return Applied(refusal.result), state
    try:
        kind.preclaim(context)
    except Refused as refusal:
        if not refusal.result.startswith("tec"):
            return Applied(refusal.result), state
        return _claimed(state, tx, rules, refusal.result, frozenset(), early=True)
    before = accounts.balance(state, context.account)
    _pay(view, tx, fee)
    context = Context(tx, rules, view, before, {})
    try:
        result = kind.perform(context)
    except Refused as refusal:
        result = refusal.result
    except (OverflowError, ZeroDivisionError):
        result = "tefEXCEPTION"
    if result == "tesSUCCESS":
        return _done(state, view, tx, rules, result, context.told)
    if result.startswith("tec"):
        stale = _stale_offers(state, view) if result == "tecKILLED" else frozenset()
        return _claimed(state, tx, rules, result, stale)
    return Applied(result), state


def missing_field(tx: dict[str, Any]) -> str | None:
    """A field that a transaction of this type must have, and this one has not."""
    return next((field for field in REQUIRED.get(tx["TransactionType"], ()) if field not in tx), None)


def _preflight(tx: dict[str, Any], rules: Rules) -> None:
    if rules.network_id <= 1024:
        if "NetworkID" in tx:
            raise Refused("telNETWORK_ID_MAKES_TX_NON_CANONICAL")
    elif tx.get("NetworkID") != rules.network_id:
        raise Refused("telWRONG_NETWORK" if "NetworkID" in tx else "telREQUIRES_NETWORK_ID")
    if missing_field(tx) is not None:
        raise Refused("temMALFORMED")
    if any("mpt_issuance_id" in tx[field] for field in _AMOUNTS if isinstance(tx.get(field), dict)):
        raise Refused("temDISABLED")
    if any(int(tx[field]) > _ALL_DROPS for field in _AMOUNTS if isinstance(tx.get(field), str)):
        raise Refused("temBAD_AMOUNT")
    fee = tx.get("Fee", "")
    if not (isinstance(fee, str) and fee.isdigit() and int(fee) <= _ALL_DROPS):
        raise Refused("temBAD_FEE")


def _may_enter(state: State, tx: dict[str, Any], rules: Rules) -> int:
    """Sequence or ticket, LastLedgerSequence, fee, and who signed; the fee."""
    root = accounts.find(state, tx["Account"])
    if root is None:
        raise Refused("terNO_ACCOUNT")
    ticket = tx.get("TicketSequence")
    if ticket is None:
        sequence = tx.get("Sequence", 0)
        if sequence != root["Sequence"]:
            raise Refused("terPRE_SEQ" if root["Sequence"] < sequence else "tefPAST_SEQ")
    elif tx.get("Sequence", 0) != 0:
        raise Refused("temSEQ_AND_TICKET")
    elif keys.ticket(tx["Account"], ticket) not in state:
        raise Refused("terPRE_TICKET" if root["Sequence"] <= ticket else "tefNO_TICKET")
    if "AccountTxnID" in tx and tx["AccountTxnID"] != root.get("AccountTxnID"):
        raise Refused("tefWRONG_PRIOR")
    if tx.get("LastLedgerSequence", rules.ledger_index) < rules.ledger_index:
        raise Refused("tefMAX_LEDGER")
    fee = int(tx["Fee"])
    if rules.open_ledger and fee < base_fee(tx, rules):
        raise Refused("telINSUF_FEE_P")
    have = int(root["Balance"])
    if have < fee:
        raise Refused("tecINSUFF_FEE" if have > 0 and not rules.open_ledger else "terINSUF_FEE_B")
    _signed_by(root, tx)
    return fee


def base_fee(tx: dict[str, Any], rules: Rules) -> int:
    """What a transaction of this kind costs on a quiet node."""
    if tx["TransactionType"] in ("AMMCreate", "AccountDelete"):
        return rules.reserve_inc
    return rules.base_fee * (1 + len(tx.get("Signers", ())))


@lru_cache(maxsize=4096)
def _address(public_key: str) -> str:
    return derive_classic_address(public_key)


def _signed_by(root: Entry, tx: dict[str, Any]) -> None:
    key = tx.get("SigningPubKey")
    if not key:
        return
    signer = _address(key)
    if signer == root.get("RegularKey"):
        return
    if signer != root["Account"]:
        raise Refused("tefBAD_AUTH")
    if root["Flags"] & accounts.DISABLE_MASTER:
        raise Refused("tefMASTER_DISABLED")


def _pay(view: View, tx: dict[str, Any], fee: int) -> None:
    """Takes the fee, and uses up the sequence or the ticket."""
    account = tx["Account"]
    key = keys.account(account)
    ticket = tx.get("TicketSequence")
    if ticket is None:
        view.update(key, Sequence=tx["Sequence"] + 1)
    else:
        ticket_key = keys.ticket(account, ticket)
        entry = view.get(ticket_key)
        assert entry is not None
        directories.remove_owned(view, account, entry["OwnerNode"], ticket_key)
        view.update(key, TicketCount=accounts.root(view, account)["TicketCount"] - 1 or None)
        accounts.count_objects(view, account, -1)
        view.erase(ticket_key)
    accounts.add_drops(view, account, -fee)
    if "AccountTxnID" in accounts.root(view, account):
        view.update(key, AccountTxnID=tx["hash"])


def _stale_offers(state: State, view: View) -> frozenset[str]:
    """Offers that were removed as they were: these go even where the transaction fails."""
    found = set()
    for key, last in view.gone.items():
        old = state.get(key)
        if last["LedgerEntryType"] == "Offer" and old is not None and view.changes[key] is None:
            same = all(old[side] == last[side] for side in ("TakerPays", "TakerGets"))
            if same:
                found.add(key)
    return frozenset(found)


def _claimed(
    state: State, tx: dict[str, Any], rules: Rules, result: str, stale: frozenset[str], *, early: bool = False
) -> tuple[Applied, State]:
    """A tec: nothing but the fee, and the offers that were found dead."""
    view = View(state)
    _pay(view, tx, min(int(tx["Fee"]), accounts.balance(state, tx["Account"])))
    for key in sorted(stale):
        delete_offer(view, key)
    return _done(state, view, tx, rules, result, {}, early=early)


def _done(
    state: State,
    view: View,
    tx: dict[str, Any],
    rules: Rules,
    result: str,
    told: dict[str, Any],
    *,
    early: bool = False,
) -> tuple[Applied, State]:
    if rules.open_ledger:
        changes = metadata.unthreaded(view, state)
        return Applied(result, None, early), state.with_changes(changes)
    nodes, changes = metadata.finish(view, state, tx["hash"], rules.ledger_index)
    meta = {
        "AffectedNodes": nodes,
        **told,
        "TransactionIndex": rules.transaction_index,
        "TransactionResult": result,
    }
    return Applied(result, meta, early), state.with_changes(changes)
