"""TrustSet: limits, freezes and the other terms of a trust line."""

from typing import Any, Final

from . import accounts, amounts, keys, lines
from .amounts import PARITY, Amount
from .context import Context, check_flags
from .state import Entry
from .terms import Refused

SET_AUTH: Final = 0x0001_0000
SET_NO_RIPPLE: Final = 0x0002_0000
CLEAR_NO_RIPPLE: Final = 0x0004_0000
SET_FREEZE: Final = 0x0010_0000
CLEAR_FREEZE: Final = 0x0020_0000


class TrustSet:
    @staticmethod
    def preflight(tx: dict[str, Any]) -> None:
        check_flags(tx, SET_AUTH | SET_NO_RIPPLE | CLEAR_NO_RIPPLE | SET_FREEZE | CLEAR_FREEZE)
        limit = tx["LimitAmount"]
        if isinstance(limit, str) or amounts.read(limit).mantissa < 0:
            raise Refused("temBAD_LIMIT")
        if limit["currency"] == "XRP":
            raise Refused("temBAD_CURRENCY")
        if limit["issuer"] in (lines.NOBODY, keys.ZERO_ACCOUNT):
            raise Refused("temDST_NEEDED")

    @staticmethod
    def preclaim(context: Context) -> None:
        view, account = context.view, context.account
        peer, currency = context.tx["LimitAmount"]["issuer"], context.tx["LimitAmount"]["currency"]
        if context.flags & SET_AUTH and not accounts.has_flag(view, account, accounts.REQUIRE_AUTH):
            raise Refused("tefNO_AUTH_REQUIRED")
        if peer == account:
            raise Refused("temDST_IS_SRC")
        if lines.find(view, account, peer, currency) is not None:
            return
        if accounts.has_flag(view, peer, accounts.DISALLOW_INCOMING_TRUSTLINE):
            raise Refused("tecNO_PERMISSION")
        root = accounts.find(view, peer) or {}
        pool = view.get(root.get("AMMID", ""))
        if pool is not None and pool["LPTokenBalance"]["currency"] != currency:
            raise Refused("tecNO_PERMISSION")

    @staticmethod
    def perform(context: Context) -> str:
        view, tx = context.view, context.tx
        peer, currency = tx["LimitAmount"]["issuer"], tx["LimitAmount"]["currency"]
        if accounts.find(view, peer) is None:
            return "tecNO_DST"
        owned = accounts.root(view, context.account)["OwnerCount"]
        needed = 0 if owned < 2 else context.rules.reserve(owned + 1)
        line = lines.find(view, context.account, peer, currency)
        if line is not None:
            return _change(context, line, peer, needed)
        limit = amounts.read(tx["LimitAmount"])
        quality_in, quality_out = _quality(tx, "QualityIn"), _quality(tx, "QualityOut")
        if limit.mantissa == 0 and not quality_in and not quality_out and not context.flags & SET_AUTH:
            return "tecNO_LINE_REDUNDANT"
        if context.balance_before < needed:
            return "tecNO_LINE_INSUF_RESERVE"
        lines.open_line(
            view,
            context.account,
            peer,
            currency,
            limit=limit,
            no_ripple=_only(context.flags, SET_NO_RIPPLE, CLEAR_NO_RIPPLE),
            auth=bool(context.flags & SET_AUTH),
            freeze=_freezes(context),
            quality_in=quality_in,
            quality_out=quality_out,
        )
        return "tesSUCCESS"


def _only(flags: int, wanted: int, opposite: int) -> bool:
    return bool(flags & wanted) and not flags & opposite


def _freezes(context: Context) -> bool:
    never = accounts.has_flag(context.view, context.account, accounts.NO_FREEZE)
    return _only(context.flags, SET_FREEZE, CLEAR_FREEZE) and not never


def _quality(tx: dict[str, Any], field: str) -> int:
    value: int = tx.get(field, 0)
    return 0 if value == PARITY else value


def _change(context: Context, line: Entry, peer: str, needed: int) -> str:
    view, account = context.view, context.account
    key = keys.line(account, peer, context.tx["LimitAmount"]["currency"])
    mine = lines.side(account, peer)
    if _only(context.flags, SET_NO_RIPPLE, CLEAR_NO_RIPPLE) and lines.balance(line, account, peer).mantissa < 0:
        return "tecNO_PERMISSION"
    changed = _with_terms(context, line, mine)
    flags = _with_flags(context, line["Flags"], mine)
    more_reserve = False
    default = True
    for owner, other in ((account, peer), (peer, account)):
        own = lines.side(owner, other)
        needs = _needs_reserve(context, changed, flags, own, owner, lines.balance(line, owner, other))
        default = default and not needs
        if needs and not flags & own.reserve:
            accounts.count_objects(view, owner, 1)
            flags |= own.reserve
            more_reserve = more_reserve or owner == account
        elif not needs and flags & own.reserve:
            accounts.count_objects(view, owner, -1)
            flags &= ~own.reserve
    view.put(key, {**changed, "Flags": flags})
    if default:
        lines.close_line(view, key)
    elif more_reserve and context.balance_before < needed:
        return "tecINSUF_RESERVE_LINE"
    return "tesSUCCESS"


def _with_terms(context: Context, line: Entry, mine: lines.Side) -> Entry:
    """The line with the limit and the qualities that the transaction names."""
    tx = context.tx
    limit = {**tx["LimitAmount"], "issuer": context.account}
    limit["value"] = amounts.token_text(amounts.read(limit))
    changed = {**line, mine.limit: limit}
    for field, own in (("QualityIn", mine.quality_in), ("QualityOut", mine.quality_out)):
        if field in tx:
            changed.pop(own, None)
            if _quality(tx, field):
                changed[own] = _quality(tx, field)
    return changed


def _with_flags(context: Context, flags: int, mine: lines.Side) -> int:
    """The line's flags as the transaction wants them."""
    asked = context.flags
    if _only(asked, SET_NO_RIPPLE, CLEAR_NO_RIPPLE):
        flags |= mine.no_ripple
    elif _only(asked, CLEAR_NO_RIPPLE, SET_NO_RIPPLE):
        flags &= ~mine.no_ripple
    if _freezes(context):
        flags |= mine.freeze
    elif _only(asked, CLEAR_FREEZE, SET_FREEZE):
        flags &= ~mine.freeze
    if asked & SET_AUTH:
        flags |= mine.auth
    return flags


def _needs_reserve(
    context: Context, line: Entry, flags: int, own: lines.Side, owner: str, balance: Amount
) -> bool:
    """Whether the line is anything but the default, seen from this side."""
    ripples = not flags & own.no_ripple
    return bool(
        line.get(own.quality_in)
        or line.get(own.quality_out)
        or ripples != accounts.has_flag(context.view, owner, accounts.DEFAULT_RIPPLE)
        or flags & own.freeze
        or amounts.read(line[own.limit]).mantissa
        or balance.mantissa > 0
    )
