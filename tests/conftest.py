"""How the suites run: the same cases every time, or (NEO_SOAK=1) long ones and new cases each time."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings

SOAKING = os.environ.get("NEO_SOAK") == "1"

# A slow machine is no fault of the code: neither profile judges by time.
UNTIMED = [HealthCheck.too_slow]
settings.register_profile("default", derandomize=True, deadline=None, database=None, suppress_health_check=UNTIMED)
settings.register_profile(
    "soak",
    derandomize=False,
    max_examples=2000,
    stateful_step_count=200,
    deadline=None,
    database=None,
    print_blob=True,  # what repeats a failing case, since the next soak draws others
    suppress_health_check=UNTIMED,
)
settings.load_profile("soak" if SOAKING else "default")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "soak: takes minutes; only `python dev.py soak` runs it")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if SOAKING:
        return
    long = [item for item in items if item.get_closest_marker("soak")]
    if long:
        config.hook.pytest_deselected(items=long)
        items[:] = [item for item in items if item not in long]
