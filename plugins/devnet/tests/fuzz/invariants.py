"""What is true of every ledger, whatever was done to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal, localcontext
from typing import Any

from neo_devnet.ledger import State, keys

__all__ = ["consistent", "offers", "outstanding", "xrp"]

LOW_RESERVE, HIGH_RESERVE = 0x0001_0000, 0x0002_0000

Entry = dict[str, Any]


def xrp(state: State) -> int:
    """All drops that somebody has."""
    return sum(int(entry["Balance"]) for _, entry in state.items() if entry["LedgerEntryType"] == "AccountRoot")


def outstanding(state: State, issuer: str, currency: str) -> Decimal:
    """How much of a token its holders have together, pools among them."""
    with localcontext() as exact:
        exact.prec = 60
        total = Decimal(0)
        for line in (entry for _, entry in state.items()):
            if line["LedgerEntryType"] != "RippleState" or line["Balance"]["currency"] != currency:
                continue
            low, high = line["LowLimit"]["issuer"], line["HighLimit"]["issuer"]
            if issuer in (low, high):
                total += Decimal(line["Balance"]["value"]) * (1 if issuer == high else -1)
        return total


def offers(state: State) -> dict[tuple[str, int], Entry]:
    """By owner and sequence."""
    found = (entry for _, entry in state.items() if entry["LedgerEntryType"] == "Offer")
    return {(entry["Account"], entry["Sequence"]): entry for entry in found}


def consistent(state: State) -> None:
    """Directories and what they list name each other; nobody's count of objects is wrong."""
    entries = dict(state.items())
    listed = _listed(entries)
    owned: Counter[str] = Counter()
    for key, entry in entries.items():
        for directory in _belongs_in(entry):
            assert listed[directory, key] == 1, f"{entry['LedgerEntryType']} {key} is not in {directory}"
            del listed[directory, key]
        owned.update(_owners(entry))
    assert not listed, f"directories list what does not belong there: {sorted(listed)[:3]}"
    for entry in entries.values():
        if entry["LedgerEntryType"] == "AccountRoot" and "AMMID" not in entry:
            assert entry["OwnerCount"] == owned[entry["Account"]], entry["Account"]


def _listed(entries: dict[str, Entry]) -> Counter[tuple[str, str]]:
    """(root of the directory, what it lists)"""
    listed: Counter[tuple[str, str]] = Counter()
    for root, entry in entries.items():
        if entry["LedgerEntryType"] != "DirectoryNode" or entry["RootIndex"] != root:
            continue
        pages = list(_pages(entries, root))
        names = [name for page in pages for name in page["Indexes"]]
        assert names or len(pages) > 1, f"directory {root} is empty"
        for name in names:
            assert name in entries, f"directory {root} lists {name}, which is not there"
        listed.update((root, name) for name in names)
    reachable = {id(page) for root in {key[0] for key in listed} for page in _pages(entries, root)}
    for key, entry in entries.items():
        if entry["LedgerEntryType"] == "DirectoryNode" and entry["Indexes"]:
            assert id(entry) in reachable, f"page {key} hangs on no directory"
    return listed


def _pages(entries: dict[str, Entry], root: str) -> Iterator[Entry]:
    number = 0
    while True:
        page = entries[keys.page(root, number)]
        yield page
        following = int(page.get("IndexNext", "0"), 16)
        if not following:
            return
        assert int(entries[keys.page(root, following)].get("IndexPrevious", "0"), 16) == number
        number = following


def _belongs_in(entry: Entry) -> tuple[str, ...]:
    kind = entry["LedgerEntryType"]
    if kind == "Offer":
        return keys.owner_directory(entry["Account"]), entry["BookDirectory"]
    if kind == "RippleState":
        return keys.owner_directory(entry["LowLimit"]["issuer"]), keys.owner_directory(
            entry["HighLimit"]["issuer"]
        )
    if kind in ("Ticket", "AMM", "SignerList"):
        return (keys.owner_directory(entry["Account"]),) if "Account" in entry else ()
    return ()


def _owners(entry: Entry) -> Iterator[str]:
    kind = entry["LedgerEntryType"]
    if kind in ("Offer", "Ticket"):
        yield entry["Account"]
    elif kind == "RippleState":
        if entry["Flags"] & LOW_RESERVE:
            yield entry["LowLimit"]["issuer"]
        if entry["Flags"] & HIGH_RESERVE:
            yield entry["HighLimit"]["issuer"]
