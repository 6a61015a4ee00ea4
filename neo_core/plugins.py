"""Plugins: found by entry point, checked, put in order, resolved to plain callables once. (SPEC 11)

The order is a constant and a rule, never an accident of installation: the built-in ones as listed, then third
parties by rank, then by name; layers by rank, then by name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import Distribution, EntryPoint, entry_points, version
from typing import Any

import msgspec
import pluggy
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from neo_core.config import GuardConfig, PluginConfig
from neo_core.errors import PluginRefused
from neo_core.hookspecs import HookSpecs

__all__ = [
    "BUILT_IN",
    "LIVE_ONLY",
    "ORDER",
    "Found",
    "Guard",
    "Named",
    "Plugins",
    "build",
    "discover",
    "import_class",
    "select",
]

GROUP = "neo.plugins"
BUILT_IN = ("anchor_guard", "drift_guard", "corridor_guard", "reconciler")
LIVE_ONLY = ("ledger_evidence",)
"""Enabled by default where there is a ledger to prove anything: in live mode."""
ORDER = (*BUILT_IN, *LIVE_ONLY)
DEFAULT_RANK = 100
INTEGRITY = ("wallet_truth", "reconciler", "plugin_fault")
HOOKS = tuple(name for name in vars(HookSpecs) if not name.startswith("_"))

_SOURCE = re.compile(r"[a-z][a-z0-9_]{0,39}")


class Found(msgspec.Struct, frozen=True):
    """An installed plugin, known from its metadata alone: nothing of it has been imported."""

    name: str
    version: str
    distribution: str
    requires_core: str | None
    entry_point: EntryPoint


class Named(msgspec.Struct, frozen=True):
    """One hook of one plugin, ready to be called. A layer with `proof` is asked about proven ends, too."""

    name: str
    call: Callable[..., Any]
    rank: int = 0
    proof: bool = False


class Guard(msgspec.Struct, frozen=True):
    name: str
    source: str
    evaluate_entry: Callable[..., Any]
    evaluate_recovery: Callable[..., Any] | None
    recovery_enabled: bool

    @property
    def recoverable(self) -> bool:
        return self.recovery_enabled and self.evaluate_recovery is not None


class Plugins(msgspec.Struct, frozen=True):
    """Every hook of the loaded plugins, in the order in which the engine calls them."""

    versions: tuple[tuple[str, str], ...] = ()
    observers: tuple[Named, ...] = ()
    guards: tuple[Guard, ...] = ()
    rearms: tuple[Named, ...] = ()
    markers: tuple[Named, ...] = ()
    layers: tuple[Named, ...] = ()
    watchers: tuple[Named, ...] = ()


def discover() -> dict[str, Found]:
    """What is installed, by name. The scan reads metadata only."""
    found: dict[str, Found] = {}
    for entry_point in entry_points(group=GROUP):
        distribution = entry_point.dist
        assert distribution is not None
        other = found.get(entry_point.name)
        if other is not None and other.distribution != distribution.name:
            raise PluginRefused(
                f"plugin {entry_point.name}: two distributions provide it, {other.distribution} and "
                f"{distribution.name}; uninstall one of them"
            )
        found[entry_point.name] = Found(
            name=entry_point.name,
            version=distribution.version,
            distribution=distribution.name,
            requires_core=_requirement_on_core(distribution),
            entry_point=entry_point,
        )
    return found


def _requirement_on_core(distribution: Distribution) -> str | None:
    for line in distribution.requires or ():
        try:
            requirement = Requirement(line)
        except InvalidRequirement:
            continue
        if canonicalize_name(requirement.name) == "neo-core" and (
            requirement.marker is None or requirement.marker.evaluate({"extra": ""})
        ):
            return str(requirement.specifier)
    return None


def select(
    found: Mapping[str, Found],
    sections: Mapping[str, Any],
    only: Sequence[str] | None = None,
    without: Sequence[str] = (),
    *,
    live: bool = False,
) -> tuple[str, ...]:
    """Which plugins are enabled: those named on the command line, else the default set and what the file says.

    A section in the file enables its plugin unless it says `enabled: false`.
    """
    for name in (*sections, *(only or ()), *without):
        if name not in found:
            raise PluginRefused(
                f"plugin {name}: no such plugin is installed; installed are "
                f"{', '.join(sorted(found)) or 'none'}. Install its distribution, or mend the name"
            )
    if only is not None:
        twice = sorted({name for name in only if only.count(name) > 1})
        if twice:
            raise PluginRefused(f"plugin {twice[0]}: named twice in --plugins; name it once")
        chosen = set(only)
    else:
        chosen = {name for name in (ORDER if live else BUILT_IN) if name in found} | set(sections)
        chosen -= {name for name, section in sections.items() if _switched_off(section)}
    return tuple(sorted(chosen - set(without)))


def _switched_off(section: Any) -> bool:
    return isinstance(section, Mapping) and section.get("enabled") is False


def import_class(found: Found) -> type[Any]:
    """The plugin's class. Compatibility is told before anything of the plugin is imported."""
    core = version("neo-core")
    if found.requires_core is not None:
        requirement = Requirement(f"neo-core{found.requires_core}")
        if not requirement.specifier.contains(core, prereleases=True):
            raise PluginRefused(
                f"plugin {found.name}: {found.distribution} {found.version} is made for neo-core "
                f"{found.requires_core}, this is neo-core {core}; install a version of it that fits"
            )
    try:
        loaded = found.entry_point.load()
    except (Exception, SystemExit) as error:
        raise PluginRefused(
            f"plugin {found.name}: importing {found.entry_point.value} failed with "
            f"{type(error).__name__}: {error}; reinstall {found.distribution} or leave the plugin out"
        ) from error
    if not isinstance(loaded, type):
        raise PluginRefused(
            f"plugin {found.name}: {found.entry_point.value} should be a class, it is {type(loaded).__name__}"
        )
    return loaded


