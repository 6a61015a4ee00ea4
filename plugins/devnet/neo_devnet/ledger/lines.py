"""Trust lines: balances, limits, freezes, and the movement of tokens and XRP between accounts."""

from typing import Final, NamedTuple

from . import accounts, amounts, directories, keys
from .amounts import PARITY, Amount
from .keys import Asset
from .state import Entry, State, View
from .terms import Rules

LOW_RESERVE: Final = 0x0001_0000
HIGH_RESERVE: Final = 0x0002_0000
LOW_AUTH: Final = 0x0004_0000
HIGH_AUTH: Final = 0x0008_0000
LOW_NO_RIPPLE: Final = 0x0010_0000
HIGH_NO_RIPPLE: Final = 0x0020_0000
LOW_FREEZE: Final = 0x0040_0000
HIGH_FREEZE: Final = 0x0080_0000
AMM_NODE: Final = 0x0100_0000
NOBODY: Final = "rrrrrrrrrrrrrrrrrrrrBZbvji"
"""The issuer that a line's balance names."""


class Side(NamedTuple):
    """One account's side of a line: the flags and the fields that are its own."""

    reserve: int
    auth: int
    no_ripple: int
    freeze: int
    limit: str
    node: str
    quality_in: str
    quality_out: str


LOW: Final = Side(
    LOW_RESERVE, LOW_AUTH, LOW_NO_RIPPLE, LOW_FREEZE, "LowLimit", "LowNode", "LowQualityIn", "LowQualityOut"
)
HIGH: Final = Side(
    HIGH_RESERVE,
    HIGH_AUTH,
    HIGH_NO_RIPPLE,
    HIGH_FREEZE,
    "HighLimit",
    "HighNode",
    "HighQualityIn",
    "HighQualityOut",
)


def is_high(account: str, peer: str) -> bool:
    return keys.account_id(account) > keys.account_id(peer)


def side(account: str, peer: str) -> Side:
    """The account's own side of its line with the peer."""
    return HIGH if is_high(account, peer) else LOW


def find(view: State | View, account: str, peer: str, currency: str) -> Entry | None:
    return view.get(keys.line(account, peer, currency))


def balance(entry: Entry, account: str, peer: str) -> Amount:
    """What the account holds on the line; negative where it owes."""
    held = amounts.read(entry["Balance"])
    return -held if is_high(account, peer) else held


def transfer_rate(view: State | View, issuer: str) -> int:
    """What an issuer's transfers cost, in billionths; PARITY is free."""
    entry = accounts.find(view, issuer)
    return PARITY if entry is None else entry.get("TransferRate", PARITY)


def is_frozen(view: State | View, account: str, asset: Asset) -> bool:
    """The issuer froze everything, or this account's line."""
    currency, issuer = asset
    if currency == "XRP":
        return False
    if accounts.has_flag(view, issuer, accounts.GLOBAL_FREEZE):
        return True
    if issuer == account:
        return False
    line = find(view, account, issuer, currency)
    return line is not None and bool(line["Flags"] & side(issuer, account).freeze)


def holds(view: State | View, account: str, asset: Asset, rules: Rules) -> Amount:
    """What the account can give of an asset that is not its own: 0 if frozen; XRP above the reserve."""
    currency, issuer = asset
    if currency == "XRP":
        return amounts.drops(accounts.liquid_drops(view, account, rules))
    line = find(view, account, issuer, currency)
    if line is None or is_frozen(view, account, asset):
        return amounts.ZERO_TOKEN
    return balance(line, account, issuer)


def funds(view: State | View, account: str, amount: Amount, asset: Asset, rules: Rules) -> Amount:
    """What the account can give; its own tokens without end, told as the amount asked for."""
    if not amount.native and asset[1] == account:
        return amount
    return holds(view, account, asset, rules)


def send(view: View, sender: str, receiver: str, amount: Amount, asset: Asset) -> None:
    """Moves an amount; XRP may come from or go to nobody (""), tokens move between an issuer and a holder."""
    if amount.mantissa == 0 or sender == receiver:
        return
    if amount.native:
        if sender:
            accounts.add_drops(view, sender, -amount.mantissa)
        if receiver:
            accounts.add_drops(view, receiver, amount.mantissa)
        return
    credit(view, sender, receiver, amount, asset[0])


def credit(view: View, sender: str, receiver: str, amount: Amount, currency: str) -> None:
    """Moves tokens along the line of two accounts, and opens or closes the line where that follows."""
    key = keys.line(sender, receiver, currency)
    line = view.get(key)
    if line is None:
        no_ripple = not accounts.has_flag(view, receiver, accounts.DEFAULT_RIPPLE)
        open_line(view, receiver, sender, currency, balance=amount, no_ripple=no_ripple)
        return
    before = balance(line, sender, receiver)
    after = before - amount
    mine, theirs = side(sender, receiver), side(receiver, sender)
    flags = line["Flags"]
    closes = False
    if (
        before.mantissa > 0
        and after.mantissa <= 0
        and flags & mine.reserve
        and bool(flags & mine.no_ripple) != accounts.has_flag(view, sender, accounts.DEFAULT_RIPPLE)
        and not flags & mine.freeze
        and amounts.read(line[mine.limit]).mantissa == 0
        and not line.get(mine.quality_in)
        and not line.get(mine.quality_out)
    ):
        accounts.count_objects(view, sender, -1)
        closes = after.mantissa == 0 and not flags & theirs.reserve
        flags &= ~mine.reserve
    told = -after if mine is HIGH else after
    view.update(key, Balance=amounts.write(told, line["Balance"]), Flags=flags)
    if closes:
        close_line(view, key)


def open_line(
    view: View,
    account: str,
    peer: str,
    currency: str,
    *,
    limit: Amount = amounts.ZERO_TOKEN,
    balance: Amount = amounts.ZERO_TOKEN,
    no_ripple: bool = False,
    auth: bool = False,
    freeze: bool = False,
    quality_in: int = 0,
    quality_out: int = 0,
) -> None:
    """A new line that costs the account a reserve; the peer's side has its defaults."""
    key = keys.line(account, peer, currency)
    mine, theirs = side(account, peer), side(peer, account)
    low, high = (peer, account) if mine is HIGH else (account, peer)
    flags = mine.reserve
    flags |= mine.auth if auth else 0
    flags |= mine.no_ripple if no_ripple else 0
    flags |= mine.freeze if freeze else 0
    if not accounts.has_flag(view, peer, accounts.DEFAULT_RIPPLE):
        flags |= theirs.no_ripple
    told = -balance if mine is HIGH else balance
    line: Entry = {
        "Balance": {"currency": currency, "issuer": NOBODY, "value": amounts.token_text(told)},
        "Flags": flags,
        mine.limit: {"currency": currency, "issuer": account, "value": amounts.token_text(limit)},
        theirs.limit: {"currency": currency, "issuer": peer, "value": "0"},
        "LedgerEntryType": "RippleState",
        "LowNode": directories.insert_owned(view, low, key),
        "HighNode": directories.insert_owned(view, high, key),
    }
    if quality_in:
        line[mine.quality_in] = quality_in
    if quality_out:
        line[mine.quality_out] = quality_out
    accounts.count_objects(view, account, 1)
    view.put(key, line)


def close_line(view: View, key: str) -> None:
    """Removes a line from both owners and the ledger."""
    line = view.get(key)
    if line is None:
        return
    directories.remove_owned(view, line["LowLimit"]["issuer"], line["LowNode"], key)
    directories.remove_owned(view, line["HighLimit"]["issuer"], line["HighNode"], key)
    view.erase(key)
