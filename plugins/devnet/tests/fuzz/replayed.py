"""The offers of a ledger, kept up to date by nothing but what metadata say."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from neo_core.gateways.xrpl.reading.amounts import amount_of, less, size
from neo_core.gateways.xrpl.reading.metadata import Event, explain

__all__ = ["Told", "follow", "told_in"]

Sides = tuple[Decimal, Decimal]
Told = dict[tuple[str, int], Sides]
"""What is left of each offer: (gets, pays), by owner and sequence."""


def told_in(entry: dict[str, Any]) -> Sides:
    gets, pays = (size(amount_of(entry[side], side)) for side in ("TakerGets", "TakerPays"))
    return gets, pays


def follow(told: Told, fields: dict[str, Any], meta: dict[str, Any], index: int, parent_close_time: int) -> None:
    """Takes over what one transaction did."""
    for event in explain(fields, meta, index, parent_close_time):
        _follow(told, event, fields["Account"])


def _follow(told: Told, event: Event, sender: str) -> None:
    name = (event.owner, event.sequence)
    rest = size(event.rest_gets), size(event.rest_pays)
    before = told.pop(name, None)
    if event.event == "placed":
        assert before is None, f"{name} was placed twice"
        told[name] = rest
        return
    if before is None:
        assert event.owner == sender, f"{event.event} of {name}, which never was in the book"
        return  # it traded, or was dropped, before it came into the book
    moved = size(event.gets), size(event.pays)
    assert tuple(less(was, went) for was, went in zip(before, moved, strict=True)) == rest, event
    if event.event == "partial_fill":
        told[name] = rest
