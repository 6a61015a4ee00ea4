"""The log: one JSON line an event, whatever is in it, and no log ends a session."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

from neo_core.errors import UsageError
from neo_core.log import open_log


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_an_event_is_one_json_line_with_level_time_and_facts(tmp_path: Path) -> None:
    log, file = open_log(tmp_path / "logs" / "neo.log", "info")
    log.warning("held_pending_review", tick=7, text="a line\nand another", order="1-000001")
    assert file is not None
    file.close()
    (line,) = lines(tmp_path / "logs" / "neo.log")
    assert (line["event"], line["level"], line["tick"]) == ("held_pending_review", "warning", 7)
    assert line["text"] == "a line\nand another"
    assert str(line["timestamp"]).endswith("Z")


def test_what_json_has_no_number_for_comes_out_as_text_and_decimals_to_the_last_digit(tmp_path: Path) -> None:
    log, file = open_log(tmp_path / "neo.log", "debug")
    log.debug("x", nan=float("nan"), inf=float("-inf"), exact=Decimal("1234567890.123456"), small=Decimal("1E-7"))
    assert file is not None
    file.close()
    (line,) = lines(tmp_path / "neo.log")
    assert (line["nan"], line["inf"]) == ("nan", "-inf")
    assert (line["exact"], line["small"]) == ("1234567890.123456", "0.0000001")


def test_what_is_below_the_level_is_not_written_and_a_second_run_goes_on_in_the_file(tmp_path: Path) -> None:
    for number in range(2):
        log, file = open_log(tmp_path / "neo.log", "info")
        log.debug("quiet")
        log.info("told", number=number)
        assert file is not None
        file.close()
    assert [line["number"] for line in lines(tmp_path / "neo.log")] == [0, 1]


def test_a_log_in_a_place_that_is_none_is_refused_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(UsageError, match=r"cannot be written .*; name another file, or null for none"):
        open_log(tmp_path / "file" / "neo.log", "info")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device that is always full is a Linux one")
def test_a_disk_that_is_full_costs_lines_and_is_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    log, file = open_log(Path("/dev/full"), "info")
    for _ in range(3):
        log.info("told")
    assert file is not None
    file.close()
    assert capsys.readouterr().err.count("the log file can no longer be written") == 1
