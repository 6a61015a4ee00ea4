"""AccountSet and SetRegularKey: what an account says about itself."""

from typing import Any, Final

from xrpl.core.keypairs import derive_classic_address

from . import accounts, directories, keys
from .amounts import PARITY
from .context import Context, check_flags
from .state import Entry
from .terms import Refused

_TX_FLAGS: Final = 0x003F_0000
_REQUIRE_AUTH, _DISABLE_MASTER, _TXN_ID, _NO_FREEZE, _GLOBAL_FREEZE, _CLAWBACK = 2, 4, 5, 6, 7, 16
_FLAGS: Final = {
    1: accounts.REQUIRE_DEST_TAG,
    2: accounts.REQUIRE_AUTH,
    3: accounts.DISALLOW_XRP,
    4: accounts.DISABLE_MASTER,
    6: accounts.NO_FREEZE,
    7: accounts.GLOBAL_FREEZE,
    8: accounts.DEFAULT_RIPPLE,
    9: accounts.DEPOSIT_AUTH,
    12: accounts.DISALLOW_INCOMING_NFT,
    13: accounts.DISALLOW_INCOMING_CHECK,
    14: accounts.DISALLOW_INCOMING_PAYCHAN,
    15: accounts.DISALLOW_INCOMING_TRUSTLINE,
    16: accounts.ALLOW_CLAWBACK,
}
_BY_TX_FLAG: Final = ((0x0001_0000, 0x0002_0000, 1), (0x0004_0000, 0x0008_0000, 2), (0x0010_0000, 0x0020_0000, 3))
"""(flag that sets, flag that clears, number): the old way to say the first three."""


def _wanted(tx: dict[str, Any], way: int) -> set[int]:
    """Flags to set (way 0) or to clear (way 1), by number."""
    named = {tx.get(("SetFlag", "ClearFlag")[way], 0)} - {0}
    return named | {row[2] for row in _BY_TX_FLAG if tx.get("Flags", 0) & row[way]}


class AccountSet:
    @staticmethod
    def preflight(tx: dict[str, Any]) -> None:
        check_flags(tx, _TX_FLAGS)
        if _wanted(tx, 0) & _wanted(tx, 1):
            raise Refused("temINVALID_FLAG")
        if not (tx.get("TransferRate", 0) == 0 or PARITY <= tx["TransferRate"] <= 2 * PARITY):
            raise Refused("temBAD_TRANSFER_RATE")
        if not (tx.get("TickSize", 0) == 0 or 3 <= tx["TickSize"] <= 16):
            raise Refused("temBAD_TICK_SIZE")

    @staticmethod
    def preclaim(context: Context) -> None:
        sets = _wanted(context.tx, 0)
        root = accounts.root(context.view, context.account)
        owns = any(True for _ in directories.owned(context.view, context.account))
        if _REQUIRE_AUTH in sets and not root["Flags"] & accounts.REQUIRE_AUTH and owns:
            raise Refused("tecOWNERS")
        if _CLAWBACK in sets:
            if root["Flags"] & accounts.NO_FREEZE:
                raise Refused("tecNO_PERMISSION")
            if owns:
                raise Refused("tecOWNERS")
        if _NO_FREEZE in sets and root["Flags"] & accounts.ALLOW_CLAWBACK:
            raise Refused("tecNO_PERMISSION")

    @staticmethod
    def perform(context: Context) -> str:
        tx, view = context.tx, context.view
        sets, clears = _wanted(tx, 0), _wanted(tx, 1)
        root = dict(accounts.root(view, context.account))
        flags = root["Flags"]
        if sets & {_DISABLE_MASTER, _NO_FREEZE} and not _by_master(tx) and not flags & accounts.DISABLE_MASTER:
            return "tecNEED_MASTER_KEY"
        if _DISABLE_MASTER in sets and "RegularKey" not in root and keys.signer_list(context.account) not in view:
            return "tecNO_ALTERNATIVE_KEY"
        clears -= {_NO_FREEZE, _CLAWBACK}
        if (flags & accounts.NO_FREEZE) or _NO_FREEZE in sets:
            clears -= {_GLOBAL_FREEZE}
        for number in sets:
            flags |= _FLAGS.get(number, 0)
        for number in clears:
            flags &= ~_FLAGS.get(number, 0)
        root["Flags"] = flags
        if _TXN_ID in sets:
            root.setdefault("AccountTxnID", "0" * 64)
        if _TXN_ID in clears:
            root.pop("AccountTxnID", None)
        _set(root, tx, "TransferRate", (0, PARITY))
        _set(root, tx, "TickSize", (0, 16))
        _set(root, tx, "Domain", ("",))
        _set(root, tx, "EmailHash", ("0" * 32,))
        _set(root, tx, "MessageKey", ("",))
        view.put(keys.account(context.account), root)
        return "tesSUCCESS"


def _set(root: Entry, tx: dict[str, Any], field: str, empty: tuple[Any, ...]) -> None:
    if field in tx:
        if tx[field] in empty:
            root.pop(field, None)
        else:
            root[field] = tx[field]


def _by_master(tx: dict[str, Any]) -> bool:
    key = tx.get("SigningPubKey")
    return not key or derive_classic_address(key) == tx["Account"]


class SetRegularKey:
    @staticmethod
    def preflight(tx: dict[str, Any]) -> None:
        check_flags(tx, 0)
        if tx.get("RegularKey") == tx["Account"]:
            raise Refused("temBAD_REGKEY")

    @staticmethod
    def preclaim(context: Context) -> None:
        """Nothing beyond the checks of every kind."""

    @staticmethod
    def perform(context: Context) -> str:
        view, key = context.view, keys.account(context.account)
        root = accounts.root(view, context.account)
        regular = context.tx.get("RegularKey")
        if regular is not None:
            view.update(key, RegularKey=regular)
        elif root["Flags"] & accounts.DISABLE_MASTER and keys.signer_list(context.account) not in view:
            return "tecNO_ALTERNATIVE_KEY"
        elif "RegularKey" in root:
            view.update(key, RegularKey=None)
        return "tesSUCCESS"
