"""Offers as entries: placing one in its owner's directory and its book, and taking it out again."""

from typing import Any

from . import accounts, amounts, directories, keys
from .state import Entry, View


def delete(view: View, key: str) -> None:
    """Removes an offer from its owner, its book and the ledger; missing is no error."""
    offer = view.get(key)
    if offer is None:
        return
    directories.remove_owned(view, offer["Account"], offer["OwnerNode"], key)
    directories.remove(view, offer["BookDirectory"], offer["BookNode"], key)
    accounts.count_objects(view, offer["Account"], -1)
    view.erase(key)


def place(view: View, account: str, sequence: int, pays: Any, gets: Any, quality: int, **more: Any) -> None:
    """Puts an offer into the ledger at the end of the directory of its quality."""
    key = keys.offer(account, sequence)
    owner_page = directories.insert_owned(view, account, key)
    accounts.count_objects(view, account, 1)
    pays_asset, gets_asset = amounts.asset(pays), amounts.asset(gets)
    directory = keys.book_directory(pays_asset, gets_asset, quality)
    page = directories.insert(
        view,
        directory,
        key,
        in_order=True,
        ExchangeRate=f"{quality:016x}",
        TakerGetsCurrency=keys.currency_id(gets_asset[0]).hex().upper(),
        TakerGetsIssuer=keys.account_id(gets_asset[1]).hex().upper(),
        TakerPaysCurrency=keys.currency_id(pays_asset[0]).hex().upper(),
        TakerPaysIssuer=keys.account_id(pays_asset[1]).hex().upper(),
    )
    offer: Entry = {
        "Account": account,
        "BookDirectory": directory,
        "BookNode": page,
        "Flags": 0,
        "LedgerEntryType": "Offer",
        "OwnerNode": owner_page,
        "Sequence": sequence,
        "TakerGets": gets,
        "TakerPays": pays,
        **more,
    }
    view.put(key, offer)
