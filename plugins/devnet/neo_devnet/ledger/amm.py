"""AMMCreate, and AMMWithdraw of all that a liquidity provider has."""

from hashlib import sha512
from typing import Any, Final

from xrpl.core.addresscodec import encode_classic_address
from xrpl.core.keypairs.helpers import get_account_id

from . import accounts, amounts, directories, keys, lines, pool_math, pool_offer
from .amounts import Amount
from .context import Context, check_flags
from .keys import Asset
from .state import Entry, View
from .terms import Refused

_HIGHEST_FEE: Final = 1000
_SLOT_SECONDS: Final = 86_400
_DISCOUNT: Final = 10
_ALL_VOTES: Final = 100_000
_POOL_FLAGS: Final = accounts.DISABLE_MASTER | accounts.DEFAULT_RIPPLE | accounts.DEPOSIT_AUTH
_WITHDRAW_ALL: Final = 0x0002_0000


def _half(data: bytes) -> bytes:
    return sha512(data).digest()[:32]


def lp_currency(one: Asset, other: Asset) -> str:
    """The currency code of a pool's tokens."""
    low, high = sorted((keys.currency_id(one[0]), keys.currency_id(other[0])))
    return (b"\x03" + _half(low + high)[:19]).hex().upper()


def pool_address(view: View, key: str, parent_hash: str) -> str:
    """The account of a new pool: nobody knows it before the ledger is known that it is built on."""
    for prefix in range(257):
        hashed = _half(prefix.to_bytes(2, "big") + bytes.fromhex(parent_hash) + bytes.fromhex(key))
        address = encode_classic_address(get_account_id(hashed))
        if accounts.find(view, address) is None:
            return address
    raise Refused("tecDUPLICATE")


def _in_order(one: Any, other: Any) -> tuple[Any, Any]:
    """Two assets as an AMM entry holds them: XRP first, then by currency and issuer."""

    def place(value: Any) -> tuple[bytes, bytes]:
        currency, issuer = amounts.asset(value)
        return keys.currency_id(currency), keys.account_id(issuer)

    low, high = sorted((one, other), key=place)
    return _issue(low), _issue(high)


def _issue(value: Any) -> dict[str, str]:
    currency, issuer = amounts.asset(value)
    return {"currency": currency, "issuer": issuer} if issuer else {"currency": "XRP"}


def _hand_over(view: View, sender: str, receiver: str, amount: Amount, asset: Asset) -> None:
    """Moves an amount between two accounts, tokens through their issuer and without its fee."""
    currency, issuer = asset
    if amount.native or issuer in (sender, receiver):
        lines.send(view, sender, receiver, amount, asset)
        return
    lines.credit(view, issuer, receiver, amount, currency)
    lines.credit(view, sender, issuer, amount, currency)


class AMMCreate:
    @staticmethod
    def preflight(tx: dict[str, Any]) -> None:
        check_flags(tx, 0)
        if amounts.asset(tx["Amount"]) == amounts.asset(tx["Amount2"]):
            raise Refused("temBAD_AMM_TOKENS")
        if any(amounts.read(tx[side]).mantissa <= 0 for side in ("Amount", "Amount2")):
            raise Refused("temBAD_AMOUNT")
        if tx.get("TradingFee", 0) > _HIGHEST_FEE:
            raise Refused("temBAD_FEE")

    @staticmethod
    def preclaim(context: Context) -> None:
        tx, view, account = context.tx, context.view, context.account
        assets = amounts.asset(tx["Amount"]), amounts.asset(tx["Amount2"])
        if keys.amm(*assets) in view:
            raise Refused("tecDUPLICATE")
        for currency, issuer in assets:
            if not issuer:
                continue
            if lines.is_frozen(view, account, (currency, issuer)):
                raise Refused("tecFROZEN")
            if issuer != account and not accounts.has_flag(view, issuer, accounts.DEFAULT_RIPPLE):
                raise Refused("terNO_RIPPLE")
        spendable = accounts.liquid_drops(view, account, context.rules, 1)
        if spendable <= 0:
            raise Refused("tecINSUF_RESERVE_LINE")
        for side, asset in zip(("Amount", "Amount2"), assets, strict=True):
            amount = amounts.read(tx[side])
            have = lines.funds(view, account, amount, asset, context.rules)
            if (amounts.drops(spendable) if amount.native else have) < amount:
                raise Refused("tecUNFUNDED_AMM")

    @staticmethod
    def perform(context: Context) -> str:
        tx, view, account, rules = context.tx, context.view, context.account, context.rules
        assets = amounts.asset(tx["Amount"]), amounts.asset(tx["Amount2"])
        key = keys.amm(*assets)
        pool = pool_address(view, key, rules.parent_hash)
        lp_asset = (lp_currency(*assets), pool)
        tokens = pool_math.lp_tokens(amounts.read(tx["Amount"]), amounts.read(tx["Amount2"]))
        root = accounts.created(pool, 0, rules.ledger_index)
        view.put(keys.account(pool), {**root, "Flags": _POOL_FLAGS, "AMMID": key})
        page = directories.insert_owned(view, pool, key)
        view.put(key, {**_new_pool(context, lp_asset, tokens), "OwnerNode": page})
        lines.credit(view, pool, account, tokens, lp_asset[0])
        for side, asset in zip(("Amount", "Amount2"), assets, strict=True):
            _hand_over(view, account, pool, amounts.read(tx[side]), asset)
            if asset[1]:
                line_key = keys.line(pool, asset[1], asset[0])
                line = view.get(line_key)
                if line is not None:
                    view.update(line_key, Flags=line["Flags"] | lines.AMM_NODE)
        return "tesSUCCESS"


