"""OfferCancel: takes an own offer away; one that is gone already is no error."""

from typing import Any

from . import accounts, keys, offers
from .context import Context, check_flags
from .terms import Refused


class OfferCancel:
    @staticmethod
    def preflight(tx: dict[str, Any]) -> None:
        check_flags(tx, 0)
        if not tx.get("OfferSequence"):
            raise Refused("temBAD_SEQUENCE")

    @staticmethod
    def preclaim(context: Context) -> None:
        if accounts.root(context.view, context.account)["Sequence"] <= context.tx["OfferSequence"]:
            raise Refused("temBAD_SEQUENCE")

    @staticmethod
    def perform(context: Context) -> str:
        offers.delete(context.view, keys.offer(context.account, context.tx["OfferSequence"]))
        return "tesSUCCESS"
