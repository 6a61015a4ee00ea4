"""The plugin contract, whole.

A plugin is a class, named by its distribution in the entry point group `neo.plugins`. NEO makes one instance
for a session, handing it its validated section of the configuration: `MyGuard(config)`. The class declares

    config_class   a subclass of `GuardConfig` (a guard) or `PluginConfig` (anything else)
    source         a guard's name in episodes, counts and the configuration of recovery: "anchor", "my_guard"
    rank           its place among third-party plugins, small first (default 100); of a layer, its place in the
                   chain of `on_disappeared_order`
    layers         several layers in one plugin: a tuple of objects, each with `rank` and `on_disappeared_order`
    proof          of a layer: True if it is also asked how the ledger has ended an order (default False)

and marks the hooks that it answers with `@hookimpl`. A hook may take fewer arguments than listed here, by name.
Everything handed to a hook is frozen. Hooks do no I/O, read no clock and draw no random numbers, so that a
recorded session replays to the same decisions.

The core keeps causes, episode counts, cool-downs, caps, timeouts and restarts. A guard judges, and nothing else:
it may keep a window in memory, and that window may be lost at any time.

A hook that raises, or answers anything but what is said here, is a fault: NEO degrades, and too many faults end
the session. Failing is safe, staying silent is not offered.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import pluggy

if TYPE_CHECKING:
    from neo_core.model import (
        Clear,
        Enter,
        Event,
        Mark,
        Order,
        Recover,
        Resolution,
        Stay,
        View,
        Wait,
    )

__all__ = ["HookSpecs", "hookimpl"]

hookspec = pluggy.HookspecMarker("neo")
hookimpl = pluggy.HookimplMarker("neo")


class HookSpecs(Protocol):
    @hookspec
    def observe(self, view: View) -> None:
        """Each tick that saw the ledger, in every mode: move your windows here.

        Answers nothing. Called before any guard is asked for a judgement on this tick.
        """

    @hookspec
    def evaluate_entry(self, view: View) -> Clear | Enter:
        """Each tick that saw the ledger: may the engine go on quoting, as far as this guard can tell?

        Answers `Clear(measures)` or `Enter(reason, measures)`. `Enter` makes the engine DEGRADED: everything is
        cancelled and nothing is quoted. While the engine is DEGRADED already, an `Enter` changes nothing.
        `measures` are the numbers it judged by, with their limits: they go to the decision log and the reports.
        """

    @hookspec
    def evaluate_recovery(self, view: View) -> Stay | Recover:
        """Asked only of the guard whose episode is running, past its cool-down, with no integrity cause active.

        Answers `Stay(measures)` or `Recover(reason, measures)`. How many clean ticks in a row it wants is the
        guard's own affair; `on_rearm` starts that count again. While own offers are still open after the
        cancel_all, a `Recover` ends nothing yet, and the guard is asked again on the next tick. A failure counts
        as not recovered.
        """

    @hookspec
    def on_cancel_all(self, orders: Sequence[Order], cause: str, now: float) -> Sequence[Mark]:
        """Every order that may be alive is about to be cancelled; nothing has been sent yet.

        Answers the marks to be written, an empty sequence for none; they are committed together with the cancel
        intents, before the first cancel leaves. `cause` is DEGRADED_CANCEL, HALT_CANCEL, SESSION_END_CANCEL,
        STARTUP_CANCEL or OPERATOR_CANCEL. `now` is in seconds since 1970; a mark's `cancelled_at` is the same in
        UTC as text, "2026-01-01T00:00:00+00:00". A failure never holds a cancel back; it ends the session.
        """

    @hookspec
    def on_disappeared_order(self, order: Order, view: View) -> Resolution | Wait | None:
        """The ledger no longer shows this order, and no transaction explains it: what became of it?

        Layers are asked by rank, and the first that answers a `Resolution` or a `Wait` decides. None means "not
        mine to say". If nobody answers, or a layer fails, the order is held for review. It is never taken for a
        fill.

        `Wait` names the ledgers in which proof may be found. The order stays as it is, its exposure is reserved,
        the ledgers are asked for, and the layers are asked again on each tick, for 128 ledgers at most.

        A layer with `proof = True` is also asked about each order that the ledger has ended on this tick: its
        `closed_ledger` is then set, and the transactions are among `view.events`. The answer, a `Resolution` or
        None, goes on record as an event `order_ended`. It moves nothing. Only there can an outcome be FILLED or
        REJECTED.
        """

    @hookspec
    def on_rearm(self, view: View) -> None:
        """A fresh regime: a guard has recovered, or a session starts or is resumed. Empty your windows."""

    @hookspec
    def on_event(self, event: Event) -> None:
        """For watchers (alerts, metrics): an event of this tick, after it was committed.

        Answers nothing. A failure here is logged and never stops trading.
        """