def _new_pool(context: Context, lp_asset: Asset, tokens: Amount) -> Entry:
    """The AMM entry: who made it holds the auction slot for a day, and all votes."""
    tx, fee = context.tx, context.tx.get("TradingFee", 0)
    lp_token = {"currency": lp_asset[0], "issuer": lp_asset[1]}
    low, high = _in_order(tx["Amount"], tx["Amount2"])
    slot = {
        "Account": context.account,
        "Expiration": context.rules.parent_close_time + _SLOT_SECONDS,
        "Price": {**lp_token, "value": "0"},
    }
    if fee // _DISCOUNT:
        slot["DiscountedFee"] = fee // _DISCOUNT
    vote: Entry = {"Account": context.account, "VoteWeight": _ALL_VOTES}
    entry: Entry = {
        "Account": lp_asset[1],
        "Asset": low,
        "Asset2": high,
        "AuctionSlot": slot,
        "Flags": 0,
        "LPTokenBalance": {**lp_token, "value": amounts.token_text(tokens)},
        "LedgerEntryType": "AMM",
        "VoteSlots": [{"VoteEntry": vote}],
    }
    if fee:
        vote["TradingFee"] = fee
        entry["TradingFee"] = fee
    return entry


class AMMWithdraw:
    """tfWithdrawAll alone: both assets in proportion to all tokens that the account has."""

    @staticmethod
    def preflight(tx: dict[str, Any]) -> None:
        if tx.get("Flags", 0) & ~0x8000_0000 != _WITHDRAW_ALL:
            raise Refused("temDISABLED")
        if any(field in tx for field in ("Amount", "Amount2", "LPTokenIn", "EPrice")):
            raise Refused("temMALFORMED")

    @staticmethod
    def preclaim(context: Context) -> None:
        entry = _pool_of(context)
        if entry is None:
            raise Refused("terNO_AMM")
        if _tokens_of(context, entry).mantissa <= 0:
            raise Refused("tecAMM_BALANCE")

    @staticmethod
    def perform(context: Context) -> str:
        view, account = context.view, context.account
        entry = _pool_of(context)
        assert entry is not None
        pool, lp_token = entry["Account"], entry["LPTokenBalance"]
        tokens, issued = _tokens_of(context, entry), amounts.read(lp_token)
        assets = [_pair(entry[side]) for side in ("Asset", "Asset2")]
        held = [pool_offer.holds(view, pool, asset) for asset in assets]
        if tokens != issued:
            share = amounts.divide(tokens, issued, False)
            held = [amounts.multiply(amount, share, amount.native) for amount in held]
        if any(amount.mantissa <= 0 for amount in held):
            return "tecAMM_FAILED"
        for amount, asset in zip(held, assets, strict=True):
            _hand_over(view, pool, account, amount, asset)
        lines.credit(view, account, pool, tokens, lp_token["currency"])
        left = issued - tokens
        key = keys.amm(*assets)
        if left.mantissa:
            view.update(key, LPTokenBalance=amounts.write(left, lp_token))
        else:
            _close(view, pool, key, entry)
        return "tesSUCCESS"


def _pair(value: Any) -> Asset:
    return value["currency"], value.get("issuer", "")


def _pool_of(context: Context) -> Entry | None:
    return context.view.get(keys.amm(_pair(context.tx["Asset"]), _pair(context.tx["Asset2"])))


def _tokens_of(context: Context, entry: Entry) -> Amount:
    token = entry["LPTokenBalance"]
    line = lines.find(context.view, context.account, token["issuer"], token["currency"])
    return amounts.ZERO_TOKEN if line is None else lines.balance(line, context.account, token["issuer"])


def _close(view: View, pool: str, key: str, entry: Entry) -> None:
    """An empty pool goes, with the lines that are left and its account."""
    for owned in list(directories.owned(view, pool)):
        line = view.get(owned)
        if line is not None and line["LedgerEntryType"] == "RippleState":
            _close_line(view, pool, owned, line)
    directories.remove_owned(view, pool, entry["OwnerNode"], key)
    view.erase(key)
    view.erase(keys.account(pool))


def _close_line(view: View, pool: str, key: str, line: Entry) -> None:
    low, high = line["LowLimit"]["issuer"], line["HighLimit"]["issuer"]
    holder = high if low == pool else low
    lines.close_line(view, key)
    if line["Flags"] & lines.side(holder, pool).reserve:
        accounts.count_objects(view, holder, -1)
