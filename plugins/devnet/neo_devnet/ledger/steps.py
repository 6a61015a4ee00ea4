"""The ends of a strand: XRP of an account, and tokens along one trust line."""

from typing import NamedTuple, Protocol

from . import accounts, amounts, lines
from .amounts import PARITY, Amount
from .state import View
from .terms import Rules

Moved = tuple[Amount, Amount]
"""What a step took in, and what it put out."""


class Ground(NamedTuple):
    """Where a step works."""

    view: View
    before: View
    """The ledger as the strand found it."""
    dead: set[str]
    """Offers that a step found dead."""
    onward: bool = False
    """The pass goes from source to target: the steps before have moved their part."""


class Step(Protocol):
    """One part of a strand: finds what goes in for so much out, or what comes out for so much in, and moves it."""

    def backward(self, ground: Ground, out: Amount) -> Moved: ...

    def forward(self, ground: Ground, inward: Amount) -> Moved: ...

    def redeems(self, ground: Ground, /) -> bool:
        """It passes on tokens that their issuer gets back: then the issuer's transfer rate is due."""
        ...


class XrpSource:
    """Takes XRP from an account, above its reserve."""

    def __init__(self, account: str, rules: Rules, owner_count_adjust: int = 0) -> None:
        self._account = account
        self._rules = rules
        self._adjust = owner_count_adjust

    def _move(self, view: View, wanted: Amount) -> Moved:
        liquid = accounts.liquid_drops(view, self._account, self._rules, self._adjust)
        moved = amounts.drops(min(liquid, wanted.mantissa))
        lines.send(view, self._account, "", moved, ("XRP", ""))
        return moved, moved

    def backward(self, ground: Ground, out: Amount) -> Moved:
        return self._move(ground.view, out)

    def forward(self, ground: Ground, inward: Amount) -> Moved:
        return self._move(ground.view, inward)

    def redeems(self, _ground: Ground, /) -> bool:
        return False


class XrpSink:
    """Gives XRP to an account."""

    def __init__(self, account: str) -> None:
        self._account = account

    def _move(self, view: View, moved: Amount) -> Moved:
        lines.send(view, "", self._account, moved, ("XRP", ""))
        return moved, moved

    def backward(self, ground: Ground, out: Amount) -> Moved:
        return self._move(ground.view, out)

    def forward(self, ground: Ground, inward: Amount) -> Moved:
        return self._move(ground.view, inward)

    def redeems(self, _ground: Ground, /) -> bool:
        return False


class Line:
    """Moves tokens along one trust line: from a holder to the issuer, or from the issuer to a holder."""

    def __init__(
        self,
        source: str,
        target: str,
        currency: str,
        *,
        previous: "Step | None",
        is_last: bool,
        crossing: bool,
    ) -> None:
        self.source = source
        self.target = target
        self.currency = currency
        self._previous = previous
        self._is_last = is_last
        self._crossing = crossing
        self._redeemed = False
        self._told: tuple[Amount, Amount, Amount] | None = None

    def _holds(self, view: View) -> Amount:
        line = lines.find(view, self.source, self.target, self.currency)
        return amounts.ZERO_TOKEN if line is None else lines.balance(line, self.source, self.target)

    def redeems(self, ground: Ground, /) -> bool:
        return self._redeemed if ground.onward else self._holds(ground.view).mantissa > 0

    def _most(self, view: View, wanted: Amount) -> tuple[Amount, bool]:
        """(what may pass, whether the source gives back what the target issued)."""
        if self._crossing and self._is_last:
            return wanted, False
        held = self._holds(view)
        if held.mantissa > 0:
            return held, True
        line = lines.find(view, self.source, self.target, self.currency)
        if line is None:
            return held, False
        return amounts.read(line[lines.side(self.target, self.source).limit]) + held, False

    def _rates(self, ground: Ground, redeems: bool) -> tuple[int, int]:
        """(rate for what goes in, rate for what comes out)."""
        view = ground.view
        self._redeemed = redeems
        if redeems:
            return (PARITY if self._previous is None else self._quality(view, own=True)), PARITY
        fee = self._previous is not None and self._previous.redeems(ground)
        inward = lines.transfer_rate(view, self.source) if fee else PARITY
        outward = self._quality(view, own=False)
        return inward, min(outward, PARITY) if self._is_last else outward

    def _quality(self, view: View, *, own: bool) -> int:
        """QualityOut of the source's side, or QualityIn of the target's."""
        line = lines.find(view, self.source, self.target, self.currency)
        if self._crossing or line is None:
            return PARITY
        if own:
            value = line.get(lines.side(self.source, self.target).quality_out, PARITY)
        else:
            value = line.get(lines.side(self.target, self.source).quality_in, PARITY)
        return int(value)

    def backward(self, ground: Ground, out: Amount) -> Moved:
        view = ground.view
        most, redeems = self._most(view, out)
        if most.mantissa <= 0:
            return amounts.ZERO_TOKEN, amounts.ZERO_TOKEN
        rate_in, rate_out = self._rates(ground, redeems)
        moved = amounts.ratio(out, PARITY, rate_out, up=True)
        if most < moved:
            moved = most
            out = amounts.ratio(moved, rate_out, PARITY, up=False)
        inward = amounts.ratio(moved, rate_in, PARITY, up=True)
        self._told = (inward, moved, out)
        lines.credit(view, self.source, self.target, moved, self.currency)
        return inward, out

    def forward(self, ground: Ground, inward: Amount) -> Moved:
        view = ground.view
        wanted = inward if self._told is None else self._told[1]
        most, redeems = self._most(view, wanted)
        if most.mantissa <= 0:
            return amounts.ZERO_TOKEN, amounts.ZERO_TOKEN
        rate_in, rate_out = self._rates(ground, redeems)
        moved = amounts.ratio(inward, PARITY, rate_in, up=False)
        if most < moved:
            moved = most
            inward = amounts.ratio(moved, rate_in, PARITY, up=True)
        out = amounts.ratio(moved, rate_out, PARITY, up=False)
        if self._told is not None:
            moved, out = min(moved, self._told[1]), min(out, self._told[2])
        lines.credit(view, self.source, self.target, moved, self.currency)
        return inward, out