def config_class(name: str, plugin: type[Any]) -> type[PluginConfig]:
    source = getattr(plugin, "source", None)
    declared = getattr(plugin, "config_class", PluginConfig if source is None else GuardConfig)
    base = PluginConfig if source is None else GuardConfig
    if not (isinstance(declared, type) and issubclass(declared, base)):
        raise PluginRefused(
            f"plugin {name}: config_class should be a subclass of {base.__name__}, it is {declared!r}"
        )
    return declared


def build(
    plugins: Mapping[str, type[Any]], configs: Mapping[str, PluginConfig], versions: Mapping[str, str]
) -> Plugins:
    """One instance of each plugin, checked; then every hook in its fixed order."""
    instances = {name: _instance(name, plugin, configs[name]) for name, plugin in plugins.items()}
    hooks = {name: _hooks(name, instance) for name, instance in instances.items()}
    ordered = sorted(instances, key=lambda name: _place(name, instances[name]))
    guards: list[Guard] = []
    for name in ordered:
        guard = _guard(name, instances[name], hooks[name], configs[name])
        if guard is None:
            continue
        for other in guards:
            if other.source == guard.source:
                raise PluginRefused(
                    f"plugin {name}: source {guard.source!r} is {other.name}'s already; "
                    "leave one of the two out (--without)"
                )
        guards.append(guard)

    def every(hook: str) -> tuple[Named, ...]:
        return tuple(Named(name, hooks[name][hook]) for name in ordered if hook in hooks[name])

    return Plugins(
        versions=tuple((name, versions[name]) for name in ordered),
        observers=every("observe"),
        guards=tuple(guards),
        rearms=every("on_rearm"),
        markers=every("on_cancel_all"),
        layers=_layers(instances, hooks),
        watchers=every("on_event"),
    )


def _instance(name: str, plugin: type[Any], config: PluginConfig) -> Any:
    try:
        return plugin(config)
    except (Exception, SystemExit) as error:
        raise PluginRefused(
            f"plugin {name}: making it with its config failed with {type(error).__name__}: {error}"
        ) from error


