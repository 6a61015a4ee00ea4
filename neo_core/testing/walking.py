"""Walking a guard through views, as the engine would."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable
from functools import partial
from typing import Any, NamedTuple

import pluggy
from msgspec.structs import replace

from neo_core.hookspecs import HookSpecs
from neo_core.measures import facts_of
from neo_core.model import Clear, Enter, Mode, Recover, Stay, View

__all__ = ["HOOKS", "Answers", "hooks", "walk"]

HOOKS = tuple(name for name in vars(HookSpecs) if not name.startswith("_"))


class Answers(NamedTuple):
    """What a guard answered on one tick. `recovery` is None where it was not asked."""

    recovery: Stay | Recover | None
    entry: Clear | Enter


def hooks(plugin: object) -> dict[str, Callable[..., Any]]:
    """The hooks that a plugin answers, by name; each takes every argument of its specification by keyword.

    Raises pluggy's `PluginValidationError` for a hook or an argument that the contract does not have.
    """
    manager = pluggy.PluginManager("neo")
    manager.add_hookspecs(HookSpecs)
    manager.register(plugin)
    manager.check_pending()
    return {name: partial(_call, impl) for name in HOOKS for impl in getattr(manager.hook, name).get_hookimpls()}


def walk(guard: object, views: Iterable[View], *, suppressed: Container[int] = ()) -> list[Answers]:
    """Feeds views to a guard in the engine's order: observe, evaluate_recovery, evaluate_entry.

    It is asked for recovery where the view says that its own episode is running (DEGRADED, with its source),
    except on `suppressed` ticks: its cool-down. A `Recover` is followed by `on_rearm`. A failed observation
    is a tick number left out. Measures are shown as a dict, as in the decision log.
    """
    answer = hooks(guard)
    own = getattr(guard, "source", None)
    answers = []
    for view in views:
        if "observe" in answer:
            answer["observe"](view=view)
        recovery = None
        if view.mode is Mode.DEGRADED and view.source == own and view.tick not in suppressed:
            recovery = _told(answer["evaluate_recovery"](view=view))
            if isinstance(recovery, Recover) and "on_rearm" in answer:
                answer["on_rearm"](view=view)
        answers.append(Answers(recovery, _told(answer["evaluate_entry"](view=view))))
    return answers


def _told(answer: Any) -> Any:
    verdict = isinstance(answer, Clear | Enter | Stay | Recover)
    return replace(answer, measures=facts_of(answer.measures)) if verdict else answer


def _call(impl: pluggy.HookImpl, **handed: object) -> Any:
    return impl.function(*(handed[name] for name in impl.argnames))
