"""TicketCreate: sequences set aside, to be used in any order."""

from typing import Any, Final

from . import accounts, directories, keys
from .context import Context, check_flags
from .terms import Refused

MOST: Final = 250


class TicketCreate:
    @staticmethod
    def preflight(tx: dict[str, Any]) -> None:
        check_flags(tx, 0)
        if not 1 <= tx.get("TicketCount", 0) <= MOST:
            raise Refused("temINVALID_COUNT")

    @staticmethod
    def preclaim(context: Context) -> None:
        root = accounts.root(context.view, context.account)
        used = 1 if context.tx.get("TicketSequence") else 0
        if root.get("TicketCount", 0) + context.tx["TicketCount"] - used > MOST:
            raise Refused("tecDIR_FULL")

    @staticmethod
    def perform(context: Context) -> str:
        view, account, count = context.view, context.account, context.tx["TicketCount"]
        root = accounts.root(view, account)
        if context.balance_before < context.rules.reserve(root["OwnerCount"] + count):
            return "tecINSUFFICIENT_RESERVE"
        first = root["Sequence"]
        for number in range(first, first + count):
            key = keys.ticket(account, number)
            page = directories.insert_owned(view, account, key)
            view.put(
                key,
                {
                    "Account": account,
                    "Flags": 0,
                    "LedgerEntryType": "Ticket",
                    "OwnerNode": page,
                    "TicketSequence": number,
                },
            )
        accounts.count_objects(view, account, count)
        view.update(keys.account(account), TicketCount=root.get("TicketCount", 0) + count, Sequence=first + count)
        return "tesSUCCESS"
