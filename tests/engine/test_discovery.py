"""Installed plugins: found, chosen, checked and refused. (docs/behaviour.md, section 11)"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from neo_core.errors import ConfigError, PluginRefused
from neo_core.wiring import Asked, configure

from .houses import Desk

GUARD = """
from neo_core import Clear, GuardConfig, hookimpl

class Plugin:
    source = "{source}"
    config_class = GuardConfig
    def __init__(self, config):
        pass
    @hookimpl
    def evaluate_entry(self, view):
        return Clear()
"""


class Shop:
    """Installs distributions of one plugin each, without pip."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def install(
        self,
        name: str,
        code: str | None = None,
        *,
        version: str = "1.2.3",
        requires: str | None = "neo-core>=0.1",
        distribution: str | None = None,
        points_to: str = "Plugin",
    ) -> None:
        distribution = distribution or f"neo-{name}"
        module = f"neo_testing_{distribution.replace('-', '_')}"
        text = GUARD.format(source=name) if code is None else dedent(code)
        (self.folder / f"{module}.py").write_text(text, encoding="utf-8")
        info = self.folder / f"{distribution.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        metadata = ["Metadata-Version: 2.1", f"Name: {distribution}", f"Version: {version}"]
        metadata += [] if requires is None else [f"Requires-Dist: {requires}"]
        (info / "METADATA").write_text("\n".join(metadata) + "\n", encoding="utf-8")
        entry = f"[neo.plugins]\n{name} = {module}:{points_to}\n"
        (info / "entry_points.txt").write_text(entry, encoding="utf-8")

    def imported(self, name: str) -> bool:
        return f"neo_testing_neo_{name}" in sys.modules


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    yield Shop(folder)
    for module in [name for name in sys.modules if name.startswith("neo_testing_")]:
        del sys.modules[module]


def loaded(**asked: object) -> list[tuple[str, str]]:
    return list(configure(Asked(**asked)).plugins.versions)  # type: ignore[arg-type]  # each test gives what it needs


