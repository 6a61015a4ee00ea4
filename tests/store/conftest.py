from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from neo_core.store import Store


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{(tmp_path / 'neo.db').as_posix()}"


@pytest.fixture
def opener(url: str) -> Iterator[Callable[..., Store]]:
    opened: list[Store] = []

    def open_store(**options: Any) -> Store:
        opened.append(Store.open(url, durable=False, **options))
        return opened[-1]

    yield open_store
    for store in opened:
        store.close()


@pytest.fixture
def store(opener: Callable[..., Store]) -> Store:
    return opener()
