"""The file of a paper wallet: what a process that is killed leaves behind."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from itertools import repeat
from pathlib import Path

import pytest
from msgspec.structs import replace

from neo_core.errors import StoreError
from neo_core.gateways.paper import PaperGateway
from neo_core.gateways.paper_journal import FIRST_CLOSE, FIRST_LEDGER, Journal, Opening
from neo_core.gateways.paper_ledger import PaperLedger
from neo_core.gateways.paper_wallet import read
from neo_core.markets import MarketTick, Taker
from neo_core.model import DROPS, AckOutcome, Cancel, Side

from .making import OPENING, QUIET, place, state

Opens = Callable[..., PaperGateway]


@pytest.fixture
def opened() -> Iterator[Opens]:
    """Opens gateways, and closes them when the test is over."""
    gateways = []

    def open_one(path: Path | None, market: Iterable[MarketTick] = repeat(QUIET)) -> PaperGateway:
        gateways.append(PaperGateway(PaperLedger.open(path, OPENING), iter(market)))
        return gateways[-1]

    yield open_one
    for gateway in gateways:
        gateway.close()


def trade(path: Path, ledgers: int = 12) -> PaperLedger:
    """A short life: placed, filled in part, cancelled, idle ledgers in between."""
    ledger = PaperLedger.open(path, OPENING)
    takers = (Taker(Side.SELL, 7 * DROPS), Taker(Side.BUY, 3 * DROPS))
    gateway = PaperGateway(ledger, repeat(MarketTick(1.99, 2.01, 2.0, takers)))
    for number in range(ledgers):
        since = gateway.observe(None).ledger_index
        if number % 3 == 0:
            expires_at = gateway.now() + 40
            price = Decimal("1.995") + number * Decimal("0.0001")
            gateway.send(
                gateway.prepare([place(Side.BUY, price, 10 * DROPS, expires_at), Cancel("o", number // 2, "x")])
            )
    gateway.observe(since)
    gateway.close()
    return ledger


def test_a_new_wallet_is_in_its_file_at_once_and_folders_are_made(tmp_path: Path) -> None:
    path = tmp_path / "wallets" / "paper.jsonl"
    PaperLedger.open(path, OPENING).shut()
    assert read(path).opening == OPENING


def test_only_ledgers_that_did_something_are_written(tmp_path: Path, opened: Opens) -> None:
    path = tmp_path / "w.jsonl"
    gateway = opened(path)
    gateway.observe(None)
    size = path.stat().st_size
    for _ in range(20):
        gateway.observe(None)
    assert path.stat().st_size == size
    gateway.send(gateway.prepare([place(Side.BUY, Decimal("1.9"), DROPS)]))
    seen = gateway.observe(None)
    assert len(path.read_bytes().splitlines()) == 2
    assert [offer.sequence for offer in read(path).offers] == [1]
    assert read(path).index == seen.ledger_index


def test_a_wallet_is_found_again_as_it_was_whatever_opening_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "w.jsonl"
    before = trade(path)
    again = PaperLedger.open(path, Opening(xrp_drops=1, rlusd=Decimal(1)))
    again.shut()
    assert state(again)[:-1] == state(before)[:-1]
    assert again.opening == OPENING
    assert again.index <= before.index
    again.reach(before.index)
    assert again.close_time == before.close_time
    assert again.next_sequence == before.next_sequence


def test_the_file_tells_all_that_a_session_missed(tmp_path: Path, opened: Opens) -> None:
    path = tmp_path / "w.jsonl"
    trade(path)
    gateway = opened(path)
    account = gateway.observe(FIRST_LEDGER + 5).account
    events, transactions = read(path).history(FIRST_LEDGER + 5)
    assert account.events == events
    assert account.transactions == transactions
    assert account.covers_from == FIRST_LEDGER + 6
    assert len(events) > 3
    assert len(transactions) > 3


def test_a_session_goes_on_from_the_last_ledger_that_it_saw_though_it_was_never_written(
    tmp_path: Path, opened: Opens
) -> None:
    path = tmp_path / "w.jsonl"
    PaperLedger.open(path, OPENING).shut()
    gateway = opened(path)
    seen = gateway.observe(FIRST_LEDGER + 100)
    assert (seen.ledger_index, seen.close_time) == (FIRST_LEDGER + 101, FIRST_CLOSE + 404)
    assert seen.account.covers_from == FIRST_LEDGER + 101


def test_an_expiration_and_a_price_are_remembered(tmp_path: Path, opened: Opens) -> None:
    path = tmp_path / "w.jsonl"
    gateway = opened(path)
    gateway.send(gateway.prepare([place(Side.BUY, Decimal("1.995"), 9 * DROPS, FIRST_CLOSE + 30)]))
    gateway.observe(None)
    gateway.close()
    takers = (Taker(Side.SELL, 2 * DROPS),)
    gateway = opened(path, repeat(MarketTick(1.99, 2.01, 2.0, takers)))
    (event,) = gateway.observe(FIRST_LEDGER + 1).account.events
    assert (event.event, event.rlusd) == ("partial_fill", Decimal("3.99"))
    gateway.close()
    gateway = opened(path, repeat(MarketTick(1.99, 2.01, 2.0, takers)))
    (event,) = gateway.observe(FIRST_LEDGER + 20).account.events
    assert (event.event, event.cause, event.rest_drops) == ("removed", "expired", 7 * DROPS)


# --- damage --------------------------------------------------------------------------------------------------


def test_a_last_line_torn_at_any_byte_is_ignored_and_cut_off_by_the_next_write(
    tmp_path: Path, opened: Opens
) -> None:
    path = tmp_path / "w.jsonl"
    trade(path, 4)
    text = path.read_bytes()
    last = text[:-1].rfind(b"\n") + 1
    path.write_bytes(text[:last])
    whole = state(read(path))
    for end in range(last, len(text)):
        path.write_bytes(text[:end])
        assert state(read(path)) == whole
        gateway = opened(path)
        assert path.stat().st_size == end
        (one,) = gateway.send(gateway.prepare([place(Side.BUY, Decimal("1.9"), DROPS)]))
        assert one.outcome is AckOutcome.SENT
        gateway.observe(None)
        gateway.close()
        assert path.read_bytes().startswith(text[:last])
        assert read(path).history(0)[1][-1].result == "tesSUCCESS"
        assert len(path.read_bytes().splitlines()) == len(text[:last].splitlines()) + 1


def test_a_torn_opening_is_a_wallet_that_never_was(tmp_path: Path) -> None:
    path = tmp_path / "w.jsonl"
    trade(path, 1)
    opening = path.read_bytes().splitlines(keepends=True)[0]
    for end in range(len(opening)):
        path.write_bytes(opening[:end])
        with pytest.raises(StoreError, match="found no opening line"):
            read(path)
        PaperLedger.open(path, OPENING).shut()
        assert path.read_bytes() == opening


@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize("rubbish", [b"", b"{}", b'{"ledger_index": "x"}', b"\xff\x00", b'{"ledger_index":1}'])
def test_a_damaged_line_is_named_with_file_and_number(tmp_path: Path, number: int, rubbish: bytes) -> None:
    path = tmp_path / "w.jsonl"
    trade(path)
    lines = path.read_bytes().splitlines()
    lines[number - 1] = rubbish
    path.write_bytes(b"\n".join(lines) + b"\n")
    sentence = (
        f"^{re.escape(str(path))}, line {number}: expected the next line of a paper ledger, .*restore the file"
    )
    with pytest.raises(StoreError, match=sentence):
        read(path)
    with pytest.raises(StoreError, match=sentence):
        PaperLedger.open(path, OPENING)


def test_a_lost_line_is_noticed_when_a_later_one_needs_it(tmp_path: Path, opened: Opens) -> None:
    path = tmp_path / "w.jsonl"
    gateway = opened(path, repeat(MarketTick(1.99, 2.01, 2.0, (Taker(Side.SELL, DROPS),))))
    gateway.send(gateway.prepare([place(Side.BUY, Decimal("1.995"), 100 * DROPS)]))
    for _ in range(3):
        gateway.observe(None)
    gateway.close()
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + b"".join(lines[2:]))
    with pytest.raises(StoreError, match=r"line 2: .*a fill of offer 1, which was not there"):
        read(path)


@pytest.mark.parametrize("where", ["folder", "below a file"])
def test_a_file_that_cannot_be_opened_is_refused_with_one_sentence(tmp_path: Path, where: str) -> None:
    (tmp_path / "file").write_bytes(b"")
    path = tmp_path if where == "folder" else tmp_path / "file" / "w.jsonl"
    with pytest.raises(StoreError, match=r"^the paper ledger .* cannot be (read|written) \(.+\): check the path"):
        PaperLedger.open(path, OPENING)


def test_a_full_disk_is_an_error_before_the_ledger_is_seen_and_nothing_is_lost_once_there_is_room(
    tmp_path: Path, opened: Opens
) -> None:
    resource = pytest.importorskip("resource")
    path = tmp_path / "w.jsonl"
    gateway = opened(path)
    gateway.send(gateway.prepare([place(Side.BUY, Decimal("1.9"), DROPS)]))
    whole, hard = path.stat().st_size, resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    soft = resource.getrlimit(resource.RLIMIT_FSIZE)[0]
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (whole + 20, hard))
        with pytest.raises(StoreError, match=r"cannot be written \(20 of \d+ bytes were taken\)"):
            gateway.observe(None)
        gateway.send(gateway.prepare([place(Side.SELL, Decimal("2.1"), DROPS)]))
        resource.setrlimit(resource.RLIMIT_FSIZE, (whole, hard))
        with pytest.raises(StoreError, match="cannot be written"):
            gateway.observe(None)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert read(path).offers == ()
    gateway.send(gateway.prepare([place(Side.SELL, Decimal("2.2"), DROPS)]))
    seen = gateway.observe(None)
    assert read(path).offers == seen.account.offers
    assert [offer.sequence for offer in seen.account.offers] == [1, 2, 3]


def test_what_was_observed_survives_the_death_of_the_process(tmp_path: Path) -> None:
    path = tmp_path / "w.jsonl"
    script = """
