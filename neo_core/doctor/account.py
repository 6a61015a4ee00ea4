"""The account and the issuer, as one validated ledger shows them."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from neo_core.config import LiveConfig, Settings
from neo_core.doctor.finding import Finding, fail, ok, warn
from neo_core.errors import NeoError
from neo_core.model import DROPS, Inventory

if TYPE_CHECKING:
    from neo_core.gateways.xrpl.connecting.link import Closed, Link

__all__ = ["examine", "issuer", "market"]

DISABLE_MASTER, GLOBAL_FREEZE, REQUIRE_AUTH, DEFAULT_RIPPLE = 0x00100000, 0x00400000, 0x00040000, 0x00800000
NO_FEE = 1_000_000_000
QUOTES = 2
FEES_DROPS = DROPS
"""Room for the fees of a first day."""

Answer = Mapping[str, Any]


def examine(
    settings: Settings, address: str, signer: str | None, link: Link, closed: Closed
) -> tuple[list[Finding], Inventory | None]:
    live, at = settings.live, closed.ledger_index
    peer = live.issued_by
    info, lines, offers = link.ask(
        [
            {"command": "account_info", "account": address, "ledger_index": at},
            {"command": "account_lines", "account": address, "peer": peer, "ledger_index": at},
            {"command": "account_offers", "account": address, "ledger_index": at},
        ]
    )
    data = info.get("account_data")
    if not isinstance(data, Mapping):
        if info.get("error") != "actNotFound":
            raise NeoError(f"{link.node} does not show account {address} ({info.get('error', 'an odd answer')})")
        return [_not_funded(address, live, closed)], None
    findings = [ok("account", f"{address} on ledger {at}")]
    if signer is not None:
        findings.append(_rights(address, data, signer))
    line = _line(lines, live)
    findings += _trust(line, live)
    xrp, holds = int(data["Balance"]), _amount(line.get("balance") if line else None)
    reserve = closed.reserve_base + int(data.get("OwnerCount", 0)) * closed.reserve_inc
    findings.append(_headroom(settings, xrp, reserve, closed))
    open_offers = offers.get("offers")
    if isinstance(open_offers, list) and open_offers:
        findings.append(_leftovers(settings, len(open_offers)))
    return findings, Inventory(xrp, holds)


def _not_funded(address: str, live: LiveConfig, closed: Closed) -> Finding:
    least = Decimal(closed.reserve_base + (QUOTES + 1) * closed.reserve_inc + FEES_DROPS) / DROPS
    return fail(
        "account",
        f"{address} is not on {live.network}: nobody has sent it XRP yet",
        f"send it at least {least:f} XRP, and what it is to trade with (testnet and devnet have faucets); if the "
        "seed is a regular key's, name its account in live.account instead",
    )


def _rights(address: str, data: Answer, signer: str) -> Finding:
    regular, disabled = data.get("RegularKey"), bool(int(data.get("Flags", 0)) & DISABLE_MASTER)
    if signer == address:
        if disabled:
            return fail(
                "key", f"the master key of {address} is disabled", "use the seed of its regular key instead"
            )
        return ok("key", "the account's own master key signs (a regular key can be replaced if it leaks)")
    if signer == regular:
        return ok("key", f"{signer} signs, the account's regular key")
    has = "no regular key" if regular is None else f"the regular key {regular}"
    return fail(
        "key",
        f"the seed is the key of {signer}, and {address} has {has}",
        "use the right seed, or the right live.account, or make this key its regular key (SetRegularKey)",
    )


def _line(lines: Answer, live: LiveConfig) -> Answer | None:
    found = lines.get("lines")
    for line in found if isinstance(found, list) else ():
        if isinstance(line, Mapping) and line.get("currency") == live.currency_code:
            return line
    return None


def _trust(line: Answer | None, live: LiveConfig) -> list[Finding]:
    if line is None:
        return [
            fail(
                "trust line",
                f"there is none for {live.currency} of {live.issued_by}, so that it cannot be held",
                "set one with a TrustSet transaction, in a wallet",
            )
        ]
    holds, limit = _amount(line.get("balance")), _amount(line.get("limit"))
    found = f"holds {holds:f} {live.currency}, limit {limit:f}"
    if line.get("freeze_peer") or line.get("deep_freeze_peer"):
        return [fail("trust line", f"{found}: the issuer has frozen it", "ask the issuer why")]
    if holds == 0:
        return [warn("trust line", found, f"without {live.currency} only the selling side can be quoted")]
    if holds >= limit:
        return [warn("trust line", found, "raise the limit: no more can be bought in with it")]
    return [ok("trust line", found)]


def _headroom(settings: Settings, xrp: int, reserve: int, closed: Closed) -> Finding:
    """XRP that may be spent, against what quotes and tickets lock and what the selling quote offers."""
    objects = QUOTES + settings.live.tickets_for_cancel
    free, locked = xrp - reserve, objects * closed.reserve_inc
    sells = round(settings.quoting.order_size_xrp * DROPS)
    found = f"{_xrp(xrp)} XRP, of which {_xrp(reserve)} are reserve and {_xrp(max(free, 0))} free"
    if free < locked + FEES_DROPS:
        return fail(
            "funds",
            f"{found}: too little for the reserve of {objects} objects (offers, tickets) and for fees",
            f"send at least {_xrp(locked + FEES_DROPS - free)} XRP more",
        )
    if free < locked + FEES_DROPS + sells:
        return warn(
            "funds",
            f"{found}: too little to sell {settings.quoting.order_size_xrp:g} XRP",
            "send more, or lower quoting.order_size_xrp",
        )
    return ok("funds", found)


def _leftovers(settings: Settings, count: int) -> Finding:
    policy = settings.startup.leftover_offers
    does = {
        "cancel": "a fresh session cancels those that it does not know",
        "adopt": "a fresh session goes on with them",
        "refuse": "a fresh session does not start while there are any",
    }
    found = f"{count} on the ledger, and startup.leftover_offers is {policy}: {does[policy]}"
    return warn("own offers", found, "look whether they are what you expect")


def issuer(settings: Settings, link: Link, closed: Closed) -> list[Finding]:
    live = settings.live
    (info,) = link.ask(
        [{"command": "account_info", "account": live.issued_by, "ledger_index": closed.ledger_index}]
    )
    data = info.get("account_data")
    if not isinstance(data, Mapping):
        said = info.get("error", "an odd answer")
        return [fail("issuer", f"{live.issued_by} is not on {live.network} ({said})", "mend live.issuer")]
    flags = int(data.get("Flags", 0))
    if flags & GLOBAL_FREEZE:
        return [fail("issuer", f"{live.issued_by} has frozen everything it issued", "wait until it has not")]
    findings = []
    if flags & REQUIRE_AUTH:
        findings.append(
            warn("issuer", "it has to authorise each trust line", "see that yours is, or nothing can be bought")
        )
    if not flags & DEFAULT_RIPPLE:
        findings.append(
            warn(
                "issuer",
                "its DefaultRipple is off, so that what it issued may not move between its holders",
                "see that live.issuer is the right one",
            )
        )
    findings += _rounding(settings, int(data.get("TickSize", 0)))
    rate = int(data.get("TransferRate", 0)) or NO_FEE
    if rate != NO_FEE:
        percent = Decimal(rate - NO_FEE) * 100 / NO_FEE
        findings.append(
            warn(
                "issuer",
                f"it takes a transfer fee of {percent.normalize():f} %, which buying XRP costs on top",
                "see that quoting.bid_offset_bps leaves room for it",
            )
        )
    return findings or [ok("issuer", f"{live.issued_by}: no freeze, no transfer fee")]


def market(settings: Settings, link: Link, closed: Closed) -> Finding:
    live = settings.live
    xrp, issued = {"currency": "XRP"}, {"currency": live.currency_code, "issuer": live.issued_by}
    sides = {"sells XRP": (xrp, issued), "buys XRP": (issued, xrp)}
    books = link.ask(
        [
            {
                "command": "book_offers",
                "taker_gets": gets,
                "taker_pays": pays,
                "ledger_index": closed.ledger_index,
                "limit": 1,
            }
            for gets, pays in sides.values()
        ]
    )
    nobody = [f"nobody {side}" for side, book in zip(sides, books, strict=True) if not book.get("offers")]
    if nobody:
        return warn(
            "market",
            f"{' and '.join(nobody)} for {live.currency} of {live.issued_by}: until then nothing is quoted",
            "see that live.currency and live.issuer are the right ones",
        )
    return ok("market", "offers on both sides of the book")


def _rounding(settings: Settings, tick_size: int) -> list[Finding]:
    """A price near 1 has as many decimals as significant digits, less one."""
    if tick_size == 0 or 10 ** (1 - tick_size) <= settings.quoting.price_tick:
        return []
    return [
        warn(
            "issuer",
            f"its tick size keeps {tick_size} digits of a price, fewer than quoting.price_tick "
            f"({settings.quoting.price_tick:g})",
            "raise quoting.price_tick",
        )
    ]


def _amount(given: object) -> Decimal:
    try:
        return Decimal(str(given)) if given is not None else Decimal(0)
    except InvalidOperation:
        return Decimal(0)


def _xrp(drops: int) -> str:
    return f"{Decimal(drops) / DROPS:,f}"
