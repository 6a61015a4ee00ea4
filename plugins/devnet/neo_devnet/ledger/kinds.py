"""The transaction types that this ledger knows."""

from typing import Final

from .account_set import AccountSet, SetRegularKey
from .amm import AMMCreate, AMMWithdraw
from .context import Kind
from .offer_cancel import OfferCancel
from .offer_create import OfferCreate
from .payment import Payment
from .ticket_create import TicketCreate
from .trust_set import TrustSet

REQUIRED: Final[dict[str, tuple[str, ...]]] = {
    "AMMCreate": ("Amount", "Amount2"),
    "AMMWithdraw": ("Asset", "Asset2"),
    "OfferCancel": ("OfferSequence",),
    "OfferCreate": ("TakerGets", "TakerPays"),
    "Payment": ("Amount", "Destination"),
    "TicketCreate": ("TicketCount",),
    "TrustSet": ("LimitAmount",),
}
"""Fields without which a transaction of this type is none."""

KINDS: Final[dict[str, type[Kind]]] = {
    "AMMCreate": AMMCreate,
    "AMMWithdraw": AMMWithdraw,
    "AccountSet": AccountSet,
    "OfferCancel": OfferCancel,
    "OfferCreate": OfferCreate,
    "Payment": Payment,
    "SetRegularKey": SetRegularKey,
    "TicketCreate": TicketCreate,
    "TrustSet": TrustSet,
}