def _hooks(name: str, instance: Any) -> dict[str, Callable[..., Any]]:
    """The hooks of one object, as pluggy finds and validates them, without pluggy's ordering and wrapping."""
    manager = pluggy.PluginManager("neo")
    manager.add_hookspecs(HookSpecs)
    try:
        manager.register(instance, name)
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        raise PluginRefused(
            f"plugin {name}: {error}; the hooks are {', '.join(HOOKS)}, "
            "see neo_core/hookspecs.py for their arguments"
        ) from error
    hooks: dict[str, Callable[..., Any]] = {}
    for hook in HOOKS:
        caller = getattr(manager.hook, hook)
        for implementation in caller.get_hookimpls():
            if (
                implementation.tryfirst
                or implementation.trylast
                or implementation.wrapper
                or implementation.hookwrapper
            ):
                raise PluginRefused(
                    f"plugin {name}: {hook} asks for tryfirst, trylast or a wrapper; "
                    "the order of plugins is NEO's, declare a rank instead"
                )
            hooks[hook] = _plain(implementation.function, implementation.argnames, caller.spec.argnames)
    if not hooks and not _own_layers(name, instance):
        raise PluginRefused(
            f"plugin {name}: it has no hook; mark at least one of {', '.join(HOOKS)} with @hookimpl"
        )
    return hooks


def _plain(function: Callable[..., Any], takes: Sequence[str], given: Sequence[str]) -> Callable[..., Any]:
    if tuple(takes) == tuple(given):
        return function
    places = [given.index(name) for name in takes]
    return lambda *arguments: function(*[arguments[place] for place in places])


def _guard(
    name: str, instance: Any, hooks: Mapping[str, Callable[..., Any]], config: PluginConfig
) -> Guard | None:
    source = getattr(instance, "source", None)
    if "evaluate_entry" not in hooks:
        if "evaluate_recovery" in hooks or source is not None:
            raise PluginRefused(f"plugin {name}: a guard needs evaluate_entry, else it can never fire")
        return None
    if not isinstance(source, str) or _SOURCE.fullmatch(source) is None or source in INTEGRITY:
        raise PluginRefused(
            f"plugin {name}: a guard declares `source`, a lower-case name that is none of "
            f"{', '.join(INTEGRITY)}; it is {source!r}"
        )
    assert isinstance(config, GuardConfig)
    return Guard(
        name=name,
        source=source,
        evaluate_entry=hooks["evaluate_entry"],
        evaluate_recovery=hooks.get("evaluate_recovery"),
        recovery_enabled=config.recovery_enabled,
    )


def _layers(
    instances: Mapping[str, Any], hooks: Mapping[str, Mapping[str, Callable[..., Any]]]
) -> tuple[Named, ...]:
    layers: list[Named] = []
    for name, instance in instances.items():
        if "on_disappeared_order" in hooks[name]:
            hook = hooks[name]["on_disappeared_order"]
            layers.append(Named(name, hook, _rank(name, instance), _proof(name, instance)))
        for layer in _own_layers(name, instance):
            rank = _rank(name, layer)
            layer_hooks = _hooks(f"{name}, layer {rank}", layer)
            if tuple(layer_hooks) != ("on_disappeared_order",):
                raise PluginRefused(
                    f"plugin {name}: layer {rank} answers on_disappeared_order and nothing else, "
                    f"it has {', '.join(layer_hooks)}"
                )
            layers.append(Named(name, layer_hooks["on_disappeared_order"], rank, _proof(name, layer)))
    return tuple(sorted(layers, key=lambda layer: (layer.rank, layer.name)))


def _own_layers(name: str, instance: Any) -> tuple[Any, ...]:
    layers = getattr(instance, "layers", ())
    if type(layers) is not tuple:
        raise PluginRefused(f"plugin {name}: layers should be a tuple of objects, it is {layers!r:.80}")
    return layers


def _rank(name: str, instance: Any) -> int:
    rank = getattr(instance, "rank", DEFAULT_RANK)
    if type(rank) is not int or rank < 0:
        raise PluginRefused(f"plugin {name}: rank should be a whole number from 0, it is {rank!r}")
    return rank


def _proof(name: str, instance: Any) -> bool:
    proof = getattr(instance, "proof", False)
    if type(proof) is not bool:
        raise PluginRefused(f"plugin {name}: proof should be True or False, it is {proof!r}")
    return proof


def _place(name: str, instance: Any) -> tuple[int, int, str]:
    if name in ORDER:
        return ORDER.index(name), 0, name
    return len(ORDER), _rank(name, instance), name
