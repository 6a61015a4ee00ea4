"""The scenarios: each a story, its expected end, and the table of phases that tells it.

The anchor's error is half of the pool's distance (weights 0.5 and 0.5) and capped at 10 bps, so a pool 18
bps away is an error of 9. A ledger is 4 seconds: 15 ticks a minute, 900 an hour.
"""

from __future__ import annotations

from neo_core.errors import UsageError
from neo_core.markets.scenario import Flow, Phase, Scenario
from neo_core.markets.truth_scenarios import CANCEL_STORM, PHANTOM, WALLET_MISMATCH

__all__ = ["SCENARIOS", "find", "names"]

POOL_UP = 18.0
POOL_DOWN = -18.0
THIN = 22.0  # wide enough that both our quotes are reached while the anchor leans
NO_ANSWER = "the node does not answer"

UNHURRIED = Flow(gap=(16, 30))
SELLERS_ONLY = Flow(sells_xrp=120.0, buys_xrp=0.0, gap=(2, 2))
MOSTLY_SELLERS = Flow(sells_xrp=90.0, buys_xrp=6.0, gap=(2, 2))
MOSTLY_BUYERS = Flow(sells_xrp=30.0, buys_xrp=90.0, gap=(5, 8))

CALM = Scenario(
    name="calm",
    story=(
        "An ordinary hour. The price hardly moves, the pool agrees with the book, and buyers and sellers "
        "take turns, so the engine earns its spread on both sides."
    ),
    ends="duration_elapsed, no episode",
    ticks=900,
    phases=(Phase(900, flow=UNHURRIED),),
)

CYCLING = Scenario(
    name="cycling",
    story=(
        "The pool leaves the book upwards and drags the anchor along: the anchor guard stops the quoting. "
        "The pool comes home, and the engine resumes. Then it leaves downwards; this time a cool-down has "
        "to run off before the engine may resume."
    ),
    ends="duration_elapsed, two episodes of anchor",
    ticks=600,
    phases=(
        Phase(90),
        Phase(80, pool_bps=POOL_UP),
        Phase(160),
        Phase(70, pool_bps=POOL_DOWN),
        Phase(200),
    ),
)

HOSTILE = Scenario(
    name="hostile",
    story=(
        "The pool leaves the book, comes home, and leaves again each time the engine has just resumed. "
        "After the second time this looks less like bad luck; the third entry ends the session."
    ),
    ends="degraded_episode_limit_halt, the third entry of anchor",
    ticks=600,
    phases=(
        Phase(60),
        Phase(60, pool_bps=POOL_UP),
        Phase(110),
        Phase(60, pool_bps=POOL_UP),
        Phase(160),
        Phase(150, pool_bps=POOL_UP),
    ),
)

WAITING = Scenario(
    name="waiting",
    story=(
        "The pool stays away from the book for forty minutes. Nothing is wrong with the engine, and a bad "
        "regime is no reason to end: it waits with nothing in the market, and resumes when the pool is "
        "back."
    ),
    ends="duration_elapsed, one long episode of anchor",
    ticks=900,
    phases=(Phase(60), Phase(600, pool_bps=POOL_UP), Phase(240)),
)

TREND = Scenario(
    name="trend",
    story=(
        "Somebody sells, and goes on selling: for under three minutes the price slides by 5 bps a ledger, "
        "and every sale meets our bid. The drift guard sees buys without a sell and steps aside. The slide "
        "ends, nothing fills for a while, and the engine resumes."
    ),
    ends="duration_elapsed, one episode of drift",
    ticks=400,
    phases=(Phase(90), Phase(40, slide_bps=-5.0, flow=SELLERS_ONLY), Phase(270)),
)

RUNAWAY_INVENTORY = Scenario(
    name="runaway_inventory",
    story=(
        "Sellers come with whole lots and buyers with crumbs. No burst, no silence, nothing for the drift "
        "guard, yet lot by lot the wallet fills with XRP until it holds more than 70 percent. The corridor "
        "guard stops. The price then falls by a tenth, which hurts, but brings the share of XRP back "
        "inside; the engine resumes, and the buyers who return carry the inventory home."
    ),
    ends="duration_elapsed, one episode of corridor",
    ticks=900,
    phases=(
        Phase(20),
        Phase(250, flow=MOSTLY_SELLERS),
        Phase(200, slide_bps=-5.0, flow=Flow(0.0, 0.0)),
        Phase(430, flow=MOSTLY_BUYERS),
    ),
)

FLAPPING = Scenario(
    name="flapping",
    story=(
        "The anchor's error plays around the thresholds. Just below the entry: no episode. Above it: one. "
        "Then for a quarter of an hour it hovers between exit and entry, too good to enter and too bad to "
        "recover; once it turns clean, but not for long enough. Only a market that is clean and stays "
        "clean ends the episode."
    ),
    ends="duration_elapsed, one episode of anchor",
    ticks=600,
    phases=(
        Phase(40, half_spread_bps=THIN),
        Phase(80, half_spread_bps=THIN, pool_bps=11.0),
        Phase(50, half_spread_bps=THIN, pool_bps=16.0),
        Phase(150, half_spread_bps=THIN, pool_bps=10.6, pool_noise_bps=4.0),
        Phase(14, half_spread_bps=THIN),
        Phase(106, half_spread_bps=THIN, pool_bps=10.6, pool_noise_bps=4.0),
        Phase(160, half_spread_bps=THIN),
    ),
)

DEAD_NODE = Scenario(
    name="dead_node",
    story=(
        "The node misses two ledgers and comes back: no harm done, what happened meanwhile is caught up "
        "with. Later it goes away for good, and an engine that cannot see must not stay in the market."
    ),
    ends="risk_rpc_failure_halt, no episode",
    ticks=150,
    phases=(Phase(60), Phase(2, failure=NO_ANSWER), Phase(38), Phase(50, failure=NO_ANSWER)),
)

SCENARIOS = {
    scenario.name: scenario
    for scenario in (
        CALM,
        CYCLING,
        HOSTILE,
        WAITING,
        TREND,
        RUNAWAY_INVENTORY,
        FLAPPING,
        DEAD_NODE,
        CANCEL_STORM,
        PHANTOM,
        WALLET_MISMATCH,
    )
}


def names() -> tuple[str, ...]:
    return tuple(SCENARIOS)


def find(name: str) -> Scenario:
    scenario = SCENARIOS.get(name)
    if scenario is None:
        raise UsageError(f"expected a scenario, one of {', '.join(SCENARIOS)}; got {name!r}")
    return scenario
