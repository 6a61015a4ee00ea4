"""From what a transaction changed to its metadata, and to entries that name it as the last that touched them."""

from typing import Any, Final

from . import keys
from .state import Entry, State, View

NO_TRANSACTION: Final = "0" * 64
_HIDDEN: Final = frozenset({"LedgerEntryType", "Indexes", "PreviousTxnID", "PreviousTxnLgrSeq"})
_HIDDEN_WHEN_DELETED: Final = frozenset({"LedgerEntryType", "Indexes"})


def finish(
    view: View, state: State, tx_hash: str, ledger_index: int
) -> tuple[list[dict[str, Any]], dict[str, Entry | None]]:
    """(affected nodes, the changes with the transaction's name in every entry that it touched)."""
    changes = {key: entry for key, entry in view.changes.items() if entry != state.get(key)}
    owners: set[str] = set()
    for key, entry in changes.items():
        old = state.get(key)
        if entry is None or old is None:
            owners.update(_owners(entry or old or {}))
    for owner in owners:
        key = keys.account(owner)
        root = state.get(key)
        if key not in changes and root is not None:
            changes[key] = root

    name = {"PreviousTxnID": tx_hash, "PreviousTxnLgrSeq": ledger_index}
    nodes = []
    for key in sorted(changes):
        entry, old = changes[key], state.get(key)
        if entry is None:
            assert old is not None
            nodes.append({"DeletedNode": _deleted(key, old, view.gone[key])})
        elif old is None:
            nodes.append({"CreatedNode": _created(key, entry)})
            changes[key] = {**entry, **name}
        else:
            nodes.append({"ModifiedNode": _modified(key, old, entry)})
            changes[key] = {**entry, **name}
    return nodes, changes


def unthreaded(view: View, state: State) -> dict[str, Entry | None]:
    """The changes as the open ledger keeps them: new entries name no transaction yet."""
    none = {"PreviousTxnID": NO_TRANSACTION, "PreviousTxnLgrSeq": 0}
    return {
        key: {**entry, **none} if entry is not None and "PreviousTxnID" not in entry else entry
        for key, entry in view.changes.items()
        if entry != state.get(key)
    }


def _owners(entry: Entry) -> tuple[str, ...]:
    """The accounts that a created or deleted entry belongs to: they are touched by it."""
    kind = entry["LedgerEntryType"]
    if kind == "RippleState":
        return entry["LowLimit"]["issuer"], entry["HighLimit"]["issuer"]
    if kind != "AccountRoot" and "Account" in entry:
        return (entry["Account"],)
    return ()


def _node(key: str, entry: Entry) -> dict[str, Any]:
    return {"LedgerEntryType": entry["LedgerEntryType"], "LedgerIndex": key}


def _deleted(key: str, old: Entry, last: Entry) -> dict[str, Any]:
    node = _node(key, old)
    node["FinalFields"] = {field: value for field, value in last.items() if field not in _HIDDEN_WHEN_DELETED}
    if previous := _previous(old, last):
        node["PreviousFields"] = previous
    return node


def _created(key: str, entry: Entry) -> dict[str, Any]:
    node = _node(key, entry)
    node["NewFields"] = {
        field: value for field, value in entry.items() if field not in _HIDDEN and not _is_default(value)
    }
    return node


def _modified(key: str, old: Entry, entry: Entry) -> dict[str, Any]:
    node = _node(key, entry)
    if entry is not old:
        node["FinalFields"] = {field: value for field, value in entry.items() if field not in _HIDDEN}
        if previous := _previous(old, entry):
            node["PreviousFields"] = previous
    # A directory that went and came back within the transaction names none before it.
    if entry.get("PreviousTxnID", NO_TRANSACTION) != NO_TRANSACTION:
        node["PreviousTxnID"] = entry["PreviousTxnID"]
        node["PreviousTxnLgrSeq"] = entry["PreviousTxnLgrSeq"]
    return node


def _previous(old: Entry, entry: Entry) -> dict[str, Any]:
    return {field: value for field, value in old.items() if field not in _HIDDEN and entry.get(field) != value}


def _is_default(value: Any) -> bool:
    if isinstance(value, str):
        return not value.strip("0")
    if isinstance(value, dict):
        return value == {"currency": "XRP"}
    return not value
