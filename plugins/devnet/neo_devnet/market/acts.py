"""What the participants do in one ledger."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from neo_devnet.market.cast import BANK, DROPS, ISSUER, MAKERS, ODD, TAKERS
from neo_devnet.market.prices import AWAY, RUN, STORM
from neo_devnet.market.scene import AT_ONCE, SELL, WHOLE_OR_NOTHING, Scene

__all__ = ["calm", "hostile"]

LOW_XRP, TOP_UP_XRP = 10_000 * DROPS, 40_000 * DROPS
LOW_RLUSD, TOP_UP_RLUSD = 20_000, 80_000
SECONDS_LEFT = 12
ROUND = 20
CAREFUL = tuple(role for role in ODD if role != "spender")


def calm(scene: Scene) -> None:
    _make(scene, turn=scene.index % len(MAKERS))
    _top_up(scene)
    if scene.draw.random() < 0.35:
        _trade(scene, xrp=scene.draw.uniform(5, 60))


def hostile(scene: Scene) -> None:
    draw, phase = scene.draw, scene.moment.phase
    for turn in range(len(MAKERS)):
        # A jump finds some makers asleep, and others not.
        if turn == scene.index % len(MAKERS) or (phase == STORM and draw.random() < 0.5):
            _make(scene, turn)
    _top_up(scene)
    _pool(scene)
    _run_over_what_leaves(scene)
    if phase == RUN:
        _run(scene)
    elif phase != AWAY or draw.random() < 0.5:
        draw.choices(TAKING, weights=TAKING_WEIGHTS)[0](scene)
    draw.choice(ODDITIES)(scene)
    _spend(scene)


# -- everyday ---


def _make(scene: Scene, turn: int) -> None:
    half_spread = 7 + 6 * turn + scene.draw.uniform(-2, 2)
    scene.quote(MAKERS[turn], half_spread, scene.draw.uniform(80, 400))


def _trade(scene: Scene, xrp: float, flags: int = AT_ONCE) -> None:
    role = scene.draw.choice(TAKERS)
    if scene.draw.random() < 0.5:
        scene.buy(role, xrp, scene.mid * 1.003, flags)
    else:
        scene.sell(role, xrp, scene.mid * 0.997, flags)


def _top_up(scene: Scene) -> None:
    """One participant a ledger, in turn, so that nobody is out of the market for good."""
    roles = (*MAKERS, *TAKERS, *CAREFUL)
    role = roles[scene.index % len(roles)]
    cast, node = scene.cast, scene.node
    if cast.xrp_of(node, role) < LOW_XRP:
        cast.pay_xrp(node, BANK, role, TOP_UP_XRP)
    if float(cast.rlusd_of(node, role)) < LOW_RLUSD:
        cast.pay_rlusd(node, ISSUER, role, TOP_UP_RLUSD)


# -- takers of a hostile market ---


def _nobody(scene: Scene) -> None:
    pass


def _small(scene: Scene) -> None:
    _trade(scene, xrp=scene.draw.uniform(1, 80))


def _at_a_quote(scene: Scene) -> None:
    """Takes one of the engine's quotes: a part of it, just it, or it and what is behind it."""
    if scene.quotes:
        quote = scene.draw.choice(scene.quotes)
        scene.take(scene.draw.choice(TAKERS), quote, scene.draw.choice((0.1, 0.5, 1.0, 1.5)))


def _whole_or_nothing(scene: Scene) -> None:
    _trade(scene, xrp=scene.draw.choice((10, 50, 100_000, 100_000)), flags=WHOLE_OR_NOTHING)


def _all_of_it(scene: Scene) -> None:
    """Gives all that it offers, for as much as it gets for it; the rest stays in the book for the next one."""
    role, xrp = scene.draw.choice(TAKERS), scene.draw.uniform(5, 100)
    scene.sell(role, xrp, scene.mid * 0.999, SELL | AT_ONCE)


