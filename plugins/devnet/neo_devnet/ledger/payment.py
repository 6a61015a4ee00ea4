"""Payment: XRP straight, or through the payment engine."""

from typing import Any, Final

from . import accounts, amounts, keys
from .context import Context, check_flags
from .keys import Asset
from .offer_stream import Book
from .quality import quality
from .routes import along_lines, through_book
from .state import View
from .steps import Step
from .strand import flow
from .terms import Refused, Rules

NO_DIRECT: Final = 0x0001_0000
PARTIAL: Final = 0x0002_0000
LIMIT_QUALITY: Final = 0x0004_0000


def _is_direct(tx: dict[str, Any]) -> bool:
    return isinstance(tx["Amount"], str) and "SendMax" not in tx and "Paths" not in tx


class Payment:
    @staticmethod
    def preflight(tx: dict[str, Any]) -> None:
        check_flags(tx, NO_DIRECT | PARTIAL | LIMIT_QUALITY)
        amount = amounts.read(tx["Amount"])
        flags = tx.get("Flags", 0)
        send_max = tx.get("SendMax")
        if amount.mantissa <= 0 or (send_max is not None and amounts.read(send_max).mantissa <= 0):
            raise Refused("temBAD_AMOUNT")
        if tx["Destination"] == keys.ZERO_ACCOUNT:
            raise Refused("temDST_NEEDED")
        same = amounts.asset(send_max if send_max is not None else tx["Amount"]) == amounts.asset(tx["Amount"])
        if tx["Account"] == tx["Destination"] and same and "Paths" not in tx:
            raise Refused("temREDUNDANT")
        all_xrp = amount.native and (send_max is None or isinstance(send_max, str))
        if all_xrp:
            for wrong, result in (
                (send_max is not None, "temBAD_SEND_XRP_MAX"),
                ("Paths" in tx, "temBAD_SEND_XRP_PATHS"),
                (flags & PARTIAL, "temBAD_SEND_XRP_PARTIAL"),
                (flags & LIMIT_QUALITY, "temBAD_SEND_XRP_LIMIT"),
                (flags & NO_DIRECT, "temBAD_SEND_XRP_NO_DIRECT"),
            ):
                if wrong:
                    raise Refused(result)
        least = tx.get("DeliverMin")
        if least is not None:
            if not flags & PARTIAL or amounts.asset(least) != amounts.asset(tx["Amount"]):
                raise Refused("temBAD_AMOUNT")
            if amounts.read(least).mantissa <= 0 or amounts.read(least) > amount:
                raise Refused("temBAD_AMOUNT")

    @staticmethod
    def preclaim(context: Context) -> None:
        tx, view = context.tx, context.view
        destination = accounts.find(view, tx["Destination"])
        amount = amounts.read(tx["Amount"])
        if destination is None:
            if not amount.native:
                raise Refused("tecNO_DST")
            if context.rules.open_ledger and context.flags & PARTIAL:
                raise Refused("telNO_DST_PARTIAL")
            if amount.mantissa < context.rules.reserve(0):
                raise Refused("tecNO_DST_INSUF_XRP")
        elif destination["Flags"] & accounts.REQUIRE_DEST_TAG and "DestinationTag" not in tx:
            raise Refused("tecDST_TAG_NEEDED")

    @staticmethod
    def perform(context: Context) -> str:
        tx, view = context.tx, context.view
        receiver = tx["Destination"]
        root = accounts.find(view, receiver)
        if root is None:
            root = accounts.created(receiver, 0, context.rules.ledger_index)
            view.put(keys.account(receiver), root)
        if not _is_direct(tx):
            return _through_the_engine(context)
        if "AMMID" in root:
            return "tecNO_PERMISSION"
        drops = int(tx["Amount"])
        reserve = context.rules.reserve(accounts.root(view, context.account)["OwnerCount"])
        if context.balance_before < drops + max(reserve, int(tx["Fee"])):
            return "tecUNFUNDED_PAYMENT"
        if root["Flags"] & accounts.DEPOSIT_AUTH and not _rescues(context, int(root["Balance"]), drops):
            return "tecNO_PERMISSION"
        accounts.add_drops(view, context.account, -drops)
        accounts.add_drops(view, receiver, drops)
        if root["Flags"] & accounts.PASSWORD_SPENT:
            view.update(keys.account(receiver), Flags=root["Flags"] & ~accounts.PASSWORD_SPENT)
        context.told["delivered_amount"] = tx["Amount"]
        return "tesSUCCESS"


def _rescues(context: Context, balance: int, drops: int) -> bool:
    """An account that takes no deposits takes a small one when it is poor."""
    base = context.rules.reserve(0)
    return context.account == context.tx["Destination"] or (balance <= base and drops <= base)


def _through_the_engine(context: Context) -> str:
    """Tokens, or one asset for another: no path but the default one, through at most one book."""
    tx, view, rules = context.tx, context.view, context.rules
    wanted = amounts.read(tx["Amount"])
    most_in = amounts.read(tx.get("SendMax", tx["Amount"]))
    given, got = amounts.asset(tx.get("SendMax", tx["Amount"])), amounts.asset(tx["Amount"])
    worst = quality(most_in, wanted) if context.flags & LIMIT_QUALITY else None
    inner = View(view, flow=True)
    try:
        steps = _route(inner, context.account, tx["Destination"], given, got, rules)
        flowed = flow(inner, steps, wanted, most_in, partial=bool(context.flags & PARTIAL), worst=worst)
        result = flowed.result
    except Refused as refusal:
        return "tecPATH_DRY" if refusal.result.startswith("ter") else refusal.result
    if result != "tesSUCCESS":
        return result
    inner.commit()
    delivered = amounts.write(flowed.outward, tx["Amount"])
    context.told["delivered_amount"] = delivered
    if flowed.outward != wanted:
        if "DeliverMin" in tx and flowed.outward < amounts.read(tx["DeliverMin"]):
            return "tecPATH_PARTIAL"
        context.told["DeliveredAmount"] = delivered
    return "tesSUCCESS"


def _route(view: View, source: str, target: str, given: Asset, got: Asset, rules: Rules) -> list[Step]:
    if given[0] == got[0]:
        return along_lines(view, source, target, got)
    return through_book(view, source, target, Book(given, got), rules, None)