import os, sys
from pathlib import Path
from itertools import repeat
from decimal import Decimal
sys.path[:0] = sys.argv[2:]
from paper import making as t
gateway = t.PaperGateway(t.PaperLedger.open(Path(sys.argv[1]), t.OPENING), repeat(t.QUIET))
gateway.send(gateway.prepare([t.place(t.Side.BUY, Decimal("1.9"), t.DROPS)]))
gateway.observe(None)
os._exit(9)
"""
    places = [str(Path(__file__).parent.parent), *sys.path]
    done = subprocess.run([sys.executable, "-c", script, str(path), *places], check=False, env={**os.environ})
    assert done.returncode == 9
    assert [offer.sequence for offer in read(path).offers] == [1]


# --- two processes -------------------------------------------------------------------------------------------


def sends(gateway: PaperGateway) -> None:
    gateway.send(gateway.prepare([place(Side.BUY, Decimal("1.9"), DROPS)]))
    gateway.observe(None)


@pytest.mark.rule("INT-X1")
def test_of_two_that_opened_one_wallet_the_second_to_write_is_refused_and_writes_nothing(
    tmp_path: Path, opened: Opens
) -> None:
    path = tmp_path / "w.jsonl"
    first, second = opened(path), opened(path)
    sends(first)
    written = path.read_bytes()
    for _ in range(2):
        with pytest.raises(
            StoreError, match=r"^the paper ledger .* has \d+ bytes .* another process has written it"
        ):
            sends(second)
    assert path.read_bytes() == written
    sends(first)
    assert [offer.sequence for offer in read(path).offers] == [1, 2]


@pytest.mark.rule("INT-X1")
def test_a_wallet_is_refused_to_who_writes_on_after_another_took_it_over(tmp_path: Path, opened: Opens) -> None:
    path = tmp_path / "w.jsonl"
    lost = opened(path)
    sends(lost)
    sends(opened(path))
    written = path.read_bytes()
    with pytest.raises(StoreError, match="another process has written it"):
        sends(lost)
    assert path.read_bytes() == written


@pytest.mark.rule("INT-X1")
def test_of_two_that_begin_one_wallet_at_the_same_time_one_writes_its_opening(tmp_path: Path) -> None:
    path = tmp_path / "w.jsonl"
    sooner, later = Journal(path, 0, 0), Journal(path, 0, 0)
    sooner.append(OPENING)
    with pytest.raises(StoreError, match="another process has written it"):
        later.append(replace(OPENING, account="later"))
    sooner.close()
    later.close()
    assert read(path).opening == OPENING


@pytest.mark.rule("INT-X1")
def test_a_file_that_was_cut_short_under_a_running_process_is_refused(tmp_path: Path, opened: Opens) -> None:
    path = tmp_path / "w.jsonl"
    gateway = opened(path)
    sends(gateway)
    path.write_bytes(path.read_bytes().splitlines(keepends=True)[0])
    with pytest.raises(StoreError, match="another process has written it"):
        sends(gateway)


@pytest.mark.rule("INT-X1")
def test_a_torn_end_that_another_process_cut_off_is_not_cut_again(tmp_path: Path, opened: Opens) -> None:
    path = tmp_path / "w.jsonl"
    sends(opened(path))
    path.write_bytes(path.read_bytes()[:-9])
    late, sooner = opened(path), opened(path)
    sends(sooner)
    written = path.read_bytes()
    with pytest.raises(StoreError, match="another process has written it"):
        sends(late)
    assert path.read_bytes() == written
