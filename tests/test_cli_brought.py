"""Commands of `neo` that other distributions bring."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

BRINGER = """
import click

@click.command()
def tide() -> None:
    \"\"\"Tell the tide.\"\"\"
    click.echo("it rises")
"""


def brought(folder: Path, entry_point: str, code: str = BRINGER) -> None:
    """A distribution in this folder that brings a command."""
    (folder / "neo_tide.py").write_text(code, encoding="utf-8")
    metadata = folder / "neo_tide-1.2.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: neo-tide\nVersion: 1.2\nSummary: Tells the tide.\n", encoding="utf-8"
    )
    (metadata / "entry_points.txt").write_text(f"[neo.commands]\n{entry_point}\n", encoding="utf-8")


def outside(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    path = {**os.environ, "PYTHONPATH": str(folder), "COLUMNS": "100"}
    command = [sys.executable, "-m", "neo_core", *words]
    return subprocess.run(command, env=path, capture_output=True, text=True, check=False)


def test_a_distribution_may_bring_a_command_which_is_imported_when_it_is_called(tmp_path: Path) -> None:
    brought(tmp_path, "tide = neo_tide:tide")
    assert re.search(r"^  tide +Tells the tide\.$", outside(tmp_path, "--help").stdout, re.MULTILINE)
    assert outside(tmp_path, "tide").stdout == "it rises\n"
    assert "did you mean tide?" in outside(tmp_path, "tidy").stderr


@pytest.mark.parametrize(
    ("entry_point", "code", "sentence"),
    [
        (
            "tide = neo_tide:ebb",
            BRINGER,
            "command tide: importing it from neo-tide 1.2 failed with AttributeError",
        ),
        (
            "tide = neo_tide:tide",
            "tide = 5",
            "command tide: neo_tide:tide of neo-tide 1.2 should be a command of click",
        ),
        ("tide = neo_tide:tide", "import nowhere", "failed with ModuleNotFoundError: No module named 'nowhere'"),
    ],
)
def test_a_command_that_was_brought_and_cannot_be_called_is_refused_with_its_name(
    tmp_path: Path, entry_point: str, code: str, sentence: str
) -> None:
    brought(tmp_path, entry_point, code)
    done = outside(tmp_path, "tide")
    assert done.returncode == 2
    assert sentence in done.stderr
    assert outside(tmp_path, "--help").returncode == 0


def test_a_command_of_our_own_is_nobody_elses_to_bring(tmp_path: Path) -> None:
    brought(tmp_path, "kill = neo_tide:tide")
    assert "it rises" not in outside(tmp_path, "kill", "--help").stdout
