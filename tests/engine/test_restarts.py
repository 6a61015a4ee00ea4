"""One session after another on one database: after an orderly end, and after a crash. (sections 2, 3 and 12)"""

from __future__ import annotations

import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from neo_core.errors import StoreError, UsageError
from neo_core.gateways.paper_wallet import read
from neo_core.model import DROPS, Decision, Inventory
from neo_core.state import State
from neo_core.store import Store
from neo_core.testing.rehearsal import Rehearsal

from .houses import Desk
from .making import cancels, degraded, kinds, named, places

FIRST_EPISODE = 120  # of `cycling` and `hostile`: the anchor's, which runs from about tick 77 or 107


def watch(desk: Desk, **asked: Any) -> tuple[list[tuple[Decision, State]], Any]:
    """Plays a session; answers what each tick decided and left, and the ending."""
    seen: list[tuple[Decision, State]] = []
    run = desk.open(show=lambda decision, state: seen.append((decision, state)), **asked)
    try:
        return seen, run.run()
    finally:
        run.close()


# --- a fresh session ---


@pytest.mark.rule("MODE-8", "HALT-6")
def test_a_fresh_session_forgets_mode_causes_counts_cooldowns_and_halt(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.play(scenario="hostile")
    run = desk.open()
    regime = run.opened.state.regime
    status = run.store.status("neo")
    run.close()
    assert (regime.guard, regime.integrity, run.opened.state.mode) == (None, (), "OK")
    assert set(regime.episodes.values()) == set(regime.cooldowns.values()) == {0}
    assert status["mode"] == "OK"
    assert not any(status[f"halt_{part}"] for part in ("reason", "source", "detail"))
    assert not any(status[f"degraded_{part}"] for part in ("since", "source", "reason"))
    assert status["guards"] == {
        source: {"episodes": 0, "cooldown_ticks_remaining": 0} for source in ("anchor", "corridor", "drift")
    }


@pytest.mark.rule("HALT-6")
def test_sessions_that_are_over_keep_their_reasons(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.play(scenario="hostile")
    run = desk.open(ticks=5)
    run.run()
    ended = [(session["halt_reason"], session["halt_source"]) for session in run.store.sessions("neo")]
    status = run.store.status("neo")
    run.close()
    assert ended == [("degraded_episode_limit_halt", "anchor"), ("duration_elapsed", "clock")]
    assert (status["halt_reason"], status["halt_source"]) == ("duration_elapsed", "clock")
    assert status["halt_detail"] == "5 ticks were asked for"


@pytest.mark.rule("PLUG-5")
def test_a_session_keeps_the_names_and_versions_of_its_plugins(tmp_path: Path) -> None:
    _, session = Desk(tmp_path).play(ticks=2, without=("drift_guard", "reconciler"))
    assert session["plugins"] == [
        {"name": "anchor_guard", "version": "0.1.0"},
        {"name": "corridor_guard", "version": "0.1.0"},
    ]


# --- after a crash ---


@pytest.mark.rule("MODE-X2", "INT-2")
def test_a_fresh_session_after_a_crash_cancels_what_may_be_alive_and_quotes_only_when_that_is_done(
    tmp_path: Path,
) -> None:
    desk = Desk(tmp_path)
    crashed = desk.crash(30)
    seen, ending = watch(desk, ticks=20)
    (first, _), (second, _) = seen[:2]
    assert {cancel.reason for cancel in cancels(first)} == {"STARTUP_CANCEL"}
    assert len(cancels(first)) == 2
    assert not places(first)
    assert named(second, "cancel_all_complete").text.startswith("STARTUP_CANCEL")
    assert len(places(second)) == 2
    assert ending.halt.reason == "duration_elapsed"
    store = Store.open(desk.url)
    assert [(row["id"], row["halt_reason"]) for row in store.sessions("neo")] == [
        (crashed, "unexpected_halt"),
        (crashed + 1, "duration_elapsed"),
    ]
    store.close()
    wallet = read(desk.wallet())
    _, state = seen[-1]
    assert state.inventory == Inventory(wallet.xrp_drops, wallet.rlusd)


@pytest.mark.rule("MODE-X2")
def test_a_startup_cancel_does_not_wait_for_an_observation_but_is_complete_only_with_one() -> None:
    stage = Rehearsal()
    stage.ticks(3)
    last = stage.state
    leftover = last.orders
    stage.state = State(session=2, orders=leftover, ledger_index=last.ledger_index, inventory=last.inventory)
    first = stage.tick(failure="the node is away")
    assert {cancel.reason for cancel in cancels(first)} == {"STARTUP_CANCEL"}
    assert sorted(cancel.order_id for cancel in cancels(first)) == sorted(leftover)
    stage.tick(failure="the node is away")
    assert stage.state.sweep is not None
    decision = stage.tick()
    assert "cancel_all_complete" in kinds(decision)
    assert len(places(decision)) == 2


@pytest.mark.rule("MODE-8")
def test_a_resumed_session_keeps_its_id_mode_causes_counts_and_time(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    crashed = desk.crash(FIRST_EPISODE, scenario="hostile")
    run = desk.open(scenario="hostile", resume="crashed")
    state = run.opened.state
    run.close()
    assert state.session == crashed
    assert (state.mode, state.halt, state.tick) == ("DEGRADED", None, FIRST_EPISODE)
    assert state.regime.guard is not None
    assert (state.regime.guard.source, state.regime.guard.tick) == ("anchor", 77)
    assert state.regime.episodes == {"anchor": 1, "corridor": 0, "drift": 0}
    assert state.elapsed == 4.0 * (FIRST_EPISODE - 1)


@pytest.mark.rule("MODE-8")
def test_the_time_that_a_session_was_down_is_not_counted() -> None:
    settings = {"degraded": {"timeout_seconds": 20.0}, "plugins": {"amber": {"recovery_enabled": False}}}
    _, stage = degraded(settings=settings)
    elapsed = stage.state.elapsed
    stage.ledger.reach(stage.ledger.index + 1000)
    stage.state = replace(stage.state, now=None, armed=False)
    stage.tick()
    assert stage.state.elapsed == elapsed
    assert stage.state.halt is None


@pytest.mark.rule("MODE-8")
def test_resuming_clears_the_halt_that_a_crash_left_behind(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    crashed = desk.crash(10, ticks=10)  # after the halt was committed, before the session had ended
    run = desk.open(resume="crashed", ticks=15)
    assert (run.opened.state.session, run.opened.state.halt) == (crashed, None)
    assert run.run().halt.detail == "15 ticks were asked for"
    run.close()


@pytest.mark.rule("MODE-8")
def test_a_session_that_ended_is_not_resumed(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.play(ticks=5)
    with pytest.raises(UsageError, match="no session that crashed"):
        desk.open(resume="crashed")


@pytest.mark.rule("MODE-8")
def test_resume_auto_resumes_what_crashed_and_else_starts_fresh(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    assert desk.crash(20, resume="auto") == 1
    ending, _ = desk.play(resume="auto", ticks=30)
    assert (ending.session, ending.ticks) == (1, 30)
    ending, _ = desk.play(resume="auto", ticks=5)
    assert (ending.session, ending.ticks) == (2, 5)


@pytest.mark.rule("MODE-8", "COOL-2")
def test_a_loop_of_crashes_and_restarts_does_not_get_round_the_cap(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    for tick in range(40, 460, 60):
        desk.crash(tick, scenario="hostile", resume="auto")
    ending, session = desk.play(scenario="hostile", resume="auto")
    assert ending.session == 1
    assert (ending.halt.reason, ending.halt.source) == ("degraded_episode_limit_halt", "anchor")
    assert [episode["source"] for episode in session["episodes"]].count("anchor") == 3


@pytest.mark.rule("HALT-4", "INT-2")
def test_a_reason_that_could_not_be_written_is_an_unexpected_halt_for_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(tmp_path)
    run = desk.open()

    def full(*_: object, **__: object) -> None:
        raise StoreError("the disk is full")

    monkeypatch.setattr(run.store, "commit", full)
    monkeypatch.setattr(run.store, "end", full)
    ending = run.run()
    run.close()
    assert (ending.halt.reason, ending.halt.detail) == ("unexpected_halt", "the disk is full")
    run = desk.open(ticks=5)
    assert run.opened.crashed == (1,)
    run.run()
    assert [row["halt_reason"] for row in run.store.sessions("neo")] == ["unexpected_halt", "duration_elapsed"]
    run.close()


@pytest.mark.rule("HALT-2")
def test_an_end_without_a_reason_is_an_unexpected_halt_and_never_empty(tmp_path: Path) -> None:
    run = Desk(tmp_path).open()
    run.store.end(None, ended_at=0.0, ticks=0, inventory=None)
    session, status = run.store.session("neo"), run.store.status("neo")
    run.close()
    assert session["halt_reason"] == status["halt_reason"] == "unexpected_halt"
    assert session["halt_detail"] == status["halt_detail"] != ""


# --- wallets ---


def accounts(desk: Desk) -> list[str]:
    store = Store.open(desk.url)
    owned = [row["account"] for row in store.sessions("neo")]
    store.close()
    return owned


@pytest.mark.rule("PAP-X1")
def test_after_an_orderly_end_comes_a_new_wallet(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    _, first = desk.play(ticks=200)
    _, second = desk.play(ticks=200)
    assert accounts(desk) == ["neo-paper-1", "neo-paper-2"]
    assert first["inventory_end"] != first["inventory_start"]
    assert second["inventory_start"] == first["inventory_start"]


@pytest.mark.rule("PAP-X1")
@pytest.mark.parametrize("resume", [None, "auto", "crashed"])
def test_after_a_crash_the_wallet_is_the_same(resume: str | None, tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.crash(100)
    held = read(desk.wallet())
    run = desk.open(ticks=200, resume=resume)
    assert run.opened.keeper.account == "neo-paper-1"
    assert run.opened.state.inventory == Inventory(held.xrp_drops, held.rlusd)
    run.close()


@pytest.mark.rule("PAP-X1")
def test_a_wallet_that_is_to_be_kept_is_kept(tmp_path: Path) -> None:
    desk = Desk(tmp_path, "paper: {wallet: keep}")
    _, first = desk.play(ticks=200)
    _, second = desk.play(ticks=200)
    assert accounts(desk) == ["neo-paper-1", "neo-paper-1"]
    assert second["inventory_start"] == first["inventory_end"]


@pytest.mark.rule("PAP-X1")
def test_a_database_that_was_removed_leaves_no_wallet_to_begin_with(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    _, first = desk.play(ticks=200)
    for file in tmp_path.glob("neo.db*"):
        file.unlink()
    _, again = desk.play(ticks=200)
    assert again["inventory_start"] == first["inventory_start"]


@pytest.mark.rule("INT-X1")
def test_an_engine_that_runs_already_is_not_started_again(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    first = desk.open(ticks=20)
    for resume in (None, "auto", "crashed"):
        with pytest.raises(StoreError, match=r"engine 'neo' is running on .* already"):
            desk.open(ticks=20, resume=resume)
    other = desk.open(ticks=5, engine="other")
    assert other.run().ticks == 5
    other.close()
    assert first.run().ticks == 20
    first.close()
    assert desk.play(ticks=5)[0].ticks == 5


@pytest.mark.rule("INT-X1")
def test_what_happened_after_a_tick_that_could_not_be_written_is_settled_by_the_next_start(tmp_path: Path) -> None:
    desk = Desk(tmp_path, "paper: {wallet: keep}")
    run = desk.open(ticks=400)
    commit = run.store.commit

    def full(decision: Decision, line: bytes, state: State) -> None:
        if decision.tick >= 150:
            raise StoreError("the disk is full")
        commit(decision, line, state)

    run.store.commit = full  # type: ignore[method-assign]
    assert run.run().halt.reason == "unexpected_halt"
    run.close()
    ending, session = desk.play(ticks=400)
    assert ending.halt.reason == "duration_elapsed"
    owned = read(desk.wallet())
    assert session["inventory_end"] == {"xrp": shown_xrp(owned.xrp_drops), "rlusd": format(owned.rlusd, "f")}
    store = Store.open(desk.url)
    assert [row["halt_reason"] for row in store.sessions("neo")] == ["unexpected_halt", "duration_elapsed"]
    store.close()


@pytest.mark.rule("MODE-8", "PAP-X1")
def test_a_wallet_that_was_lost_is_not_replaced_behind_the_back_of_a_resumed_session(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.crash(50)
    desk.wallet().unlink()
    for resume in ("crashed", None):
        with pytest.raises(StoreError, match="expected the paper wallet that the last session traded on"):
            desk.open(resume=resume)


def shown_xrp(drops: int) -> str:
    return format(Decimal(drops) / DROPS, "f")


@pytest.mark.rule("MODE-X3", "MODE-8", "COOL-2")
def test_a_session_that_was_killed_while_it_closed_at_its_cap_is_over_when_it_is_resumed(tmp_path: Path) -> None:
    desk = Desk(tmp_path, "degraded_recovery: {max_degraded_episodes_per_source_per_session: 1}")
    number = desk.crash(107, scenario="cycling")
    ending, session = desk.play(resume="auto")
    assert (ending.session, ending.halt.reason, ending.halt.source) == (
        number,
        "degraded_episode_limit_halt",
        "anchor",
    )
    assert session["ticks"] == 108


@pytest.mark.rule("REC-5", "REC-4", "REC-1")
@pytest.mark.parametrize("resume", [["--resume"], []], ids=["resumed", "fresh"])
def test_orders_marked_by_a_process_that_was_killed_are_skipped_by_a_new_process(
    tmp_path: Path, resume: list[str]
) -> None:
    desk = Desk(tmp_path, "paper: {fill_visibility: disappearance}")
    desk.crash(77, scenario="cancel_storm")
    store = Store.open(desk.url)
    try:
        marked = [order["id"] for order in store.orders("neo") if order["cancel_reason"] == "DEGRADED_CANCEL"]
        open_before = store.status("neo")["open_orders"]
    finally:
        store.close()
    assert (len(marked), open_before) == (2, 2)
    run = ["run", "--config", str(tmp_path / "neo.yaml"), "--database", desk.url, "--speed", "0", "--quiet"]
    subprocess.run(
        [sys.executable, "-m", "neo_core", *run, "--ticks", "80", *resume], cwd=tmp_path, capture_output=True
    )
    store = Store.open(desk.url)
    try:
        lives = [store.order("neo", one) for one in marked]
    finally:
        store.close()
    for life in lives:
        assert (life["status"], life["filled_drops"]) == ("CANCELLED_BY_ENGINE", 0)
        assert [step["token"] for step in life["life"] if step["token"]] == ["RECONCILER_SKIP_ENGINE_CANCEL"]
