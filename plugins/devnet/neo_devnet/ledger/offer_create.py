"""OfferCreate: checks, replacement, tick size, crossing, and what is left placed in the book."""

from typing import Any, Final

from . import accounts, amounts, keys, lines, offers
from .amounts import Amount
from .context import Context, check_flags
from .crossing import cross
from .quality import MAX_TICK_SIZE, quality, rate_of, ticked
from .state import State, View
from .terms import Refused

PASSIVE: Final = 0x0001_0000
IMMEDIATE_OR_CANCEL: Final = 0x0002_0000
FILL_OR_KILL: Final = 0x0004_0000
SELL: Final = 0x0008_0000
_ENTRY_PASSIVE: Final = 0x0001_0000
_ENTRY_SELL: Final = 0x0002_0000


class OfferCreate:
    @staticmethod
    def preflight(tx: dict[str, Any]) -> None:
        check_flags(tx, PASSIVE | IMMEDIATE_OR_CANCEL | FILL_OR_KILL | SELL)
        flags = tx.get("Flags", 0)
        if flags & IMMEDIATE_OR_CANCEL and flags & FILL_OR_KILL:
            raise Refused("temINVALID_FLAG")
        if tx.get("Expiration") == 0:
            raise Refused("temBAD_EXPIRATION")
        if tx.get("OfferSequence") == 0:
            raise Refused("temBAD_SEQUENCE")
        pays, gets = amounts.read(tx["TakerPays"]), amounts.read(tx["TakerGets"])
        if (pays.native and gets.native) or pays.mantissa <= 0 or gets.mantissa <= 0:
            raise Refused("temBAD_OFFER")
        if amounts.asset(tx["TakerPays"]) == amounts.asset(tx["TakerGets"]):
            raise Refused("temREDUNDANT")
        for side in (tx["TakerPays"], tx["TakerGets"]):
            if not isinstance(side, str) and side["currency"] == "XRP":
                raise Refused("temBAD_CURRENCY")

    @staticmethod
    def preclaim(context: Context) -> None:
        tx, view, account = context.tx, context.view, context.account
        pays, gets = amounts.asset(tx["TakerPays"]), amounts.asset(tx["TakerGets"])
        for _, issuer in (pays, gets):
            if issuer and accounts.has_flag(view, issuer, accounts.GLOBAL_FREEZE):
                raise Refused("tecFROZEN")
        if lines.funds(view, account, amounts.read(tx["TakerGets"]), gets, context.rules).mantissa <= 0:
            raise Refused("tecUNFUNDED_OFFER")
        if tx.get("OfferSequence", 0) >= accounts.root(view, account)["Sequence"]:
            raise Refused("temBAD_SEQUENCE")
        if _expired(context):
            raise Refused("tecEXPIRED")
        if pays != keys.XRP:
            _may_hold(context, pays)

    @staticmethod
    def perform(context: Context) -> str:
        """Works on two copies: one with all that happens, one with nothing but dead offers removed."""
        full, removals = View(context.view), View(context.view)
        result, keep = _perform(context, full, removals)
        (full if keep else removals).commit()
        return result


def _expired(context: Context) -> bool:
    expiration = context.tx.get("Expiration")
    return expiration is not None and expiration <= context.rules.parent_close_time


def _may_hold(context: Context, asset: keys.Asset) -> None:
    currency, issuer = asset
    retry = context.rules.retry
    root = accounts.find(context.view, issuer)
    if root is None:
        raise Refused("terNO_ACCOUNT" if retry else "tecNO_ISSUER")
    if issuer == context.account or not root["Flags"] & accounts.REQUIRE_AUTH:
        return
    line = lines.find(context.view, context.account, issuer, currency)
    if line is None:
        raise Refused("terNO_LINE" if retry else "tecNO_LINE")
    if not line["Flags"] & lines.side(issuer, context.account).auth:
        raise Refused("terNO_AUTH" if retry else "tecNO_AUTH")


def _perform(context: Context, full: View, removals: View) -> tuple[str, bool]:
    """(result, whether what happened is kept)."""
    tx, flags, account = context.tx, context.flags, context.account
    pays, gets = amounts.read(tx["TakerPays"]), amounts.read(tx["TakerGets"])
    placed_at = quality(pays, gets)
    if tx.get("OfferSequence"):
        offers.delete(full, keys.offer(account, tx["OfferSequence"]))
    if _expired(context):
        return "tecEXPIRED", True
    tick = min(_tick_size(full, tx["TakerPays"]), _tick_size(full, tx["TakerGets"]))
    if tick < MAX_TICK_SIZE:
        rate = rate_of(ticked(placed_at, tick))
        if flags & SELL:
            pays = amounts.multiply(gets, rate, pays.native)
        else:
            gets = amounts.divide(pays, rate, gets.native)
        if pays.mantissa == 0 or gets.mantissa == 0:
            return "tesSUCCESS", True
        placed_at = quality(pays, gets)
    left_gets, left_pays = cross(context, full, removals, gets, pays)
    crossed = (left_gets, left_pays) != (gets, pays)
    if left_gets.mantissa == 0 or left_pays.mantissa == 0:
        return "tesSUCCESS", True
    if flags & FILL_OR_KILL:
        return "tecKILLED", False
    if flags & IMMEDIATE_OR_CANCEL:
        return ("tesSUCCESS", True) if crossed else ("tecKILLED", False)
    if context.balance_before < context.rules.reserve(accounts.root(full, account)["OwnerCount"] + 1):
        return "tesSUCCESS" if crossed else "tecINSUF_RESERVE_OFFER", True
    _place(context, full, left_pays, left_gets, placed_at)
    return "tesSUCCESS", True


def _tick_size(view: State | View, amount: Any) -> int:
    root = None if isinstance(amount, str) else accounts.find(view, amount["issuer"])
    size: int = MAX_TICK_SIZE if root is None else root.get("TickSize", MAX_TICK_SIZE)
    return size


def _place(context: Context, view: View, pays: Amount, gets: Amount, placed_at: int) -> None:
    tx = context.tx
    more = {"Expiration": tx["Expiration"]} if "Expiration" in tx else {}
    flags = (_ENTRY_PASSIVE if context.flags & PASSIVE else 0) | (_ENTRY_SELL if context.flags & SELL else 0)
    offers.place(
        view,
        context.account,
        context.turn,
        amounts.write(pays, tx["TakerPays"]),
        amounts.write(gets, tx["TakerGets"]),
        placed_at,
        Flags=flags,
        **more,
    )
