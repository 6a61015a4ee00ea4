"""What the seed of a key looks like. It is refused wherever it does not belong, and shown to nobody."""

from __future__ import annotations

import re

__all__ = ["SEED"]

SEED = re.compile(r"(?<![0-9A-Za-z])s(Ed)?[1-9A-HJ-NP-Za-km-z]{28}(?![0-9A-Za-z])")
