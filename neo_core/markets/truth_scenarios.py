"""Scenarios about orders that vanish and a wallet that disagrees.

Where fills are not proven, a quote that is taken in the very ledger that was to cancel it for a better price looks
like a cancelled one. So that nothing but the story counts, nobody comes while quotes are replaced.
"""

from __future__ import annotations

from neo_core.markets.scenario import Flow, Phase, Scenario

__all__ = ["CANCEL_STORM", "PHANTOM", "WALLET_MISMATCH"]

# The anchor guard enters on the 17th ledger of such a pool, and the cancels are in the next one.
AWAY = Phase(17, pool_bps=18.2, pool_noise_bps=0.5, half_spread_bps=22.0, flow=Flow(0.0, 0.0))
CROWDS = Phase(
    20, pool_bps=18.2, half_spread_bps=22.0, flow=Flow(sells_xrp=40.0, buys_xrp=40.0, gap=(1, 1), crowd=6)
)
NOBODY = Flow(0.0, 0.0)
WHOLE_LOTS = Flow(sells_xrp=200.0, buys_xrp=200.0, gap=(4, 8))
ONE_AFTER_SIX_MINUTES = Flow(sells_xrp=200.0, buys_xrp=200.0, gap=(95, 95))

CANCEL_STORM = Scenario(
    name="cancel_storm",
    story=(
        "Twice the pool leaves the book, and as the engine pulls its young quotes, crowds of takers come in "
        "every ledger. A cancel and a taker in one ledger are a race, and some are lost: what was sold or "
        "bought by then is booked as it is proven, never guessed. Where paper.fill_visibility is "
        "disappearance nothing proves it: every cancelled order is skipped, and wallet truth reports the rest."
    ),
    ends="duration_elapsed, two episodes of anchor; with disappearance inventory_truth_halt at a lost race",
    ticks=480,
    phases=(
        Phase(60, flow=NOBODY),
        AWAY,
        CROWDS,
        Phase(110, flow=NOBODY),
        AWAY,
        CROWDS,
        Phase(236),
    ),
)

PHANTOM = Scenario(
    name="phantom",
    story=(
        "Nothing proves a fill here: an offer is there, or it is gone. Takers take young quotes whole, the "
        "engine guesses that they were filled, says that it guessed, and is right. Then nobody comes for six "
        "minutes, and when somebody takes a quote that has become old the engine guesses no more. It holds the "
        "order, and the wallet, which knows better, ends the session."
    ),
    ends="inventory_truth_halt, one order held for review",
    ticks=300,
    phases=(
        Phase(100, flow=WHOLE_LOTS),
        Phase(200, flow=ONE_AFTER_SIX_MINUTES),
    ),
    settings={
        "paper": {"fill_visibility": "disappearance"},
        "quoting": {"order_ttl_seconds": 3600.0, "requote_bps": 20.0},
    },
)

WALLET_MISMATCH = Scenario(
    name="wallet_mismatch",
    story=(
        "An ordinary market, until somebody else who has the key takes 25 XRP out of the wallet. No trade of "
        "the engine explains it. It stops quoting at its next look at the wallet, looks again, and ends "
        "rather than make its books fit."
    ),
    ends="inventory_truth_halt, one episode of wallet_truth",
    ticks=150,
    phases=(Phase(80), Phase(70, withdraws_xrp=25.0)),
)
