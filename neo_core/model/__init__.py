"""The values that walk through the engine. None of them changes once it is made.

Prices and bps are floats, for decisions. Amounts are exact: XRP in drops (int), RLUSD in Decimal.
`buy` and `sell` are of XRP. Times are seconds since 1970, as the ledger's close times give them.
"""

from __future__ import annotations

from neo_core.model.decisions import (
    Cancel,
    CancelAll,
    Cause,
    Command,
    Decision,
    Event,
    Input,
    Moved,
    Place,
    Prepared,
    Refusal,
    Resolve,
    TruthCheck,
)
from neo_core.model.ledger import (
    DROPS,
    Account,
    Ack,
    AckOutcome,
    Health,
    Market,
    Observation,
    Offer,
    OfferEvent,
    OwnTransaction,
    Side,
)
from neo_core.model.orders import Fill, Inventory, Order, OrderStatus
from neo_core.model.plugins import (
    Clear,
    Enter,
    Facts,
    Mark,
    Measures,
    Mode,
    Outcome,
    Recover,
    Resolution,
    Stay,
    View,
)

__all__ = [
    "DROPS",
    "Account",
    "Ack",
    "AckOutcome",
    "Cancel",
    "CancelAll",
    "Cause",
    "Clear",
    "Command",
    "Decision",
    "Enter",
    "Event",
    "Facts",
    "Fill",
    "Health",
    "Input",
    "Inventory",
    "Mark",
    "Market",
    "Measures",
    "Mode",
    "Moved",
    "Observation",
    "Offer",
    "OfferEvent",
    "Order",
    "OrderStatus",
    "Outcome",
    "OwnTransaction",
    "Place",
    "Prepared",
    "Recover",
    "Refusal",
    "Resolution",
    "Resolve",
    "Side",
    "Stay",
    "TruthCheck",
    "View",
]
