"""Puts a session together: the only place that knows the concrete gateways, markets and the store."""

from neo_core.wiring.asked import LIVE, Asked, Configured, configure, refuse_unintended
from neo_core.wiring.opening import Run, open_run
from neo_core.wiring.wallets import Wallet, transaction, wallet_of, wallet_on_the_ledger

__all__ = [
    "LIVE",
    "Asked",
    "Configured",
    "Run",
    "Wallet",
    "configure",
    "open_run",
    "refuse_unintended",
    "transaction",
    "wallet_of",
    "wallet_on_the_ledger",
]
