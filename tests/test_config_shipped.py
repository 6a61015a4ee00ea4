"""The configuration files that are shipped, and what importing the configuration costs."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from neo_core.config import Settings, check, describe, read

SHIPPED = Path(__file__).parent.parent / "config"


def test_example_holds_every_key_of_the_core_at_its_default() -> None:
    tree = read(SHIPPED / "example.yaml").tree
    held = {
        f"{section}.{name}": value
        for section, keys in tree.items()
        if section != "plugins"
        for name, value in keys.items()
    }
    defaults = {key.key: key.default for key in describe(Settings) if key.key != "plugins"}
    assert held == defaults
    assert {key: type(value) for key, value in held.items()} == {k: type(v) for k, v in defaults.items()}


@pytest.mark.parametrize("name", ["anchor_guard", "drift_guard", "corridor_guard", "reconciler"])
def test_example_holds_every_key_of_a_plugin_at_its_default(name: str) -> None:
    found = entry_points(group="neo.plugins", name=name)
    if not found:
        pytest.skip(f"{name} is not installed")
    (entry,) = found
    section = read(SHIPPED / "example.yaml").tree["plugins"][name]
    assert section == {key.key: key.default for key in describe(entry.load().config_class)}


def test_every_section_of_the_example_is_explained() -> None:
    lines = (SHIPPED / "example.yaml").read_text(encoding="utf-8").splitlines()
    for section in read(SHIPPED / "example.yaml").tree:
        start = lines.index(f"{section}:")
        assert "# " in lines[start - 1] + lines[start + 1], section


@pytest.mark.parametrize(("name", "mode"), [("example", "paper"), ("paper", "paper"), ("live_stage1", "live")])
def test_shipped_configuration_is_accepted_with_every_installed_plugin(name: str, mode: str) -> None:
    classes = {entry.name: entry.load().config_class for entry in entry_points(group="neo.plugins")}
    settings, plugins = check(read(SHIPPED / f"{name}.yaml"), classes)
    assert settings.engine.mode == mode
    assert plugins.keys() == classes.keys()


def test_live_stage_one_has_a_wider_bias_threshold_and_every_limit_on() -> None:
    raw = read(SHIPPED / "live_stage1.yaml")
    settings, _ = check(raw, {})
    assert settings.plugins["anchor_guard"] == {"bias_threshold_bps": 7.0}
    assert [key for key, value in settings.risk if value is None] == []
    assert settings.quoting.order_size_xrp < Settings().quoting.order_size_xrp


def test_importing_the_configuration_imports_no_database_no_logging_and_no_plugin() -> None:
    code = (
        "import sys, neo_core.config\n"
        "print(sorted(n for n in sys.modules if n in ('peewee', 'click', 'structlog', 'pluggy', 'xrpl')\n"
        "      or (n.startswith('neo_') and n.split('.')[0] != 'neo_core')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
