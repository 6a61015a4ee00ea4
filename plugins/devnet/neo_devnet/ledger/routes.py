"""The steps between two accounts: straight along trust lines, or through one book."""

from . import accounts, amounts, lines, pool_offer
from .book_step import BookStep
from .keys import Asset
from .offer_stream import Book
from .state import State, View
from .steps import Line, Step, XrpSink, XrpSource
from .terms import Refused, Rules


def along_lines(view: View, source: str, target: str, asset: Asset) -> list[Step]:
    """Tokens from a holder to another through their issuer, or to or from the issuer itself."""
    currency, issuer = asset
    steps: list[Step] = []
    if source != issuer:
        alone = target == issuer
        _check_line(view, source, issuer, currency, from_book=False, alone=alone)
        steps.append(Line(source, issuer, currency, previous=None, is_last=alone, crossing=False))
    if target != issuer:
        if source != issuer:
            _check_no_ripple(view, source, issuer, target, currency)
        _check_line(view, issuer, target, currency, from_book=False, alone=source == issuer)
        previous = steps[-1] if steps else None
        steps.append(Line(issuer, target, currency, previous=previous, is_last=True, crossing=False))
    return steps


def through_book(
    view: View, source: str, target: str, book: Book, rules: Rules, threshold: int | None
) -> list[Step]:
    """The steps from source to target through one book; refused where a trust line forbids it."""
    crossing = threshold is not None
    steps: list[Step] = []
    currency, issuer = book.inward
    if not issuer:
        steps.append(XrpSource(source, rules, _spared(view, source, book) if crossing else 0))
    elif source != issuer:
        _check_way_in(view, source, book.inward, crossing=crossing)
        steps.append(Line(source, issuer, currency, previous=None, is_last=False, crossing=crossing))
    for _, side_issuer in book:
        if side_issuer and accounts.find(view, side_issuer) is None:
            raise Refused("tecNO_ISSUER")
    steps.append(
        BookStep(
            book,
            source=source,
            target=target,
            previous=steps[-1] if steps else None,
            threshold=threshold,
            pool=pool_offer.find(view, book.inward, book.outward, source, rules),
            rules=rules,
        )
    )
    currency, issuer = book.outward
    if not issuer:
        steps.append(XrpSink(target))
    elif target != issuer:
        if crossing:
            _check_freeze(view, issuer, target, currency)
        else:
            _check_line(view, issuer, target, currency, from_book=True, alone=False)
        steps.append(Line(issuer, target, currency, previous=steps[-1], is_last=True, crossing=crossing))
    return steps


def _check_way_in(view: View, source: str, asset: Asset, *, crossing: bool) -> None:
    """The source has a line, and the issuer passes its tokens on into a book."""
    currency, issuer = asset
    _check_freeze(view, source, issuer, currency)
    line = lines.find(view, source, issuer, currency)
    if line is None:
        raise Refused("terNO_LINE")
    if not crossing:
        _check_line(view, source, issuer, currency, from_book=False, alone=False)
    if line["Flags"] & lines.side(issuer, source).no_ripple:
        raise Refused("terNO_RIPPLE")


def _spared(view: View, account: str, book: Book) -> int:
    """Who buys a token for the first time may spend the reserve that the new line will need."""
    currency, issuer = book.outward
    opens = bool(issuer) and lines.find(view, account, issuer, currency) is None
    return -1 if opens else 0


def _check_freeze(view: State | View, source: str, target: str, currency: str) -> None:
    """The target froze neither everything nor this line."""
    line = lines.find(view, source, target, currency)
    frozen = line is not None and line["Flags"] & lines.side(target, source).freeze
    if frozen or accounts.has_flag(view, target, accounts.GLOBAL_FREEZE):
        raise Refused("terNO_LINE")


def _check_line(view: View, source: str, target: str, currency: str, *, from_book: bool, alone: bool) -> None:
    """A payment may pass from source to target: consent, no freeze, and room on the line."""
    if not alone:
        _check_freeze(view, source, target, currency)
    line = lines.find(view, source, target, currency)
    if line is None:
        raise Refused("terNO_LINE")
    mine = lines.side(source, target)
    held = lines.balance(line, target, source)
    if (
        accounts.has_flag(view, source, accounts.REQUIRE_AUTH)
        and not line["Flags"] & mine.auth
        and held.mantissa == 0
    ):
        raise Refused("terNO_AUTH")
    if from_book and line["Flags"] & mine.no_ripple:
        raise Refused("terNO_RIPPLE")
    if held.mantissa >= 0 and held >= amounts.read(line[lines.side(target, source).limit]):
        raise Refused("tecPATH_DRY")


def _check_no_ripple(view: View, source: str, issuer: str, target: str, currency: str) -> None:
    """The issuer passes tokens on between these two, unless it forbade it on both lines."""
    inner, outer = lines.find(view, source, issuer, currency), lines.find(view, issuer, target, currency)
    if inner is None or outer is None:
        raise Refused("terNO_LINE")
    forbids = lines.side(issuer, source).no_ripple, lines.side(issuer, target).no_ripple
    if inner["Flags"] & forbids[0] and outer["Flags"] & forbids[1]:
        raise Refused("terNO_RIPPLE")
