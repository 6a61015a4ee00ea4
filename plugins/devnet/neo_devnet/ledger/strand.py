"""Moves an amount through one strand: passes over the best offers until the amount, or the strand, is used up."""

from bisect import insort
from collections.abc import Sequence
from typing import Final, NamedTuple

from . import amounts, offers, pool_math
from .amounts import Amount
from .book_step import BookStep, total
from .quality import quality
from .state import View
from .steps import Ground, Step

_PASSES: Final = 1000
_OFFERS: Final = 1500


class Flowed(NamedTuple):
    """What went through; the moves are in the view that was given only if the result is tesSUCCESS."""

    result: str
    inward: Amount
    outward: Amount
    dead: frozenset[str]
    """Offers found dead: they go even if the result is another."""


class _Pass(NamedTuple):
    inward: Amount
    outward: Amount
    view: View


def flow(
    view: View,
    steps: Sequence[Step],
    wanted: Amount,
    most_in: Amount,
    *,
    partial: bool,
    worst: int | None,
    fill_or_kill: str = "",
) -> Flowed:
    """Brings `wanted` through the steps for at most `most_in`, at no worse quality than `worst`.

    `fill_or_kill`: "buy" must bring all of `wanted`, "sell" must use up all of `most_in`.
    """
    book = next((step for step in steps if isinstance(step, BookStep)), None)
    none_in, none_out = amounts.zero(most_in.native), amounts.zero(wanted.native)
    inner = View(view, flow=True)
    left_in, left_out = most_in, wanted
    ins: list[Amount] = []
    outs: list[Amount] = []
    dead: set[str] = set()
    seen = 0
    for _ in range(_PASSES):
        if left_out.mantissa <= 0 or left_in.mantissa <= 0:
            break
        found: set[str] = set()
        done = _one_pass(inner, steps, book, left_in, left_out, worst, found)
        seen += 0 if book is None else book.seen
        if done is not None:
            insort(ins, done.inward)
            insort(outs, done.outward)
            left_out = wanted - total(outs, none_out)
            left_in = most_in - total(ins, none_in)
            done.view.commit()
        dead |= found
        for key in sorted(found):
            offers.delete(inner, key)
        if done is None or seen >= _OFFERS or (book is not None and book.exhausted):
            break
    spent, brought = total(ins, none_in), total(outs, none_out)
    result = _result(brought, wanted, left_in, partial=partial, fill_or_kill=fill_or_kill)
    if result == "tesSUCCESS":
        inner.commit()
    return Flowed(result, spent, brought, frozenset(dead))


def _result(brought: Amount, wanted: Amount, left_in: Amount, *, partial: bool, fill_or_kill: str) -> str:
    if brought != wanted:
        if not partial and fill_or_kill != "sell":
            return "tecPATH_PARTIAL"
        if partial and brought.mantissa == 0:
            return "tecPATH_DRY"
    if fill_or_kill == "sell" and left_in.mantissa != 0:
        return "tecPATH_PARTIAL"
    return "tesSUCCESS"


def _one_pass(
    view: View,
    steps: Sequence[Step],
    book: BookStep | None,
    left_in: Amount,
    left_out: Amount,
    worst: int | None,
    dead: set[str],
) -> _Pass | None:
    out = left_out
    if worst is not None and book is not None:
        best, is_pool = book.best(view)
        if best is None or best > worst:
            return None
        if is_pool:
            out = book.limited_by_pool(view, left_out, worst)
    done = through(view, steps, left_in, out, dead)
    if done is None or done.outward.mantissa == 0:
        return None
    reached = quality(done.inward, done.outward)
    if worst is not None and reached > worst and (out == left_out or not pool_math.is_close(reached, worst)):
        return None
    return done


def through(view: View, steps: Sequence[Step], most_in: Amount, out: Amount, dead: set[str]) -> _Pass | None:
    """One pass: from the end back, again where a step limits it, and from there forward to the end."""
    inner, before = View(view, flow=True), View(view, flow=True)
    limiting = len(steps)
    wanted = out
    forward = out
    first_in = last_out = out
    for number in range(len(steps) - 1, -1, -1):
        step = steps[number]
        moved = step.backward(Ground(inner, before, dead), wanted)
        if moved[1].mantissa == 0:
            return None
        if number == 0 and most_in < moved[0]:
            inner = View(view, flow=True)
            limiting = number
            moved = step.forward(Ground(inner, before, dead, onward=True), most_in)
            if moved[1].mantissa == 0 or moved[0] != most_in:
                return None
            forward = moved[1]
        elif moved[1] != wanted:
            inner, before = View(view, flow=True), View(view, flow=True)
            limiting = number
            wanted = moved[1]
            moved = step.backward(Ground(inner, before, dead), wanted)
            if moved[1].mantissa == 0 or moved[1] != wanted:
                return None
            forward = moved[1]
        if number == len(steps) - 1:
            last_out = moved[1]
        wanted = first_in = moved[0]
    for number in range(limiting + 1, len(steps)):
        moved = steps[number].forward(Ground(inner, before, dead, onward=True), forward)
        if moved[1].mantissa == 0 or moved[0] != forward:
            return None
        forward = last_out = moved[1]
    return _Pass(first_in, last_out, inner)