def config(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "neo.yaml"
    file.write_text(text, encoding="utf-8")
    return file


BUILT_IN = [
    ("anchor_guard", "0.1.0"),
    ("drift_guard", "0.1.0"),
    ("corridor_guard", "0.1.0"),
    ("reconciler", "0.1.0"),
]


# --- found and chosen ---


@pytest.mark.rule("PLUG-1")
def test_the_built_in_plugins_are_the_default_and_an_installed_one_is_not_imported(shop: Shop) -> None:
    shop.install("tides")
    assert loaded() == BUILT_IN
    assert not shop.imported("tides")


@pytest.mark.rule("PLUG-1")
def test_the_command_line_selects_and_leaves_out(shop: Shop) -> None:
    shop.install("tides")
    assert loaded(plugins=("tides", "drift_guard")) == [("drift_guard", "0.1.0"), ("tides", "1.2.3")]
    assert loaded(without=("drift_guard", "anchor_guard", "reconciler")) == [("corridor_guard", "0.1.0")]
    assert loaded(plugins=("anchor_guard",), without=("anchor_guard",)) == []


@pytest.mark.rule("PLUG-1")
def test_the_configuration_enables_and_disables(shop: Shop, tmp_path: Path) -> None:
    shop.install("tides")
    shop.install("moons")
    file = config(tmp_path, "plugins: {tides: {}, moons: {enabled: false}, drift_guard: {enabled: false}}")
    assert loaded(config=file) == [BUILT_IN[0], BUILT_IN[2], BUILT_IN[3], ("tides", "1.2.3")]
    assert not shop.imported("moons")
    assert loaded(config=file, plugins=("moons",)) == [("moons", "1.2.3")]


@pytest.mark.rule("PLUG-1", "PLUG-5", "PLUG-4")
def test_a_third_partys_guard_runs_in_a_session_that_keeps_its_name_and_version(
    shop: Shop, tmp_path: Path
) -> None:
    shop.install(
        "tides",
        """
        from neo_core import Clear, Enter, GuardConfig, Recover, hookimpl

        class Plugin:
            source = "tides"
            config_class = GuardConfig
            def __init__(self, config):
                pass
            @hookimpl
            def evaluate_entry(self, view):
                return Enter("high water") if view.tick in (5, 20) else Clear()
            @hookimpl
            def evaluate_recovery(self, view):
                return Recover("low water")
        """,
    )
    ending, session = Desk(tmp_path).play(plugins=("tides",), ticks=150)
    assert ending.halt.reason == "duration_elapsed"
    assert session["plugins"] == [{"name": "tides", "version": "1.2.3"}]
    episodes = [(one["source"], one["entered_tick"], one["ended_tick"]) for one in session["episodes"]]
    assert episodes == [("tides", 5, 6), ("tides", 20, 140)]


# --- refused ---


@pytest.mark.rule("PLUG-2")
@pytest.mark.parametrize("how", ["plugins", "without", "config"])
def test_an_unknown_name_is_refused_with_those_that_are_installed(how: str, tmp_path: Path) -> None:
    asked = config(tmp_path, "plugins: {tidse: {}}") if how == "config" else ("tidse",)
    with pytest.raises(PluginRefused, match=r"plugin tidse: no such plugin.*anchor_guard.*corridor_guard"):
        loaded(**{how: asked})


@pytest.mark.rule("PLUG-2")
def test_a_name_given_twice_is_refused() -> None:
    with pytest.raises(PluginRefused, match="plugin drift_guard: named twice"):
        loaded(plugins=("drift_guard", "anchor_guard", "drift_guard"))


@pytest.mark.rule("PLUG-2")
def test_two_distributions_that_provide_one_name_are_refused(shop: Shop) -> None:
    shop.install("tides")
    shop.install("tides", distribution="neo-other-tides")
    with pytest.raises(PluginRefused, match=r"plugin tides: .*neo-(other-)?tides and neo-.*; uninstall"):
        loaded(plugins=("tides",))


@pytest.mark.rule("PLUG-2")
@pytest.mark.parametrize("source", ["anchor", "tides"])
def test_two_plugins_with_one_source_are_refused(shop: Shop, source: str) -> None:
    shop.install("tides", GUARD.format(source=source))
    shop.install("moons", GUARD.format(source="tides"))
    with pytest.raises(PluginRefused, match=f"plugin tides: source '{source}' is .* already; leave one"):
        loaded(plugins=("tides", "moons", "anchor_guard"))


@pytest.mark.rule("PLUG-2")
@pytest.mark.parametrize("source", ["plugin_fault", "wallet_truth", "reconciler", "", "Tides", "a b", "a.b"])
def test_a_source_that_cannot_be_one_is_refused(shop: Shop, source: str) -> None:
    shop.install("tides", GUARD.format(source=source))
    with pytest.raises(PluginRefused, match="plugin tides: a guard declares `source`"):
        loaded(plugins=("tides",))


@pytest.mark.rule("PLUG-2")
def test_a_section_with_an_unknown_key_and_a_bad_value_is_refused_with_path_and_range(tmp_path: Path) -> None:
    file = config(tmp_path, "plugins: {drift_guard: {burst_fill: 3, burst_fills: 0}}")
    with pytest.raises(ConfigError) as refused:
        loaded(config=file)
    unknown, bad = sorted(refused.value.problems)
    assert "plugins.drift_guard.burst_fill" in unknown
    assert "plugins.drift_guard.burst_fills" in bad
    assert "1" in bad
    assert "got 0" in bad


@pytest.mark.rule("PLUG-2", "PLUG-X1")
@pytest.mark.parametrize("requires", ["neo-core>=99", "neo_core==0.0.1", "Neo.Core<0.1"])
def test_a_plugin_for_another_neo_core_is_refused_before_it_is_imported(shop: Shop, requires: str) -> None:
    shop.install("tides", requires=requires)
    with pytest.raises(PluginRefused, match=r"plugin tides: neo-tides 1\.2\.3 is made for neo-core .*install"):
        loaded(plugins=("tides",))
    assert not shop.imported("tides")


@pytest.mark.rule("PLUG-X1")
@pytest.mark.parametrize("requires", [None, "numpy>=1", 'neo-core>=9; extra == "x"', "neo-core", "neo-core~=0.1"])
def test_a_plugin_that_names_no_other_neo_core_is_loaded(shop: Shop, requires: str | None) -> None:
    shop.install("tides", requires=requires)
    assert loaded(plugins=("tides",)) == [("tides", "1.2.3")]


HOOK = """
from neo_core import Clear, GuardConfig, Mode, hookimpl

class Plugin:
    {source}
    config_class = GuardConfig
    def __init__(self, config):
        {making}
    @hookimpl{options}
    def {hook}({arguments}):
        return Clear()
"""


def code(
    hook: str = "evaluate_entry",
    arguments: str = "self, view",
    source: str = 'source = "tides"',
    making: str = "pass",
    options: str = "",
) -> str:
    return HOOK.format(hook=hook, arguments=arguments, source=source, making=making, options=options)


@pytest.mark.rule("PLUG-2")
@pytest.mark.parametrize(
    ("text", "says"),
    [
        (code(hook="evaluate_entri"), "evaluate_entri.*the hooks are observe, evaluate_entry"),
        (code(arguments="self, market"), "market"),
        (code(hook="unmarked").replace("@hookimpl", ""), "evaluate_entry"),
        ("class Plugin:\n    def __init__(self, config):\n        pass\n", "it has no hook"),
        (code(options="(tryfirst=True)"), "evaluate_entry asks for tryfirst.*declare a rank"),
        (code(options="(trylast=True)"), "evaluate_entry asks for tryfirst.*declare a rank"),
        (code(options="(wrapper=True)").replace("return Clear()", "yield"), "wrapper.*declare a rank"),
        (code(options="(hookwrapper=True)").replace("return Clear()", "yield"), "wrapper.*declare a rank"),
        (code(source=""), "config_class|a guard declares `source`"),
        (code(hook="observe"), "a guard needs evaluate_entry"),
        (code(making="raise RuntimeError('no')"), "making it with its config failed with RuntimeError: no"),
        (code(making="raise SystemExit(0)"), "making it with its config failed with SystemExit"),
        (code().replace("config_class = GuardConfig", "config_class = dict"), "config_class should be a subclass"),
        (code() + "\nPlugin.rank = -1", "rank should be a whole number from 0"),
        (code() + "\nPlugin.rank = 'first'", "rank should be a whole number from 0"),
        (code() + "\nPlugin.layers = (object(),)", "layer"),
        (code() + "\nPlugin.layers = 5", "layers"),
        ("raise RuntimeError('not today')", "importing .* failed with RuntimeError: not today"),
        ("import sys; sys.exit(0)", "importing .* failed with SystemExit"),
        ("Plugin = 5", "should be a class"),
        ("", "importing .* failed with AttributeError"),
    ],
)
def test_what_is_no_plugin_is_refused_by_name_with_what_to_do(shop: Shop, text: str, says: str) -> None:
    shop.install("tides", text)
    with pytest.raises(PluginRefused, match=rf"(?s)^plugin tides[:,] .*({says})"):
        loaded(plugins=("tides",))


@pytest.mark.rule("PLUG-2")
def test_a_plugin_whose_module_is_missing_is_refused(shop: Shop) -> None:
    shop.install("tides")
    (shop.folder / "neo_testing_neo_tides.py").unlink()
    with pytest.raises(PluginRefused, match=r"plugin tides: importing .* failed with ModuleNotFoundError"):
        loaded(plugins=("tides",))
