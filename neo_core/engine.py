"""The tick: nine steps, in the order of docs/behaviour.md, section 1. No I/O, no clock, no store."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from neo_core import answers, cancel_all, integrity, reconcile
from neo_core.answers import names_are_texts
from neo_core.config import Settings
from neo_core.halts import Halt, HaltReason
from neo_core.measures import Facts, Measures, facts_of
from neo_core.model import (
    DROPS,
    Cause,
    Clear,
    Decision,
    Enter,
    Fill,
    Input,
    Observation,
    Prepared,
    Recover,
    Side,
    Stay,
)
from neo_core.plugins import Guard, Plugins
from neo_core.requote import requote
from neo_core.rules import coverage, modes, quoting, risk, truth
from neo_core.rules.orders import QUOTED, attach
from neo_core.state import Holding, State
from neo_core.turn import Turn

__all__ = ["Engine"]

BUY = Side.BUY
KEEP_CLOSED_LEDGERS = 64
NOTHING = Holding(0.0, 0.0)  # before anything was seen or recorded there is no exposure to limit


class Engine:
    """Turns (state, input) into (decision, next state)."""

    def __init__(self, settings: Settings, plugins: Plugins, max_ticks: int | None = None) -> None:
        self._settings = settings
        self._plugins = plugins
        self._guards = {guard.source: guard for guard in plugins.guards}
        self._observers = tuple((one.name, one.call) for one in plugins.observers)
        self._proofs = tuple([layer for layer in plugins.layers if layer.proof])
        self._entries = tuple((guard, guard.source, guard.evaluate_entry) for guard in plugins.guards)
        self._max_ticks = max_ticks
        self._duration = settings.session.duration_seconds
        self._terms = quoting.terms(settings.quoting)
        self._tolerances = truth.tolerances(settings.wallet_truth)
        self._limits = risk.limits(settings.risk)
        self._bounds = risk.bounds(settings.risk)
        self._records: set[type] = set()  # the guards' own kinds of measures, as they are met

    def tick(self, state: State, given: Input) -> tuple[Decision, State]:
        turn = Turn.begin(state, given, self._terms)  # 1 observe
        observed = given.observation
        if state.tick == 0 and turn.book.alive() and self._settings.startup.leftover_offers == "cancel":
            turn.order_sweep("STARTUP_CANCEL")
        if observed is not None:
            self._settle(turn, observed)  #             2 settle
        if turn.halt is None:
            self._verify(turn)  #                       3 verify
        if turn.halt is None:
            self._risk(turn)  #                         4 risk
        if turn.halt is None:
            self._clock(turn)  #                        5 clock
        if observed is not None:
            if turn.halt is None:
                self._recover(turn)  #                  6 recover
            if turn.halt is None and turn.armed:
                self._guard(turn)  #                    7 guard
            if turn.halt is None and turn.armed:
                self._quote(turn, observed)  #          8 quote
        return self._decide(turn)  #                    9 commit, act and record are the session's

    def prepared(self, state: State, decision: Decision, ready: Sequence[Prepared]) -> tuple[Decision, State]:
        """The same decision, with the sequences and hashes that its orders were given before they leave."""
        orders = dict(state.orders)
        for one in ready:
            for order in attach(orders, one):
                orders[order.id] = order
        changed = tuple([orders.get(order.id, order) for order in decision.orders])
        return replace(decision, orders=changed), replace(state, orders=orders)

    # --- 2 settle ---

    def _settle(self, turn: Turn, observed: Observation) -> None:
        book, account, since = turn.book, observed.account, turn.state.ledger_index
        if turn.sweep is None and book.unmoved(account, since):
            turn.value_inventory()
            return
        ledger = observed.ledger_index
        vanished = book.settle(account, ledger, since, not turn.armed)
        if book.transfers:
            integrity.note_transfers(turn)
        turn.value_inventory()
        if vanished:
            for order in vanished:
                reconcile.resolve(turn, order, ledger, self._plugins.layers)
            turn.value_inventory()
        self._record(turn)
        if book.untold:
            self._give_up(turn, ledger)
        if book.changed:
            book.forget(ledger - KEEP_CLOSED_LEDGERS)
        if book.strangers and turn.armed:
            offers = [offer.sequence for offer in book.strangers]
            turn.stop(
                HaltReason.RECONCILER,
                "orders",
                f"the ledger shows our offers {offers}, which this engine never made: another engine, or a "
                "person, uses this account",
            )
        if book.impossible:
            turn.stop(HaltReason.RECONCILER, "orders", book.impossible)
        if book.strangers and turn.halt is not None:
            integrity.sweep_strangers(turn)
        cancel_all.note_complete(turn, ledger)

    def _record(self, turn: Turn) -> None:
        book = turn.book
        for name in book.ended if self._proofs else ():
            if name in book.closed:
                reconcile.record(turn, book.closed[name], self._proofs)
        for name in book.reopened:
            text = f"order {name} was closed without proof, and is alive again: the ledger shows its offer"
            turn.event("order_reopened", text, facts={"order_id": name})
        for order in book.never_placed:
            text = f"order {order.id} was never placed: no ledger took it by {order.last_ledger}"
            turn.event("order_never_placed", text, facts={"order": order.id})
        for fill in book.fills:
            turn.event("fill", _fill_line(fill), facts={"tx_hash": fill.tx_hash}, debug=True)
        for order in book.shrunk_unbooked:
            text = f"order {order.id} has shrunk, and nothing is booked without proof"
            turn.event("order_shrank", text, facts={"order_id": order.id})

    def _give_up(self, turn: Turn, ledger: int) -> None:
        """Ledgers that nobody tells: what they did is not known, and wallet truth tells of a difference."""
        book = turn.book
        for first, last in coverage.outlived(book.untold, ledger):
            book.untold = coverage.without(book.untold, first, last)
            turn.event(
                "ledgers_untold",
                f"ledgers {first} to {last} were not told for {coverage.KEEP_ASKING_LEDGERS} ledgers, and are "
                "not asked for any more: what happened in them is not known",
                facts={"first": first, "last": last},
            )

    # --- 3 verify ---

    def _verify(self, turn: Turn) -> None:
        if (
            turn.armed
            and turn.tick < turn.truth.due
            and not (turn.book.holds or turn.regime.integrity or turn.given.commands)
        ):
            return
        if turn.given.commands:
            integrity.obey(turn, turn.given.commands)
        observed, starting = turn.observed, not turn.armed
        if starting and observed is not None:
            integrity.start(turn, observed.account, self._settings, self._tolerances)
        if turn.halt is None:
            integrity.verify(turn, self._settings, self._tolerances)

    # --- 4 risk ---

    def _risk(self, turn: Turn) -> None:
        kill, seen = turn.given.kill, turn.observed
        if turn.given.broken:
            turn.stop(HaltReason.UNEXPECTED, "session", turn.given.broken)
            return
        if kill is not None:
            turn.stop(HaltReason.KILL_SWITCH, "operator", kill)
            return
        if seen is not None and seen.health.cannot_trade is not None:
            turn.stop(HaltReason.GATEWAY, "risk", seen.health.cannot_trade)
            return
        try:
            age = _blind_for(turn) if seen is None else seen.health.ledger_age_seconds
            passed = risk.limit_passed(self._limits, turn.holding or NOTHING, turn.risk, age)
        except Exception as error:  # noqa: BLE001 (a check that fails, however it does, is a reason of its own)
            passed = Halt(HaltReason.RISK_GENERIC, "risk", f"a risk check failed: {answers.words(error)}")
        if passed is not None:
            why = f"; the last: {turn.given.failure}" if passed.reason is HaltReason.RPC_FAILURE else ""
            turn.stop(passed.reason, passed.source, passed.detail + why)

    # --- 5 clock ---

    def _clock(self, turn: Turn) -> None:
        regime = turn.regime
        if regime.guard is not None or regime.integrity:
            late = modes.timed_out(regime, turn.elapsed, self._recoverable(turn), self._settings.degraded)
            if late is not None:
                reason, cause, seconds = late
                turn.stop(reason, cause.source, f"{cause.source}: DEGRADED for {seconds:.0f} s: {cause.reason}")
                return
        if turn.given.stop is not None:
            turn.stop(HaltReason.ENGINE_REQUESTED, "operator", turn.given.stop)
        elif turn.given.exhausted:
            turn.stop(HaltReason.REPLAY_EXHAUSTED, "clock", f"the recording ended after {turn.tick} ticks")
        elif self._duration is not None and turn.elapsed >= self._duration:
            turn.stop(HaltReason.DURATION_ELAPSED, "clock", f"{self._duration:g} s were asked for")
        elif self._max_ticks is not None and turn.tick >= self._max_ticks:
            turn.stop(HaltReason.DURATION_ELAPSED, "clock", f"{self._max_ticks} ticks were asked for")

    def _recoverable(self, turn: Turn) -> bool:
        guard = turn.regime.guard
        return guard is not None and guard.source in self._guards and self._guards[guard.source].recoverable

    # --- 6 recover ---

    def _recover(self, turn: Turn) -> None:
        view = turn.view()
        if not turn.armed and not turn.waits_since:
            self._rearm(turn)
        for name, observe in self._observers:
            try:
                if observe(view) is not None:
                    raise TypeError("expected no answer")
            except BaseException as error:  # noqa: BLE001 (a plugin may raise anything; it is a fault)
                self._fault(turn, name, "observe", error)
                view = turn.view()
        cause = turn.regime.guard
        if cause is None or turn.regime.integrity or turn.halt or not turn.armed or not self._recoverable(turn):
            return
        turn.regime, remaining = modes.cool(turn.regime, turn.elapsed)
        if remaining > 0:
            turn.event(
                "recovery_suppressed_by_cooldown",
                f"recovery_suppressed_by_cooldown: {remaining} ticks remain",
                source=cause.source,
                facts={"source": cause.source, "cooldown_ticks_remaining": remaining},
                debug=True,
            )
            return
        answer = self._ask_recovery(turn, self._guards[cause.source])
        if type(answer) is not Recover or turn.sweep is not None:
            return
        turn.regime = modes.recover(turn.regime)
        turn.cause_ended(cause.source, answer.reason, facts_of(answer.measures))
        self._rearm(turn)

    def _ask_recovery(self, turn: Turn, guard: Guard) -> Stay | Recover | None:
        assert guard.evaluate_recovery is not None
        try:
            answer = answers.recovery(guard.evaluate_recovery(turn.view()))
            turn.measures[guard.source + ".recovery"] = answer.measures
        except BaseException as error:  # noqa: BLE001 (a plugin may raise anything; it is then not recovered)
            turn.note_fault(guard.name, "evaluate_recovery", error)
            return None
        return answer

    def _rearm(self, turn: Turn) -> None:
        turn.armed = True
        for rearm in self._plugins.rearms:
            try:
                answers.nothing(rearm.call(turn.view()))
            except BaseException as error:  # noqa: BLE001 (a plugin may raise anything; it is a fault)
                self._fault(turn, rearm.name, "on_rearm", error)

    # --- 7 guard ---

    def _guard(self, turn: Turn) -> None:
        view, measures, records = turn.view(), turn.measures, self._records
        for guard, source, evaluate_entry in self._entries:
            try:
                answer = evaluate_entry(view)
                clear = type(answer) is Clear
                if not clear:
                    answers.entry(answer)
                found = answer.measures
                if type(found) not in records:
                    self._note_kind(found)
                measures[source] = found
            except BaseException as error:  # noqa: BLE001 (a plugin may raise anything; it is a fault)
                self._fault(turn, guard.name, "evaluate_entry", error)
                view = turn.view()
                continue
            if not clear and turn.halt is None and not turn.regime.degraded:
                self._enter(turn, guard, answer)
                view = turn.view()
        try:
            plain = turn.encode_measures()
        except BaseException:  # noqa: BLE001 (a plugin's own class may raise anything when it is encoded)
            plain = False
        if not plain:
            self._blame_measures(turn)
            turn.encode_measures()

    def _note_kind(self, measures: Facts | Measures) -> None:
        if isinstance(measures, Measures):
            self._records.add(type(measures))
        else:
            names_are_texts(measures)

    def _blame_measures(self, turn: Turn) -> None:
        for guard in self._plugins.guards:
            try:
                answers.entry(Clear(turn.measures.get(guard.source, {})))
            except BaseException as error:  # noqa: BLE001 (as above)
                turn.measures[guard.source] = {}
                self._fault(turn, guard.name, "evaluate_entry", error)

    def _enter(self, turn: Turn, guard: Guard, answer: Enter) -> None:
        settings = self._settings.degraded_recovery
        cause = Cause(guard.source, answer.reason, turn.tick, turn.now, turn.elapsed)
        turn.regime, passed = modes.enter(turn.regime, cause, settings)
        turn.degraded(cause, facts_of(answer.measures))
        if passed is not None:
            turn.event(
                "episode_limit",
                f"[DEGRADED_RECOVERY] {passed.detail}: escalating to HALT",
                source=guard.source,
                facts={
                    "count": turn.regime.episodes[guard.source],
                    "cap": settings.max_degraded_episodes_per_source_per_session,
                },
            )
            turn.stop(passed.reason, passed.source, passed.detail)

    # --- 8 quote ---

    def _quote(self, turn: Turn, observed: Observation) -> None:
        regime, terms, buy, sell = turn.regime, self._terms, None, None
        if regime.guard is not None or regime.integrity or turn.sweep is not None or turn.episode_ended:
            return
        if turn.anchor is not None:
            buy, sell = quoting.quotes(observed.market, turn.anchor, turn.inventory_pct, terms)
            resting = None if turn.book.changed else turn.state.resting
            if resting is None:
                resting = quoting.resting(turn.book.orders, QUOTED, terms)
            if resting is not None and quoting.stands(resting, buy, sell, turn.now, terms):
                turn.resting = resting
                return
        requote(turn, observed.account, buy, sell, terms, self._bounds)

    # --- faults and the end of a tick ---

    def _fault(self, turn: Turn, name: str, hook: str, error: BaseException) -> None:
        """A guard that fails can vouch for nothing: DEGRADED at once, and the end when it goes on."""
        turn.note_fault(name, hook, error)
        settings = self._settings.plugin_fault
        turn.count_fault()
        turn.suspect("plugin_fault", f"{name}: {hook} failed", {"plugin": name, "hook": hook})
        if settings.policy == "halt" or turn.faults.count > settings.max:
            counted = f"fault {turn.faults.count}, {settings.max} allowed"
            detail = f"{hook} failed with {answers.words(error)}; {counted}"
            turn.stop(HaltReason.PLUGIN_FAULT, name, detail)

    def _decide(self, turn: Turn) -> tuple[Decision, State]:
        if turn.sweep_ordered and self._settings.startup.leftover_offers == "refuse":
            integrity.leave_untouched(turn)
        if turn.sweep_ordered:
            cancel_all.begin(turn, self._plugins.markers)
        elif turn.sweep is not None:
            cancel_all.repeat(turn)
        return turn.decision(), turn.next_state()


def _blind_for(turn: Turn) -> float:
    """With a failed observation: how long ago the last ledger closed that was seen."""
    seen = turn.state.close_time
    return 0.0 if seen is None else turn.now - seen


def _fill_line(fill: Fill) -> str:
    verb = "bought" if fill.side is BUY else "sold"
    return f"{verb} {fill.drops / DROPS:g} XRP at {fill.price:.5f}, order {fill.order_id}"
