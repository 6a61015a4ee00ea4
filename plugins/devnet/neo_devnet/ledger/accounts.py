"""Account roots: flags, reserve, owner count, spendable XRP."""

from typing import Final

from . import keys
from .state import Entry, State, View
from .terms import Refused, Rules

PASSWORD_SPENT: Final = 0x0001_0000
REQUIRE_DEST_TAG: Final = 0x0002_0000
REQUIRE_AUTH: Final = 0x0004_0000
DISALLOW_XRP: Final = 0x0008_0000
DISABLE_MASTER: Final = 0x0010_0000
NO_FREEZE: Final = 0x0020_0000
GLOBAL_FREEZE: Final = 0x0040_0000
DEFAULT_RIPPLE: Final = 0x0080_0000
DEPOSIT_AUTH: Final = 0x0100_0000
DISALLOW_INCOMING_NFT: Final = 0x0400_0000
DISALLOW_INCOMING_CHECK: Final = 0x0800_0000
DISALLOW_INCOMING_PAYCHAN: Final = 0x1000_0000
DISALLOW_INCOMING_TRUSTLINE: Final = 0x2000_0000
ALLOW_CLAWBACK: Final = 0x8000_0000


def find(view: State | View, address: str) -> Entry | None:
    """The account's root, if the account is there."""
    return view.get(keys.account(address))


def root(view: State | View, address: str) -> Entry:
    entry = find(view, address)
    if entry is None:
        raise Refused("terNO_ACCOUNT")
    return entry


def has_flag(view: State | View, address: str, flag: int) -> bool:
    entry = find(view, address)
    return entry is not None and bool(entry["Flags"] & flag)


def balance(view: State | View, address: str) -> int:
    return int(root(view, address)["Balance"])


def add_drops(view: View, address: str, drops: int) -> None:
    """Changes the balance; a minus takes."""
    view.update(keys.account(address), Balance=str(balance(view, address) + drops))


def count_objects(view: View, address: str, change: int) -> None:
    """Changes OwnerCount."""
    key = keys.account(address)
    now = root(view, address)["OwnerCount"]
    then = max(now + change, 0)
    view.owner_count_was(address, max(now, then))
    view.update(key, OwnerCount=then)


def liquid_drops(view: State | View, address: str, rules: Rules, adjust: int = 0) -> int:
    """XRP above the reserve; a pool has no reserve."""
    entry = find(view, address)
    if entry is None:
        return 0
    if "AMMID" in entry:
        return int(entry["Balance"])
    count = entry["OwnerCount"]
    if isinstance(view, View):
        count = view.owner_count(address, count)
    return max(int(entry["Balance"]) - rules.reserve(max(count + adjust, 0)), 0)


def created(address: str, drops: int, sequence: int) -> Entry:
    """A new account's root."""
    return {
        "Account": address,
        "Balance": str(drops),
        "Flags": 0,
        "LedgerEntryType": "AccountRoot",
        "OwnerCount": 0,
        "Sequence": sequence,
    }
