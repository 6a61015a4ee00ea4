"""From a plain tree to checked settings, or to every fault that is in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import pydantic

from neo_core.config.faults import Fault, KeyPath, faults_of
from neo_core.config.read import Raw
from neo_core.config.sections import PluginConfig
from neo_core.config.settings import Settings
from neo_core.config.words import dotted
from neo_core.errors import ConfigError
from neo_core.seeds import SEED

__all__ = ["check"]

_Checked = TypeVar("_Checked", bound=pydantic.BaseModel)


def check(
    raw: Raw,
    config_classes: Mapping[str, type[PluginConfig]],
    overrides: Mapping[str, Any] | None = None,
    story: Mapping[str, Any] | None = None,
) -> tuple[Settings, dict[str, PluginConfig]]:
    """The core's settings and each plugin's own; `overrides` are what the command line puts over the file, and
    `story` is what a scenario puts under it.

    All of them are looked at before any is refused. A plugin's class finds the core's settings in its
    validation context, under "settings": None if the core's own sections are at fault.
    """
    over = {} if overrides is None else overrides
    tree = _laid_over(_laid_over({} if story is None else story, raw.tree), over)
    faults: list[Fault] = []
    settings = _validated(Settings, (), tree, None, faults)
    sections = tree.get("plugins", {})
    plugins: dict[str, PluginConfig] = {}
    for name, schema in config_classes.items():
        section = sections.get(name, {}) if isinstance(sections, Mapping) else None
        if not isinstance(section, Mapping):
            continue  # refused as a fault of `plugins`
        config = _validated(schema, ("plugins", name), section, {"settings": settings}, faults)
        if config is not None:
            plugins[name] = config
    if settings is None or faults:
        raise ConfigError(list(dict.fromkeys(_sentence(fault, raw, over) for fault in faults)))
    return settings, plugins


def _laid_over(tree: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    laid = dict(tree)
    for key, value in over.items():
        below = laid.get(key, {})
        if not isinstance(value, Mapping):
            laid[key] = value
        elif isinstance(below, Mapping):
            laid[key] = _laid_over(below, value)
    return laid


def _validated(
    schema: type[_Checked], at: KeyPath, section: Mapping[str, Any], context: Any, faults: list[Fault]
) -> _Checked | None:
    try:
        return schema.model_validate(section, context=context)
    except pydantic.ValidationError as refusal:
        faults += faults_of(refusal, schema, at)
    except Exception as failure:  # noqa: BLE001 (a third party's schema may fail in any way)
        faults.append(Fault(at, f"the schema of this section failed ({failure!r}); tell the plugin's author"))
    return None


def _sentence(fault: Fault, raw: Raw, over: Mapping[str, Any]) -> str:
    words = ": ".join(part for part in (_origin(fault.path, raw, over), dotted(fault.path), fault.text) if part)
    return SEED.sub("(the seed of a key, not shown)", words)


def _origin(path: KeyPath, raw: Raw, over: Mapping[str, Any]) -> str:
    """Who wrote what is at fault: the file, or the command line."""
    written: Any = over
    for part in path:
        if not isinstance(written, Mapping):
            break
        if part not in written:
            return raw.name
        written = written[part]
    if isinstance(written, Mapping) and (raw.tree or not written):
        return raw.name
    return "command line"