def _pay_across(scene: Scene) -> None:
    """A payment that is made in one currency and arrives in the other."""
    cast, draw = scene.cast, scene.draw
    payer, other = draw.sample(TAKERS, 2)
    xrp = round(draw.uniform(2, 60) * DROPS)
    fields: dict[str, Any] = {"Destination": cast.address(other)}
    if draw.random() < 0.5:
        fields |= {"Amount": str(xrp), "SendMax": cast.rlusd(xrp / DROPS * scene.mid * 1.004)}
    else:
        fields |= {"Amount": cast.rlusd(xrp / DROPS * scene.mid), "SendMax": str(round(xrp * 1.004))}
    cast.send(scene.node, payer, TransactionType="Payment", **fields)


TAKING: tuple[Callable[[Scene], None], ...] = (
    _nobody,
    _small,
    _at_a_quote,
    _whole_or_nothing,
    _all_of_it,
    _pay_across,
)
TAKING_WEIGHTS = (20, 25, 20, 13, 10, 12)


def _run(scene: Scene) -> None:
    """All on one side, each ledger again."""
    rising = scene.moment.direction > 0
    for role in scene.draw.sample(TAKERS, scene.draw.randint(1, len(TAKERS))):
        xrp = scene.draw.uniform(40, 250)
        if rising:
            scene.buy(role, xrp, scene.mid * 1.002, AT_ONCE)
        else:
            scene.sell(role, xrp, scene.mid * 0.998, AT_ONCE)


def _run_over_what_leaves(scene: Scene) -> None:
    """A cancel has arrived, and so has somebody who wants the offer: the close decides who was first."""
    if scene.leaving and scene.draw.random() < 0.6:
        target = scene.draw.choice(scene.leaving)
        scene.take(scene.draw.choice(TAKERS), target, scene.draw.choice((0.3, 1.0, 1.2)))


# -- those who leave odd offers behind ---


def _sleep(scene: Scene) -> None:
    """An offer at a good price that soon expires, and stays in the book until somebody walks into it."""
    until = scene.node.validated.close_time + SECONDS_LEFT
    price = scene.mid * (1 + scene.draw.uniform(-4, 4) / 10_000)
    trade = scene.buy if price < scene.mid else scene.sell
    trade("sleeper", scene.draw.uniform(5, 30), price, Expiration=until)


def _cross_itself(scene: Scene) -> None:
    mine = scene.offers("twister")
    if not mine:
        scene.sell("twister", 20, scene.mid * 1.0006)
    elif mine[0].is_bid:
        scene.cancel("twister", mine[0])
    else:
        scene.buy("twister", 10, scene.mid * 1.0008)


def _leave_dust(scene: Scene) -> None:
    """A few drops, at the top of the book."""
    xrp = scene.draw.randint(1, 9) / DROPS
    trade, price = scene.draw.choice(((scene.buy, scene.mid * 0.9998), (scene.sell, scene.mid * 1.0002)))
    trade("duster", xrp, price)


ODDITIES: tuple[Callable[[Scene], None], ...] = (_nobody, _sleep, _cross_itself, _leave_dust)


def _spend(scene: Scene) -> None:
    """Offers, then gives away what it offers. Some ledgers later it has money again, and its offers revive."""
    cast, node = scene.cast, scene.node
    match scene.index % ROUND:
        case 0:
            for each in scene.offers("spender"):
                scene.cancel("spender", each)
        case 1:
            scene.quote("spender", 5, 120)
        case 5:
            if float(left := cast.rlusd_of(node, "spender")):
                cast.pay_rlusd(node, "spender", ISSUER, left)
        case 8:
            root = node.open.account(cast.address("spender")) or {"OwnerCount": 0}
            kept = node.fees.reserve_base + node.fees.reserve_inc * root["OwnerCount"] + 1000
            cast.pay_xrp(node, "spender", BANK, max(cast.xrp_of(node, "spender") - kept, 1))
        case 14:
            cast.pay_xrp(node, BANK, "spender", TOP_UP_XRP)
            cast.pay_rlusd(node, ISSUER, "spender", TOP_UP_RLUSD)


def _pool(scene: Scene) -> None:
    """The pool goes where trades push it, and does not come home by itself: now and then it is made anew."""
    cast, node = scene.cast, scene.node
    if not cast.pool:
        return
    if not cast.has_pool(node):
        cast.open_pool(node, scene.mid)
    elif scene.moment.settles:
        cast.close_pool(node)
