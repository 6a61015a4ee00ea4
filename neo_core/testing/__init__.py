"""What authors of plugins test with: views made to order, a walk through them, and a conformance suite."""

from __future__ import annotations

from neo_core.testing.conformance import conform
from neo_core.testing.values import fill, order, view
from neo_core.testing.walking import Answers, hooks, walk

__all__ = ["Answers", "conform", "fill", "hooks", "order", "view", "walk"]
