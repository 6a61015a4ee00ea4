"""The ledger beside a recorded rippled: the same transactions, ledger by ledger, and the metadata compared."""

from typing import Any

import pytest

from .recordings import differences, fields, load, names, replay

WITHOUT_METADATA = {"17_fee_queue", "19_not_synced", "21_rate_limit"}


@pytest.mark.parametrize("name", [name for name in names() if name not in WITHOUT_METADATA])
def test_metadata_of_every_recorded_transaction_are_the_recorded_ones(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    recording = load(name)
    compared = same = 0
    wrong: list[Any] = []
    missing = set(recording.told)
    for step in replay(recording):
        told = recording.told.get(step.tx.hash)
        if told is None:
            continue
        missing.discard(step.tx.hash)
        assert step.done.meta is not None
        found = differences(told.meta, step.done.meta)
        compared += len(fields(told.meta))
        same += len(fields(told.meta)) - len(found)
        wrong += [(step.tx.hash, *row) for row in found]
    with capsys.disabled():
        told_all, done = len(recording.told), len(recording.told) - len(missing)
        print(f"\n{name}: {same} of {compared} fields, {done} of {told_all} transactions", end=" ")  # noqa: T201
    assert compared
    assert not missing
    assert not wrong
