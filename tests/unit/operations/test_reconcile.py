"""The loop, on virtual time against an EDAS of a few dicts."""

from __future__ import annotations

from contextlib import ExitStack, suppress
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from pulumi_edas_scale.domain.choices import WaitFor
from pulumi_edas_scale.domain.clock import CANCELLED, ENGINE_GONE, ENGINE_IN_DOUBT, DeadlineExceeded
from pulumi_edas_scale.domain.errors import (
    BusinessError,
    InputError,
    NotSentError,
    ThrottledError,
    UnavailableError,
)
from pulumi_edas_scale.domain.model import Member, MemberState, TaskState
from pulumi_edas_scale.edas.lookout import Lookout
from pulumi_edas_scale.edas.reads import Reads
from pulumi_edas_scale.operations.claims import Claim
from pulumi_edas_scale.operations.outcome import ChangeError
from pulumi_edas_scale.operations.ownership import MemoryLog, MemoryRun, Ownership
from pulumi_edas_scale.operations.reconcile import Reconciler
from tests.unit.operations.account import FAILED, HELD, SCOPE, Account, Stack

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from pulumi_edas_scale.domain.clock import OperationContext
    from pulumi_edas_scale.operations.session import Session

LOST = UnavailableError("ScaleInApplication", message="the connection was interrupted")
LOST_OUT = UnavailableError("ScaleOutApplication", message="the connection was interrupted")
THROTTLED = ThrottledError("ScaleOutApplication", "Throttling.User", "too many calls")
BUSY = BusinessError("ScaleOutApplication", "601", "refused")


def names(stack: Stack) -> list[str]:
    """Return the recorded members."""
    return sorted(each.instance_id for each in stack.recorded.members)


# -- what is sent, and in which order ------------------------------------------------------------------------------


def test_a_swap_scales_out_verifies_and_scales_in() -> None:
    """Whoever replaces a member is there before it leaves (S4)."""
    stack = Stack(Account().running("a", "b").free("c"))
    stack.up("a", "b")
    stack.up("a", "c")
    assert stack.account.writes == ["out c", "in b"]
    assert names(stack) == ["i-a", "i-c"]


def in_one_process(stack: Stack, session: Session, *names: str) -> None:
    """Bring the group to these machines by an operation of a session that others use as well."""
    operation = stack.operation(names)
    Reconciler(replace(operation, session=session)).run()


def test_who_only_adopts_shares_what_others_have_read() -> None:
    """S78: twenty memberships whose members are there cost one reading of the orders and one of the application."""
    stack = Stack(Account().running("a", "b"))
    session = stack.session()
    for _ in range(20):
        in_one_process(stack, session, "a", "b")
    assert [stack.account.count(name) for name in ("ListRecentChangeOrder", "QueryApplicationStatus")] == [
        1,
        1,
    ]


def test_a_write_rests_on_orders_read_since_its_turn() -> None:
    """Law 6: an order that began after the shared reading is waited for before anything is sent."""
    stack = Stack(Account().running("a", "b").free("c"))
    session = stack.session()
    in_one_process(stack, session, "a", "b")
    stack.account.start(
        "Application Scale In", ["b"], seconds=5.0, effect=lambda: stack.account.leave("ecc-2")
    )
    in_one_process(stack, session, "a", "b", "c")
    assert stack.account.writes == ["out b c"]
    assert stack.account.count("ScaleOutApplication") == 1


def test_an_adoption_does_not_rest_on_old_orders() -> None:
    """S80: a member that leaves some seconds after the shared reading is not recorded by the next membership."""
    stack = Stack(Account().running("a", "b"))
    session = stack.session()
    in_one_process(stack, session, "a", "b")
    stack.account.start(
        "Application Scale In", ["b"], seconds=1.0, effect=lambda: stack.account.leave("ecc-2")
    )
    stack.account.runtime.moment += 7.0
    in_one_process(stack, session, "a", "b")
    assert stack.account.writes == ["out b"]


def test_the_pause_between_two_orders_is_kept_and_none_follows_the_last() -> None:
    """``batchPauseSeconds`` passes between the orders of a change, not after them."""
    stack = Stack(Account().free("a", "b"))
    begun = stack.account.runtime.moment
    stack.up("a", "b", batch_size=1, batch_pause_seconds=100.0)
    moments = [moment for moment, name in stack.account.calls if name == "ScaleOutApplication"]
    assert moments[1] - moments[0] >= 105.0
    assert (
        "waiting for the pause between two change orders, batchPauseSeconds is 100 s"
        in stack.heard.progressed
    )
    assert stack.account.runtime.moment - begun < 120.0


def test_the_pause_is_kept_before_an_order_that_nobody_had_planned() -> None:
    """``batchPauseSeconds`` also passes when the next order came into the plan after the one before had ended."""
    stack = Stack(Account().running("a", "b").free("c"))
    account = stack.account
    begun = account.runtime.moment
    account.runtime.after(3.0, lambda: account.join("ecu-c"))
    stack.up("a", exclusive=True, batch_pause_seconds=100.0)
    assert account.writes == ["in b", "in c"]
    first, second = (moment for moment, name in account.calls if name == "ScaleInApplication")
    assert second - first >= 105.0
    assert account.runtime.moment - begun < 120.0


def test_max_removals_counts_what_left_before_in_the_same_change() -> None:
    """The limit is that of the whole change, not of one order."""
    stack = Stack(Account().running("a", "b", "c", "d"))
    stack.up("a", "b", "c", "d")
    stack.account.runtime.after(3.0, lambda: stack.account.members.pop("ecu-d"))
    stack.up("a", batch_size=1, max_removals=3)
    assert len(stack.account.writes) <= 3


def test_a_stop_sign_before_a_write_is_honoured() -> None:
    """Once the engine is gone nothing is sent, however far the decision had come."""
    stack = Stack(Account().free("a"))
    operation = stack.operation(["a"])
    account = stack.account
    original = account.read_scale_out_machines

    def read_and_stop(cluster_id: str, app_id: str = "") -> object:
        stack.stopped.append(ENGINE_GONE)
        return original(cluster_id, app_id)

    account.read_scale_out_machines = read_and_stop  # type: ignore[assignment,method-assign]
    with pytest.raises(ChangeError, match="the engine is gone"):
        Reconciler(operation).run()
    assert account.writes == []


@pytest.mark.parametrize("gone", [True, False])
def test_nothing_is_sent_while_it_is_not_sure_that_the_engine_is_there(*, gone: bool) -> None:
    """Reading may go on for these hundredths of a second; a write waits for the answer."""
    stack = Stack(Account().free("a"), stopped=[ENGINE_IN_DOUBT])

    def settle() -> None:
        stack.stopped[:] = [ENGINE_GONE] if gone else []

    stack.account.runtime.after(0.05, settle)
    if gone:
        with pytest.raises(ChangeError, match="the engine is gone"):
            stack.up("a")
        assert stack.account.writes == []
    else:
        stack.up("a")
        sent = next(moment for moment, name in stack.account.calls if name == "ScaleOutApplication")
        assert sent >= 1000.05


def test_a_refusal_is_repeated_twice_after_fresh_readings_and_then_final() -> None:
    """EDAS may refuse for a moment; the third refusal is its last word."""
    stack = Stack(Account().free("a"))
    stack.account.answers = [(BUSY, False)] * 5
    with pytest.raises(ChangeError, match="601 'refused'"):
        stack.up("a")
    assert stack.account.writes == ["out a"] * 3
    assert stack.account.count("QueryApplicationStatus") >= 3


# -- a lost answer (law 12) ------------------------------------------------------------------------------------------


def test_a_lost_answer_of_an_executed_write_is_not_repeated() -> None:
    """One order only; its end is awaited, and its effect settles the question (S15)."""
    stack = Stack(Account().free("a"))
    stack.account.answers = [(LOST_OUT, True)]
    stack.up("a")
    assert stack.account.writes == ["out a"]
    assert names(stack) == ["i-a"]


def test_a_colleagues_held_deployment_is_never_confirmed_in_our_name() -> None:
    """Our scale in is lost and not executed; the other order is watched, and ours is sent once it is over (S58)."""
    stack = Stack(Account().running("a", "b"))
    stack.up("a", "b")
    account = stack.account
    account.answers = [(LOST, False)]
    account.runtime.after(
        1.0, lambda: account.start("Application Deployment", ["a", "b"], seconds=10.0, held=True)
    )
    account.runtime.after(200.0, lambda: account.confirm("order-1"))
    stack.up("a", confirm_batches=True)
    assert account.writes == ["in b", "in b"]
    assert "order-1" not in stack.recorded.change_order_ids


@pytest.mark.parametrize("co_type", ["Application Scale In", "", "anything"])
def test_a_colleagues_order_of_our_kind_is_watched_and_not_taken_for_ours(co_type: str) -> None:
    """Even an order for the very same machine is neither confirmed nor aborted when only its likeness speaks (S58)."""
    stack = Stack(Account().running("a", "b"), abort_on_stop=True)
    stack.up("a", "b")
    account = stack.account
    account.answers = [(LOST, False)]
    account.runtime.after(1.0, lambda: account.start(co_type, ["b"], seconds=10.0, held=True))
    account.runtime.after(60.0, lambda: stack.stopped.append(CANCELLED))
    with pytest.raises(ChangeError, match="was stopped"):
        stack.up("a", confirm_batches=True)
    assert account.writes == ["in b"]
    assert stack.recorded.change_order_ids == ()


def test_a_lost_write_that_had_no_effect_is_repeated_once() -> None:
    """Half a minute of readings that agree proves that nothing was executed."""
    stack = Stack(Account().free("a"))
    stack.account.answers = [(LOST_OUT, False)]
    stack.up("a")
    moments = [moment for moment, name in stack.account.calls if name == "ScaleOutApplication"]
    assert stack.account.writes == ["out a"] * 2
    assert moments[1] - moments[0] >= 30.0
    looking = [each for each in stack.heard.progressed if "looking whether EDAS executed it" in each]
    assert len(looking) >= 6
    assert len(set(looking)) > 3


def test_a_write_that_is_lost_twice_is_a_failure() -> None:
    """Repeated once, and no more."""
    stack = Stack(Account().free("a"))
    stack.account.answers = [(LOST_OUT, False)] * 3
    with pytest.raises(ChangeError, match="interrupted"):
        stack.up("a")
    assert stack.account.writes == ["out a"] * 2


def test_a_lost_scale_in_with_a_late_listing_is_not_sent_again() -> None:
    """Its order is found and ended well; the listing gets its minute (law 7)."""
    stack = Stack(Account(leaving_lag=45.0).running("a", "b"))
    stack.up("a", "b")
    stack.account.answers = [(LOST, True)]
    stack.up("a")
    assert stack.account.writes == ["in b"]


# -- held orders -----------------------------------------------------------------------------------------------------


def test_a_held_order_of_ours_is_confirmed_only_where_the_program_says_so() -> None:
    """``confirmBatches`` confirms our order once (S11)."""
    stack = Stack(Account(held=True).free("a"))
    stack.up("a", confirm_batches=True)
    assert stack.account.writes == ["out a", "confirm order-1"]
    assert stack.heard.warned == []


def test_without_confirm_batches_a_held_order_waits_for_a_person() -> None:
    """It says whom it waits for, once, and goes on when confirmed (S11)."""
    stack = Stack(Account(held=True).free("a"))
    stack.account.runtime.after(90.0, lambda: stack.account.confirm("order-1"))
    stack.up("a")
    assert stack.account.writes == ["out a"]
    assert len([each for each in stack.heard.warned if "held (8)" in each]) == 1


def test_a_recorded_order_of_ours_is_confirmed_by_the_next_run() -> None:
    """The run ended before the confirmation; the next one confirms what state lists (S66)."""
    stack = Stack(Account(held=True).free("a"))
    stack.account.runtime.after(20.0, lambda: stack.stopped.append(CANCELLED))
    with pytest.raises(ChangeError):
        stack.up("a")
    assert stack.recorded.change_order_ids == ("order-1",)
    stack.stopped.clear()
    stack.up("a", confirm_batches=True)
    assert stack.account.writes == ["out a", "confirm order-1"]
    assert names(stack) == ["i-a"]


@pytest.mark.parametrize("ours", [True, False])
def test_a_time_out_while_an_order_is_held_does_not_say_that_it_goes_on(*, ours: bool) -> None:
    """Nothing happens to a held order before a person confirms it, and the message says so."""
    stack = Stack(Account(held=ours).free("a"))
    if not ours:
        stack.account.start("Application Scale Out", ["z"], seconds=5.0, held=True)
    with pytest.raises(ChangeError) as failure:
        stack.up("a", timeout_seconds=60)
    assert (
        "is held (8) and stays so until somebody confirms it in the EDAS console; the next 'pulumi up' waits for it."
        in failure.value.message
    )


def test_somebody_elses_held_order_is_not_confirmed() -> None:
    """An order that state does not list belongs to somebody."""
    stack = Stack(Account().free("a"))
    stack.account.start("Application Scale Out", ["z"], seconds=5.0, held=True)
    stack.account.runtime.after(60.0, lambda: stack.account.confirm("order-1"))
    stack.up("a", confirm_batches=True)
    assert stack.account.writes == ["out a"]
    assert stack.account.status("order-1") != HELD


# -- cancel ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("reason", "aborts"), [(CANCELLED, True), (ENGINE_GONE, False)])
def test_only_a_user_who_cancels_aborts_our_order(reason: str, *, aborts: bool) -> None:
    """When the engine is gone nothing is sent, not even an abort (law 7)."""
    stack = Stack(Account(order_seconds=100.0).free("a"), abort_on_stop=True)
    stack.account.runtime.after(20.0, lambda: stack.stopped.append(reason))
    with pytest.raises(ChangeError, match="was stopped"):
        stack.up("a")
    assert ("abort order-1" in stack.account.writes) is aborts


def test_somebody_elses_order_is_not_aborted() -> None:
    """Ctrl-C while waiting for a colleague's order leaves it alone."""
    stack = Stack(Account().free("a"), abort_on_stop=True)
    stack.account.start("Application Deployment", ["z"], seconds=100.0)
    stack.account.runtime.after(20.0, lambda: stack.stopped.append(CANCELLED))
    with pytest.raises(ChangeError):
        stack.up("a")
    assert stack.account.writes == []


def test_an_order_of_ours_that_has_ended_is_not_aborted_while_its_joiner_starts() -> None:
    """Ctrl-C after the end of the order: nothing of ours runs any more that could be aborted."""
    starts = {"ecu-a": (MemberState.STOPPED, TaskState.PROCESSING)}
    stack = Stack(Account(start_states=starts).free("a"), abort_on_stop=True)
    stack.account.runtime.after(60.0, lambda: stack.stopped.append(CANCELLED))
    with pytest.raises(ChangeError, match="was stopped"):
        stack.up("a")
    assert stack.account.writes == ["out a"]


# -- who left (law 13) -----------------------------------------------------------------------------------------------


def test_a_machine_that_is_added_again_under_another_ecc_is_nobodys_failure() -> None:
    """It left; that somebody adds it back is somebody's right, and state does not list it (S56)."""
    stack = Stack(Account(leaving_lag=1.0).running("a", "b"))
    stack.up("a", "b")
    stack.account.runtime.after(9.0, lambda: stack.account.join("ecu-b"))
    begun = stack.account.runtime.moment
    stack.up("a")
    assert stack.account.writes == ["in b"]
    assert names(stack) == ["i-a"]
    assert stack.account.runtime.moment - begun < 60.0


def test_a_listing_that_never_follows_the_order_is_a_failure_after_a_minute() -> None:
    """A reading that contradicts a successful order for a minute is not believed to be late any more."""
    stack = Stack(Account(leaving_lag=1e6).running("a", "b"))
    stack.up("a", "b")
    with pytest.raises(ChangeError, match=r"still listed 6[0-9] seconds"):
        stack.up("a")
    assert stack.account.writes == ["in b"]


# -- evidence (law 16) -----------------------------------------------------------------------------------------------


def test_a_failed_first_member_is_repaired_after_an_interrupted_repair() -> None:
    """What proves that our scale out failed survives an operation that sent nothing (S61)."""
    stack = Stack(Account(ends=[FAILED]).free("a"))
    stack.account.runtime.after(1.0, lambda: broken(stack.account, "a"))
    with pytest.raises(ChangeError):
        stack.up("a")
    assert stack.recorded.change_order_ids == ("order-1",)
    stack.account.answers = [(LOST, False)] * 2
    with pytest.raises(ChangeError):
        stack.up("a")
    assert "order-1" in stack.recorded.change_order_ids
    assert stack.recorded.unsettled == frozenset({"ecu-a"})
    stack.account.writes.clear()
    stack.up("a")
    assert stack.account.writes == ["in a", "out a"]
    stack.account.writes.clear()
    stack.up("a")
    assert stack.account.writes == []


def broken(account: Account, name: str) -> None:
    """List a machine as a failed join leaves it."""
    account.join(f"ecu-{name}")
    account.set_state(name, MemberState.STOPPED, TaskState.FAILED)


def test_an_operation_that_sends_nothing_keeps_the_recorded_orders() -> None:
    """The orders of the last change explain what happened until another change is sent."""
    stack = Stack(Account().free("a"))
    stack.up("a")
    stack.up("a", timeout_seconds=60)
    assert stack.recorded.change_order_ids == ("order-1",)


# -- ghosts ----------------------------------------------------------------------------------------------------------


def test_a_member_that_a_colleague_removed_just_now_is_not_adopted() -> None:
    """It is still listed, but its scale in has ended: green only when the member is there (S80)."""
    stack = Stack(Account().running("a"))
    account = stack.account
    account.free("z").members["ecu-b"] = account.running("b").members["ecu-b"]
    ecc_id = account.members["ecu-b"].ecc_id
    account.start("Application Scale In", ["b"], seconds=0.0)
    account.runtime.after(20.0, lambda: account.leave(ecc_id))
    stack.up("a", "b")
    assert account.writes == ["out b"]
    assert account.members["ecu-b"].ecc_id != ecc_id


def test_a_member_that_was_added_back_is_adopted_without_waiting() -> None:
    """A later scale out names it, so the older scale in says nothing about it."""
    stack = Stack(Account().running("a", "b"))
    stack.account.start("Application Scale In", ["b"], seconds=0.0)
    stack.account.start("Application Scale Out", ["b"], seconds=0.0)
    begun = stack.account.runtime.moment
    stack.up("a", "b")
    assert stack.account.writes == []
    assert stack.account.runtime.moment - begun < 5.0


def test_the_floor_does_not_count_what_another_operation_of_the_run_removed() -> None:
    """A placement that is still listed, but on its way out, keeps nothing running (S80)."""
    stack = Stack(Account(leaving_lag=40.0).running("a", "b", "c"))
    stack.up("a", "b")
    ecc_id = stack.account.members["ecu-c"].ecc_id
    stack.ownership.note_removed(stack.operation([]).target.scope, [ecc_id], stack.account.runtime.now())
    with pytest.raises(ChangeError, match="minRunning"):
        stack.up("a", min_running=2)
    assert stack.account.writes == []


def test_a_joiner_that_is_not_listed_yet_leaves_with_a_destroy() -> None:
    """A destroy right after a create that timed out waits for its joiner, and scales it in (S63)."""
    stack = Stack(Account(listing_lag=30.0).free("a"))
    with pytest.raises(ChangeError, match="time-out"):
        stack.up("a", timeout_seconds=8)
    assert stack.recorded.unsettled == frozenset({"ecu-a"})
    stack.destroy()
    assert stack.account.writes == ["out a", "in a"]
    assert stack.account.members == {}


def test_a_joiner_that_is_not_listed_yet_leaves_after_the_members_that_are() -> None:
    """The destroy that takes out who is listed does not end with that (S63)."""
    stack = Stack(Account(listing_lag=30.0).running("a").free("b"))
    stack.up("a")
    with pytest.raises(ChangeError, match="time-out"):
        stack.up("a", "b", timeout_seconds=8)
    stack.destroy()
    assert stack.account.writes == ["out b", "in a", "in b"]
    assert stack.account.members == {}


def test_a_joiner_that_is_not_listed_yet_has_the_name_that_the_program_gives_it() -> None:
    """Neither the line that waits for it nor the failure shows an ECU id to a program that lists instances."""
    stack = Stack(Account(listing_lag=1e6).free("a"))
    with pytest.raises(ChangeError) as failure:
        stack.up("a")
    said = [*stack.heard.progressed, failure.value.message]
    assert any("to show what an order did (i-a)" in each for each in said)
    assert "'pulumi up' retries only i-a." in failure.value.message
    assert [each for each in said if "ecu-a" in each] == []


def test_a_joiner_that_never_comes_does_not_hold_up_a_destroy_for_ever() -> None:
    """After a minute without a listing there is nothing to remove."""
    stack = Stack(Account(listing_lag=1e6).free("a"))
    with pytest.raises(ChangeError, match="time-out"):
        stack.up("a", timeout_seconds=8)
    begun = stack.account.runtime.moment
    stack.destroy()
    assert 60.0 <= stack.account.runtime.moment - begun < 75.0


def test_a_joiner_that_never_comes_does_not_outlive_a_short_time_out() -> None:
    """A destroy whose time-out is shorter than the wait for a late listing ends well all the same, just before it."""
    stack = Stack(Account(listing_lag=1e6).free("a"))
    with pytest.raises(ChangeError, match="time-out"):
        stack.up("a", timeout_seconds=8)
    begun = stack.account.runtime.moment
    stack.destroy(timeout_seconds=20)
    assert 14.0 <= stack.account.runtime.moment - begun < 20.0


def test_a_time_out_says_what_was_waited_for() -> None:
    """The time-out passes while a joiner does not run: that is what the failure says."""
    stack = Stack(Account(start_states={"ecu-a": (MemberState.STOPPED, TaskState.SUCCESS)}).free("a"))
    with pytest.raises(
        ChangeError, match=r"time-out of 30 seconds passed\. It was waiting for joined instances to run\."
    ):
        stack.up("a", timeout_seconds=30)


# -- waiting ---------------------------------------------------------------------------------------------------------


def test_a_missing_instance_fails_at_its_join_timeout_by_name() -> None:
    """The clock is the wall's, and nothing was sent (S18)."""
    stack = Stack(Account().running("a"))
    begun = stack.account.runtime.moment
    with pytest.raises(ChangeError, match=r"'i-x' is not in cluster.* Waited 300 seconds"):
        stack.up("a", "x")
    assert 300.0 <= stack.account.runtime.moment - begun < 310.0
    assert stack.account.writes == []


def test_the_join_clock_stands_still_while_an_order_of_the_application_is_active() -> None:
    """A deployment of an hour costs nobody the time for an instance to arrive."""
    stack = Stack(Account().running("a"))
    account = stack.account
    account.runtime.after(50.0, lambda: account.start("Application Deployment", ["a"], seconds=1000.0))
    account.runtime.after(1200.0, lambda: account.free("x"))
    stack.up("a", "x", timeout_seconds=3600)
    assert account.writes == ["out x"]


def claimed(stack: Stack, urn: str, group_id: str, ids: str, *, was: str) -> None:
    """Let a membership of the run say what it lists, and what it listed before."""
    scope = replace(SCOPE, group_id=group_id)
    claim = Claim(urn, scope, frozenset(ids.split()), recorded=frozenset(was.split()))
    assert stack.ownership.record(claim) is None


@pytest.mark.parametrize(
    ("given_up", "words"),
    [(False, "removed from the program may hold it"), (True, "donor gives it up, but Pulumi has not begun")],
)
def test_who_holds_a_missing_instance_is_told_long_before_the_wait_ends(
    *, given_up: bool, words: str
) -> None:
    """After some looks a warning names what stands in the way and the steps that work, once (S62, S86)."""
    stack = Stack(Account().running("a").running("x", group="beta"))
    if given_up:
        claimed(stack, "donor", "beta", "", was="i-x")
    told: list[list[str]] = []
    stack.account.runtime.after(15.0, lambda: told.append(list(stack.heard.warned)))
    with pytest.raises(ChangeError, match="Waited 300 seconds"):
        stack.up("a", "x")
    assert len(told[0]) == len(stack.heard.warned) == 1
    assert words in told[0][0]
    assert "waiting for instances that are not there yet (i-x), 6 s" in stack.heard.progressed


def test_a_holder_that_is_at_work_is_waited_for_without_a_warning() -> None:
    """An instance that moves within a run is on its way, and one that is not imported yet is nobody's."""
    stack = Stack(Account().running("a").running("x", group="beta"))
    claimed(stack, "donor", "beta", "", was="i-x")
    stack.ownership.note_begun("donor")
    with pytest.raises(ChangeError, match="donor gives it up and has not finished"):
        stack.up("a", "x", "y")
    assert stack.heard.warned == []


def test_a_short_join_timeout_does_not_run_out_while_an_order_is_active() -> None:
    """An order that begins with the wait stops the join clock from its first look at the cluster on."""
    stack = Stack(Account().running("a"))
    account = stack.account
    account.runtime.after(1.0, lambda: account.start("Application Deployment", ["a"], seconds=60.0))
    account.runtime.after(40.0, lambda: account.free("x"))
    stack.up("a", "x", join_timeout_seconds=20)
    assert account.writes == ["out x"]


def test_a_joiner_that_edas_still_starts_is_waited_for_without_a_join_timeout() -> None:
    """TaskState 1 is work in progress, also with ``joinTimeoutSeconds: 0`` (S79)."""
    stack = Stack(Account(start_states={"ecu-a": (MemberState.STOPPED, TaskState.PROCESSING)}).free("a"))
    stack.account.runtime.after(200.0, lambda: stack.account.set_state("a", MemberState.RUNNING))
    stack.up("a", join_timeout_seconds=0)
    assert names(stack) == ["i-a"]


def test_an_order_that_starts_the_joiner_is_followed_by_its_name() -> None:
    """Who waits for a start that an order still works on waits for that order, and says which it is."""
    stack = Stack(Account(start_states={"ecu-a": (MemberState.STOPPED, TaskState.PROCESSING)}).free("a"))
    account = stack.account

    def redeploy() -> None:
        ready = partial(account.set_state, "a", MemberState.RUNNING)
        account.start("Deploy Application", ["a"], seconds=200.0, effect=ready)

    account.runtime.after(20.0, redeploy)
    stack.up("a")
    assert any(each.startswith("change order order-2 ") for each in stack.heard.progressed)
    assert account.runtime.moment < 1000.0 + 230.0


def test_a_joiner_whose_start_failed_is_not_waited_for_because_another_starts() -> None:
    """The clock stands still only for the joiner that EDAS still starts."""
    starts = {
        "ecu-a": (MemberState.STOPPED, TaskState.PROCESSING),
        "ecu-b": (MemberState.STOPPED, TaskState.SUCCESS),
    }
    stack = Stack(Account(start_states=starts).free("a", "b"))
    with pytest.raises(ChangeError, match="i-b"):
        stack.up("a", "b", join_timeout_seconds=60)
    assert stack.account.runtime.moment < 1000.0 + 90.0


def test_the_floor_is_waited_for_while_edas_starts_a_joiner() -> None:
    """With ``waitFor: order`` nobody leaves before the joiner counts for the floor (S79)."""
    stack = Stack(
        Account(start_states={"ecu-b": (MemberState.STOPPED, TaskState.PROCESSING)}).running("a").free("b")
    )
    stack.up("a")
    stack.account.runtime.after(100.0, lambda: stack.account.set_state("b", MemberState.RUNNING))
    from pulumi_edas_scale.domain.choices import WaitFor  # noqa: PLC0415 - of this test alone

    stack.up("b", join_timeout_seconds=0, wait_for=WaitFor.ORDER)
    assert stack.account.writes == ["out b", "in a"]


# -- time-outs -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "error", [THROTTLED, NotSentError("ScaleOutApplication", message="connection refused")]
)
def test_a_write_that_is_never_accepted_ends_at_its_time_out_with_the_cause(
    error: ThrottledError | NotSentError,
) -> None:
    """Waiting for the budget counts; the message says why nothing was accepted (S60)."""
    stack = Stack(Account().free("a"))
    stack.account.answers = [(error, False)] * 1000
    with pytest.raises(
        ChangeError, match=r"time-out of 60 seconds passed.*(Throttling.User|connection refused)"
    ) as failure:
        stack.up("a", timeout_seconds=60)
    assert str(failure.value.message).endswith(
        " This operation sent no change order. "
        "'pulumi up' tries again; timeoutSeconds or customTimeouts give it longer."
    )
    assert stack.account.runtime.moment - 1000.0 <= 70.0
    assert any("Trying again" in each for each in stack.heard.progressed)


def test_a_time_out_while_an_instance_is_missing_names_it() -> None:
    """The shorter of the two clocks must not hide what was waited for."""
    stack = Stack(Account().running("a"))
    with pytest.raises(
        ChangeError,
        match=r"time-out of 30 seconds passed.*'i-x' is not in cluster.* This operation sent no change order\.",
    ):
        stack.up("a", "x", timeout_seconds=30)


def test_a_stopped_run_says_that_it_sent_nothing() -> None:
    """After Ctrl-C before the first order, it is told that none was sent."""
    stack = Stack(Account().running("a"))
    stack.account.runtime.after(5.0, lambda: stack.stopped.append(CANCELLED))
    with pytest.raises(ChangeError, match=r"was stopped: .* This operation sent no change order\.$"):
        stack.up("a", "x")


# -- what is said ----------------------------------------------------------------------------------------------------


def test_a_time_out_names_our_order_even_before_it_was_polled() -> None:
    """The order is read once more, and told as it is (S39)."""
    stack = Stack(Account(order_seconds=100.0).free("a"))
    with pytest.raises(
        ChangeError, match=r"time-out of 1 seconds passed\. Change order order-1 is running \(1\)"
    ):
        stack.up("a", timeout_seconds=1)


def test_after_a_freeze_the_order_is_read_before_words_are_chosen() -> None:
    """The process was stopped while the order ended: nothing old is told in the present tense (S85)."""
    stack = Stack(Account(order_seconds=100.0).free("a"))
    stack.account.runtime.after(20.0, lambda: setattr(stack.account.runtime, "moment", 1200.0))
    with pytest.raises(ChangeError) as failure:
        stack.up("a", timeout_seconds=60)
    assert "order-1 has ended as success (2)" in str(failure.value)
    assert "is running (1)" not in str(failure.value)


def test_a_time_out_after_which_nothing_is_left_says_so() -> None:
    """The order ended between the last poll and the last reading: no rest is promised that is not there (S85)."""
    stack = Stack(Account(order_seconds=59.9).free("a"))
    with pytest.raises(
        ChangeError, match=r"Members now: i-a runs\. Nothing is left to do; 'pulumi up' records it"
    ):
        stack.up("a", timeout_seconds=60)


def test_what_cannot_be_read_at_the_end_is_told_with_its_age() -> None:
    """Words about an older reading say how old it is (S85)."""
    stack = Stack(Account(order_seconds=100.0).running("a").free("b"))
    gone = UnavailableError("GetChangeOrderInfo", message="no answer")
    reads = ("GetChangeOrderInfo", "QueryApplicationStatus", "ListRecentChangeOrder")
    stack.account.runtime.after(20.0, lambda: stack.account.refuse_reads.update(dict.fromkeys(reads, gone)))
    with pytest.raises(ChangeError) as failure:
        stack.up("a", "b", timeout_seconds=60)
    words = str(failure.value)
    assert "Change order order-1 was running (1)" in words
    assert "Members as read" in words
    assert "Members now" not in words


def test_a_refusal_after_an_order_does_not_say_that_nothing_was_sent() -> None:
    """Members left before: the message counts them, and does not deny them."""
    stack = Stack(Account().running("a", "b", "c", "d"))
    stack.up("a", "b")
    stack.account.runtime.after(12.0, lambda: stack.account.running("x", "y"))
    with pytest.raises(ChangeError, match=r"maxRemovals is 2\. What was changed before stays") as failure:
        stack.up("a", "b", exclusive=True, batch_size=1, max_removals=2, batch_pause_seconds=10.0)
    assert "Nothing was sent" not in str(failure.value)
    assert "that left before" in str(failure.value)


def test_a_failed_destroy_advises_a_destroy() -> None:
    """The next command is the one that failed."""
    stack = Stack(Account(leaving_lag=1e6).running("a"))
    stack.up("a")
    with pytest.raises(ChangeError, match="'pulumi destroy' does the rest") as failure:
        stack.destroy()
    assert "pulumi up" not in str(failure.value)


def test_a_stopped_change_names_only_the_instances_it_was_about() -> None:
    """Members that stay have nothing to do with it."""
    stack = Stack(Account(order_seconds=100.0).running("a", "b").free("c"))
    stack.account.runtime.after(20.0, lambda: stack.stopped.append(CANCELLED))
    with pytest.raises(ChangeError, match=r"\(i-c\) was stopped"):
        stack.up("a", "b", "c")


def test_the_running_order_is_named_when_a_poll_of_it_fails_for_good() -> None:
    """A permission that is taken away does not hide that our order goes on."""
    from pulumi_edas_scale.domain.errors import PermissionDeniedError  # noqa: PLC0415 - of this test alone

    stack = Stack(Account(order_seconds=100.0).free("a"))
    denied = PermissionDeniedError("GetChangeOrderInfo", "403", "denied")
    stack.account.runtime.after(20.0, lambda: stack.account.refuse_reads.update(GetChangeOrderInfo=denied))
    with pytest.raises(ChangeError, match=r"403 'denied'.*Change order order-1 was running \(1\)"):
        stack.up("a")


def test_a_time_out_shorter_than_the_join_time_out_is_warned_of_once() -> None:
    """Whoever waits for an instance is told which clock ends the wait."""
    stack = Stack(Account().running("a"))
    with pytest.raises(ChangeError):
        stack.up("a", "x", timeout_seconds=30, join_timeout_seconds=90)
    (warning,) = (each for each in stack.heard.warned if "shorter" in each)
    assert "30 seconds" in warning
    assert "joinTimeoutSeconds, 90:" in warning


def test_two_clocks_of_one_length_are_no_reason_to_warn() -> None:
    """The wait for an instance lasts as long as was asked for."""
    stack = Stack(Account().running("a"))
    with pytest.raises(ChangeError):
        stack.up("a", "x", timeout_seconds=90, join_timeout_seconds=90)
    assert not any("shorter" in each for each in stack.heard.warned)


def test_a_write_that_waited_for_its_place_is_decided_again_and_keeps_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What was read before a wait is not fresh any more; the place below the limit is taken once."""
    places: list[str] = []
    whole = Reads.reserve

    def reserve(reads: Reads, operation: str, context: OperationContext) -> bool:
        if not operation.startswith("Scale"):
            return whole(reads, operation, context)
        places.append(operation)
        context.sleep(60.0)
        return True

    monkeypatch.setattr(Reads, "reserve", reserve)
    stack = Stack(Account().free("a"))
    stack.up("a")
    assert places == ["ScaleOutApplication"]
    written = next(moment for moment, name in stack.account.calls if name == "ScaleOutApplication")
    looks = [moment for moment, name in stack.account.calls if name == "ListRecentChangeOrder"]
    assert any(written - 1.0 < moment <= written for moment in looks)


def test_orders_read_since_the_turn_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reading that had to wait for its place began after the turn did, so a write may rest on it."""
    whole = Reads.reserve

    def reserve(reads: Reads, operation: str, context: OperationContext) -> bool:
        context.sleep(0.2)
        return whole(reads, operation, context)

    monkeypatch.setattr(Reads, "reserve", reserve)
    stack = Stack(Account().free("a"))
    stack.up("a")
    before = [name for _, name in stack.account.calls]
    before = before[: before.index("ScaleOutApplication")]
    assert before.count("ListRecentChangeOrder") == 1


def test_a_group_that_goes_with_its_last_member_is_deleted() -> None:
    """The reading after the scale in shows no group: nothing is left to do, and nothing to wait for."""
    stack = Stack(Account().running("a"))
    stack.up("a")
    account = stack.account
    account.before_write = [lambda: setattr(account, "groups", ("beta",))]
    assert stack.destroy().members == ()
    assert account.writes == ["in a"]


def test_a_failure_in_a_group_that_is_gone_promises_no_retry() -> None:
    """Nobody is left who might come up, so none is named and none is remembered."""
    stack = Stack(Account(ends=[FAILED]).free("a"))
    account = stack.account
    account.before_write = [lambda: setattr(account, "groups", ("beta",))]
    with pytest.raises(ChangeError, match="'pulumi up' does the rest"):
        stack.up("a")
    assert not stack.recorded.unsettled


@pytest.mark.parametrize(
    ("groups", "desired", "cluster"),
    [(("web",), "x", "cluster"), (("beta",), "a", ""), (("web",), "a", "")],
    ids=["a missing machine", "a missing group", "a joiner that starts"],
)
def test_who_waits_is_counted_where_he_looks(
    monkeypatch: pytest.MonkeyPatch, groups: tuple[str, ...], desired: str, cluster: str
) -> None:
    """Only who waits for a machine looks at the cluster, so only he slows down others who look there."""
    waiting: set[tuple[str, str]] = set()
    whole = Lookout.waiting

    def note(lookout: Lookout, app_id: str, cluster_id: str) -> AbstractContextManager[None]:
        waiting.add((app_id, cluster_id))
        return whole(lookout, app_id, cluster_id)

    monkeypatch.setattr(Lookout, "waiting", note)
    states = {"ecu-a": (MemberState.UNKNOWN, TaskState.UNKNOWN)}
    stack = Stack(Account(groups=groups, start_states=states).free("a"))
    with suppress(ChangeError):
        stack.up(desired, join_timeout_seconds=20)
    assert waiting == {(SCOPE.app_id, cluster)}


def test_a_destroy_that_cannot_tell_names_its_cluster_and_the_cause() -> None:
    """S73: nothing is forgotten, and the message says what was asked in vain."""
    stack = Stack(Account().running("a"))
    stack.up("a")
    stack.account.gone = True
    stack.account.refuse_reads["GetCluster"] = BusinessError("GetCluster", "601", "no such cluster")
    with pytest.raises(ChangeError, match=r"neither can its recorded cluster cluster: .*EDAS says: \w+"):
        stack.destroy()


# -- what is not there -----------------------------------------------------------------------------------------------


def test_a_destroy_of_an_application_that_is_gone_sends_nothing() -> None:
    """Two witnesses agree that it is gone, so nothing is left to do (law 9)."""
    stack = Stack(Account().free("a"))
    stack.up("a")
    stack.account.gone = True
    assert stack.destroy().members == ()
    assert stack.account.writes == ["out a"]


def test_a_destroy_that_cannot_tell_whether_the_application_is_gone_says_what_to_do() -> None:
    """Without the recorded cluster it may be another account: whoever knows better removes it from state."""
    stack = Stack(Account(gone=True))
    with pytest.raises(ChangeError, match="pulumi state delete"):
        stack.destroy()


def test_a_destroy_of_an_application_that_is_refused_and_still_listed_fails() -> None:
    """One witness is not enough: what is listed is there, so its members are not forgotten (law 8)."""
    stack = Stack(Account().running("a"))
    stack.up("a")
    stack.account.refuse_reads["QueryApplicationStatus"] = BusinessError(
        "QueryApplicationStatus", "601", "not now"
    )
    with pytest.raises(ChangeError, match="not now"):
        stack.destroy()
    assert stack.account.writes == []


def test_an_application_that_goes_while_its_members_leave_is_gone() -> None:
    """A destroy that waits for the listing finds the application gone, and ends well."""
    stack = Stack(Account(leaving_lag=1e6).running("a"))
    stack.up("a")
    stack.account.runtime.after(30.0, lambda: setattr(stack.account, "gone", True))
    assert stack.destroy().members == ()
    assert stack.account.writes == ["in a"]


def test_an_application_that_goes_during_an_update_is_a_failure() -> None:
    """An update has something to reach, which nobody can reach any more."""
    stack = Stack(Account().running("a"))
    stack.account.runtime.after(30.0, lambda: setattr(stack.account, "gone", True))
    with pytest.raises(ChangeError, match="not exist"):
        stack.up("a", "x")


def test_a_destroy_of_a_group_that_is_gone_sends_nothing() -> None:
    """A good reading of the application that does not list the group is all there is to know (law 9)."""
    stack = Stack(Account().free("a"))
    stack.up("a")
    stack.account.groups = ("beta",)
    assert stack.destroy().members == ()
    assert stack.account.writes == ["out a"]


def test_a_group_that_was_just_created_is_waited_for() -> None:
    """EDAS shows a new group some seconds late."""
    stack = Stack(Account(groups=("beta",)).free("a"))
    stack.account.runtime.after(5.0, lambda: setattr(stack.account, "groups", ("beta", "web")))
    stack.up("a")
    assert names(stack) == ["i-a"]


def test_a_group_that_does_not_come_is_a_failure_after_some_seconds() -> None:
    """It is named, and nothing was sent."""
    stack = Stack(Account(groups=("beta",)).free("a"))
    begun = stack.account.runtime.moment
    with pytest.raises(ChangeError, match="web"):
        stack.up("a")
    assert 10.0 <= stack.account.runtime.moment - begun < 15.0
    assert stack.account.writes == []


@pytest.mark.parametrize("refused", [False, True])
def test_an_application_on_kubernetes_is_refused(*, refused: bool) -> None:
    """Pods are not ECS instances; EDAS may not even tell about such an application."""
    stack = Stack(Account(cluster_type=5).free("a"))
    if refused:
        stack.account.refuse_reads["QueryApplicationStatus"] = BusinessError(
            "QueryApplicationStatus", "601", "x"
        )
    with pytest.raises(ChangeError, match="Kubernetes"):
        stack.up("a")
    assert stack.account.writes == []


def test_an_application_that_is_refused_and_not_on_kubernetes_is_told_as_refused() -> None:
    """The question about its cluster changes nothing about the failure."""
    stack = Stack(Account().free("a"))
    stack.account.refuse_reads["QueryApplicationStatus"] = BusinessError(
        "QueryApplicationStatus", "601", "no application"
    )
    with pytest.raises(ChangeError, match="no application"):
        stack.up("a")


def test_ids_that_cannot_be_right_are_told_by_their_paths() -> None:
    """One machine in both spellings is an error of the program; nothing is sent."""
    stack = Stack(Account().running("a"))
    with pytest.raises(InputError, match=r"instanceIds\[1\]"):
        stack.up("a", "a")
    assert stack.account.writes == []


def test_one_machine_in_two_memberships_by_its_two_ids_is_refused() -> None:
    """S52: another membership of the group lists the machine by its ECU id: both are named, and nothing is sent."""
    stack = Stack(Account().free("a", "b"))
    stack.ownership.record(Claim("urn:other", SCOPE, frozenset({"ecu-b"})))
    with pytest.raises(
        InputError, match=r"instanceIds\[1\]: 'i-b' is the same machine as 'ecu-b'.*by urn:other"
    ):
        stack.up("a", "b")
    assert stack.account.writes == []


def test_the_two_ids_of_a_machine_in_two_groups_are_a_conflict() -> None:
    """A machine is in one group at a time, whatever the memberships that list it call it."""
    stack = Stack(Account().free("a"))
    stack.ownership.record(Claim("urn:other", replace(SCOPE, group_id="beta"), frozenset({"ecu-a"})))
    with pytest.raises(
        InputError, match="'i-a' is the same machine as 'ecu-a', which is also listed by urn:other"
    ):
        stack.up("a")
    assert stack.account.writes == []


def test_a_machine_found_in_two_memberships_after_an_order_is_told_with_what_is_true() -> None:
    """The other membership is checked while our order runs: the failure keeps in state what the order did."""
    stack = Stack(Account().free("a", "b"))
    other = Claim("urn:other", SCOPE, frozenset({"ecu-b"}))
    stack.account.before_write.append(lambda: stack.ownership.record(other))
    with pytest.raises(ChangeError, match="'i-b' is the same machine as 'ecu-b'") as caught:
        stack.up("a", "b", batch_size=1)
    assert caught.value.outcome is not None
    assert names(stack) == ["i-a"]


def test_a_circle_that_closes_while_an_instance_is_awaited_ends_the_wait() -> None:
    """Another membership starts to wait for what this one releases: neither can ever begin."""
    stack = Stack(Account().running("a").running("x", group="beta"))
    account, beta = stack.account, replace(SCOPE, group_id="beta")
    mine = Claim("web", SCOPE, frozenset({"i-x"}), frozenset({"i-a"}))
    other = Claim("beta", beta, frozenset({"i-a"}), frozenset({"i-x"}))
    stack.up("a")
    stack.ownership.record(mine)
    account.runtime.after(20.0, lambda: stack.ownership.record(other))
    begun = account.runtime.moment
    with pytest.raises(ChangeError, match="exchange instances"):
        stack.up("x")
    assert account.runtime.moment - begun < 60.0
    assert account.writes == []


# -- other operations ------------------------------------------------------------------------------------------------


def test_somebody_elses_order_is_waited_for_before_anything_is_sent() -> None:
    """EDAS runs one order of an application at a time."""
    stack = Stack(Account().free("a"))
    stack.account.start("Application Deployment", ["z"], seconds=50.0)
    begun = stack.account.runtime.moment
    stack.up("a")
    sent = next(moment for moment, name in stack.account.calls if name == "ScaleOutApplication")
    assert sent - begun >= 50.0
    assert stack.account.writes == ["out a"]


def test_a_scale_in_waits_for_the_questions_of_the_run() -> None:
    """The resource the engine asks about next may list what would leave (S53)."""
    stack = Stack(Account().running("a", "b"))
    stack.up("a", "b")
    account = stack.account
    stack.ownership.question_begins()

    def answer() -> None:
        stack.ownership.record(Claim("other", SCOPE, frozenset({"i-b"})))
        stack.ownership.question_ends(account.runtime.moment)

    account.runtime.after(30.0, answer)
    stack.up("a")
    assert account.writes == []


def test_members_that_another_membership_lists_stay_in_place() -> None:
    """Both the order and the recorded members leave them to the other one (S53)."""
    stack = Stack(Account().running("a", "b"))
    stack.up("a", "b")
    stack.ownership.record(Claim("other", SCOPE, frozenset({"i-b"})))
    stack.account.runtime.wait(10.0)
    stack.up("a")
    assert stack.account.writes == []
    assert names(stack) == ["i-a"]


def test_the_floor_of_another_membership_holds_for_a_destroy() -> None:
    """A delete has no floor of its own, but that of whoever stays in the group."""
    stack = Stack(Account().running("a", "b"))
    stack.up("a")
    stack.ownership.record(Claim("other", SCOPE, frozenset({"i-b"}), min_running=2))
    stack.account.runtime.wait(10.0)
    with pytest.raises(ChangeError, match="minRunning"):
        stack.destroy()
    assert stack.account.writes == []


def test_a_failed_update_keeps_the_members_that_have_not_left() -> None:
    """The scale in failed, so both are members still, and the next run takes the rest out."""
    stack = Stack(Account(ends=[FAILED]).running("a", "b"))
    stack.up("a", "b")
    with pytest.raises(ChangeError, match="failed"):
        stack.up("a")
    assert names(stack) == ["i-a", "i-b"]
    stack.up("a")
    assert names(stack) == ["i-a"]
    assert stack.account.writes == ["in b", "in b"]


def test_leavers_that_do_not_run_go_first_and_silent_ones_last() -> None:
    """Whoever costs no capacity leaves before whoever does; an agent that is off could hold up the others."""
    stack = Stack(Account().running("a", "b", "c", "d"))
    stack.up("a", "b", "c", "d")
    stack.account.set_state("c", MemberState.STOPPED)
    stack.account.set_state("b", MemberState.AGENT_OFF)
    stack.up("a", batch_size=1)
    assert stack.account.writes == ["in c", "in d", "in b"]


def test_the_deadline_is_one_for_all_turns() -> None:
    """An operation that gives its turn away and waits again has the same end in sight."""
    stack = Stack(Account().running("a"))
    account = stack.account
    for moment in range(20, 400, 40):
        account.runtime.after(moment, lambda: account.start("Application Deployment", ["a"], seconds=10.0))
    begun = account.runtime.moment
    with pytest.raises(ChangeError, match="time-out of 100 seconds"):
        stack.up("a", "x", timeout_seconds=100)
    assert 100.0 <= account.runtime.moment - begun < 111.0


def test_a_decision_rests_on_a_reading_that_no_order_came_after() -> None:
    """A member left after it was read: the floor is that of a new reading (law 6)."""
    stack = Stack(Account().running("a", "b", "c"))
    stack.up("a", "b")
    operation = stack.operation(["a"], min_running=2)
    account, reads = stack.account, operation.session.reads
    reads.change_orders("app", operation.context)
    reads.application("app", operation.context, begun_after=account.runtime.now())
    account.runtime.wait(1.0)
    account.start("Application Reset", ["c"], seconds=0.0)
    account.leave(account.members["ecu-c"].ecc_id)
    from pulumi_edas_scale.operations.reconcile import Reconciler  # noqa: PLC0415 - run by hand, once

    with pytest.raises(ChangeError, match="minRunning"):
        Reconciler(operation).run()
    assert account.writes == []


def test_a_group_that_was_never_deployed_is_told_once() -> None:
    """Its joiners stay stopped: that is no failure, and is said."""
    starts = {"ecu-a": (MemberState.STOPPED, TaskState.SUCCESS)}
    stack = Stack(Account(deployed=False, start_states=starts).free("a"))
    stack.up("a")
    assert names(stack) == ["i-a"]
    assert len([each for each in stack.heard.warned if "deployed" in each]) == 1


# -- aborts ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (DeadlineExceeded(), "not answered within"),
        (BusinessError("AbortChangeOrder", "601", "too late"), "could not be aborted.*too late"),
    ],
)
def test_an_abort_that_fails_is_told(error: Exception, words: str) -> None:
    """What is not known to be aborted is not called so."""
    stack = Stack(Account(order_seconds=100.0).free("a"), abort_on_stop=True)
    stack.account.refuse_writes["AbortChangeOrder"] = error  # type: ignore[assignment] # a deadline is a sign
    stack.account.runtime.after(20.0, lambda: stack.stopped.append(CANCELLED))
    with pytest.raises(ChangeError, match=words):
        stack.up("a")


def test_an_order_that_has_ended_is_not_aborted() -> None:
    """The user cancels when the order is over and only its poll is due."""
    stack = Stack(Account(order_seconds=100.0).free("a"), abort_on_stop=True)
    order = stack.account.orders

    def end_and_stop() -> None:
        order["order-1"].ends_at = stack.account.runtime.moment
        stack.stopped.append(CANCELLED)

    stack.account.runtime.after(20.0, end_and_stop)
    with pytest.raises(ChangeError, match="has ended as success"):
        stack.up("a")
    assert stack.account.writes == ["out a"]


def test_with_detach_a_cancel_leaves_our_order_alone() -> None:
    """``onCancel: detach`` is the default: the order goes on, and the next run waits for it."""
    stack = Stack(Account(order_seconds=100.0).free("a"))
    stack.account.runtime.after(20.0, lambda: stack.stopped.append(CANCELLED))
    with pytest.raises(ChangeError, match="goes on in EDAS"):
        stack.up("a")
    assert stack.account.writes == ["out a"]


# -- turns and joiners -----------------------------------------------------------------------------------------------


def test_a_place_in_our_own_queue_is_told() -> None:
    """Whoever waits for another membership of the application says how many are before it."""
    stack = Stack(Account().free("a"))
    operation, first = stack.operation(["a"]), ExitStack()
    first.enter_context(operation.session.queue.hold("app", operation.context, lambda _: None))
    stack.account.runtime.after(50.0, first.close)
    from pulumi_edas_scale.operations.reconcile import Reconciler  # noqa: PLC0415 - run by hand, once

    Reconciler(operation).run()
    assert any("before" in each and "app" in each for each in stack.heard.progressed)


def test_a_group_that_goes_while_an_instance_is_awaited_is_named() -> None:
    """What is missing now is the group, whatever was waited for before."""
    stack = Stack(Account().running("a"))
    stack.up("a")
    stack.account.runtime.after(30.0, lambda: setattr(stack.account, "groups", ("beta",)))
    begun = stack.account.runtime.moment
    with pytest.raises(ChangeError) as failure:
        stack.up("a", "x")
    assert "i-x" not in str(failure.value)
    assert stack.account.runtime.moment - begun < 60.0


@pytest.mark.parametrize("desired", [True, False])
def test_members_that_stopped_by_themselves_do_not_hasten_the_end_of_a_join(*, desired: bool) -> None:
    """EDAS still starts the joiner: that a neighbour stays stopped says nothing about it."""
    starts = {"ecu-a": (MemberState.STOPPED, TaskState.PROCESSING)}
    stack = Stack(Account(start_states=starts).running("y", "z").free("a"))
    stay = ["y", "z"] if desired else ["y"]
    stack.up(*stay)
    stack.account.set_state("z", MemberState.STOPPED)
    stack.account.runtime.after(100.0, lambda: stack.account.set_state("a", MemberState.RUNNING))
    stack.up(*stay, "a", join_timeout_seconds=0)
    assert "i-a" in names(stack)


def test_a_joiner_that_may_still_come_is_recorded_when_a_destroy_fails() -> None:
    """The next destroy must wait for it as well, though the program lists it no longer (S63)."""
    stack = Stack(Account(listing_lag=1e6).running("b").free("a"))
    with pytest.raises(ChangeError, match="time-out"):
        stack.up("b", "a", timeout_seconds=8)
    assert stack.recorded.unsettled == frozenset({"ecu-a"})
    stack.account.ends = [FAILED]
    with pytest.raises(ChangeError, match="failed"):
        stack.destroy()
    assert stack.recorded.unsettled == frozenset({"ecu-a"})


# -- adopted members that EDAS still starts (S79) ----------------------------------------------------------------------


def starting(*names: str, seconds: float) -> Stack:
    """Return an account with a running member i-a, and others that EDAS starts for so many seconds."""
    stack = Stack(Account().running("a", *names))
    for name in names:
        stack.account.set_state(name, MemberState.STOPPED, TaskState.PROCESSING)
        stack.account.runtime.after(seconds, partial(stack.account.set_state, name, MemberState.RUNNING))
    return stack


@pytest.mark.parametrize("join_timeout_seconds", [0, 300])
def test_s79_an_adopted_member_that_edas_starts_is_waited_for(join_timeout_seconds: int) -> None:
    """A create after a killed one ends when the members run that the killed one had brought in, without an order."""
    stack = starting("b", seconds=400.0)
    begun = stack.account.runtime.moment
    made = stack.up("a", "b", join_timeout_seconds=join_timeout_seconds)
    assert made.running_count == 2
    assert 400.0 <= stack.account.runtime.moment - begun < 420.0
    assert stack.account.writes == []
    assert stack.heard.warned == []
    assert any(
        "adopted members to run, which EDAS still starts (i-b)" in each for each in stack.heard.progressed
    )


def test_s79_one_that_never_ends_to_start_is_adopted_with_a_warning() -> None:
    """It is a member all the same: the create ends well before its time-out, and says who does not run."""
    stack = starting("b", seconds=10_000.0)
    begun = stack.account.runtime.moment
    made = stack.up("a", "b", timeout_seconds=60)
    assert [each.instance_id for each, _ in made.members] == ["i-a", "i-b"]
    assert stack.account.runtime.moment - begun < 60.0
    (warning,) = stack.heard.warned
    assert "i-b is listed but does not run (AppState 1). An adoption starts nothing" in warning


def test_s79_with_wait_for_order_nobody_is_waited_for() -> None:
    """``waitFor: order`` asks for members, not for running ones; that they do not run is said."""
    stack = starting("b", seconds=400.0)
    begun = stack.account.runtime.moment
    stack.up("a", "b", wait_for=WaitFor.ORDER)
    assert stack.account.runtime.moment - begun < 5.0
    assert len(stack.heard.warned) == 1


def test_s16_nobody_leaves_for_an_adopted_member_that_does_not_run_yet() -> None:
    """A swap that was killed after its scale out goes on as if it had not been: who leaves waits for who joined."""
    stack = Stack(Account().running("a", "b"))
    stack.up("a", "b")
    stack.account.running("c").set_state("c", MemberState.STOPPED, TaskState.PROCESSING)
    stack.account.runtime.after(90.0, lambda: stack.account.set_state("c", MemberState.RUNNING))
    running: list[Member] = []
    stack.account.before_write.append(
        lambda: running.extend(each for each in stack.account.members.values() if each.runs)
    )
    stack.up("a", "c")
    assert stack.account.writes == ["in b"]
    assert len(running) == 3


def test_s16_a_swap_ends_at_its_time_out_rather_than_to_take_out_the_other() -> None:
    """Where the adopted member never runs, nobody leaves for it, and the failure says what was waited for."""
    stack = Stack(Account().running("a", "b"))
    stack.up("a", "b")
    stack.account.running("c").set_state("c", MemberState.STOPPED, TaskState.PROCESSING)
    with pytest.raises(
        ChangeError, match="It was waiting for adopted members to run, which EDAS still starts"
    ):
        stack.up("a", "c", timeout_seconds=60)
    assert stack.account.writes == []


def test_an_adopted_member_that_is_stopped_is_told_and_left_alone() -> None:
    """Starting an application is not our business; a member of a group that was never deployed has its own words."""
    stack = Stack(Account().running("a", "b"))
    stack.account.set_state("b", MemberState.STOPPED)
    stack.up("a", "b")
    assert [getattr(each, "code", "") for each in stack.heard.warned] == ["ES505"]
    fresh = Stack(Account(deployed=False).running("a"))
    fresh.account.set_state("a", MemberState.STOPPED)
    fresh.up("a")
    assert [getattr(each, "code", "") for each in fresh.heard.warned] == ["ES503"]
    assert stack.account.writes == fresh.account.writes == []


# -- the questions of the engine (law 14) -----------------------------------------------------------------------------


def asked(seconds: float) -> Stack:
    """Return members i-a and i-b, while another provider process answers a question for so many seconds."""
    run = MemoryRun()
    stack = Stack(Account().running("a", "b"), ownership=Ownership(MemoryLog(run)))
    stack.up("a", "b")
    other = Ownership(MemoryLog(run))
    other.question_begins()
    runtime = stack.account.runtime
    runtime.after(seconds, lambda: other.question_ends(runtime.now()))
    return stack


def test_a_scale_in_waits_for_a_long_question_and_says_so() -> None:
    """Another resource may be previewed for minutes: a line says what is waited for, every ten seconds."""
    stack = asked(60.0)
    moments = [stack.account.runtime.moment]
    hear = stack.heard.progress

    def keep_moment(text: str) -> None:
        moments.append(stack.account.runtime.moment)
        hear(text)

    stack.heard.progress = keep_moment  # type: ignore[method-assign]
    stack.up("a")
    assert stack.account.writes == ["in b"]
    assert max(after - before for before, after in pairwise(moments)) < 10.0
    assert any("waiting for Pulumi to have its answers" in each for each in stack.heard.progressed)


def test_a_frozen_process_ends_a_scale_in_at_its_time_out() -> None:
    """A process that never answers keeps its question open: the failure names what was waited for, nothing is sent."""
    stack = asked(10_000.0)
    with pytest.raises(
        ChangeError, match="It was waiting for Pulumi to have its answers about all resources"
    ):
        stack.up("a", timeout_seconds=60)
    assert stack.account.writes == []


# -- the floor and the kind of cluster ------------------------------------------------------------------------------


def test_nobody_leaves_before_a_joiner_that_is_only_listed_runs() -> None:
    """With ``waitFor: order`` a joiner is done when it is listed; the floor waits until it counts."""
    stack = Stack(
        Account(start_states={"ecu-b": (MemberState.STOPPED, TaskState.SUCCESS)}).running("a").free("b")
    )
    stack.up("a")
    account = stack.account
    account.runtime.after(100.0, lambda: account.set_state("b", MemberState.RUNNING))
    stack.up("b", wait_for=WaitFor.ORDER)
    assert account.writes == ["out b", "in a"]
    assert account.runtime.moment > 1100.0
    assert any(
        "because of minRunning (i-b)" in each or "because of minRunning" in each
        for each in stack.heard.progressed
    )


def test_the_wait_for_the_floor_ends_with_the_join_time_out() -> None:
    """Then nobody has left, and the joiner that does not run is named."""
    stack = Stack(
        Account(start_states={"ecu-b": (MemberState.STOPPED, TaskState.SUCCESS)}).running("a").free("b")
    )
    stack.up("a")
    with pytest.raises(ChangeError, match="i-b"):
        stack.up("b", wait_for=WaitFor.ORDER, join_timeout_seconds=60)
    assert stack.account.writes == ["out b"]


def test_an_application_on_kubernetes_is_refused_before_its_group_is_waited_for() -> None:
    """A create and an update without members learn it at once; who has members knows its cluster, and asks nothing."""
    stack = Stack(Account(cluster_type=3, groups=()).free("a"))
    with pytest.raises(ChangeError, match="Kubernetes"):
        stack.up("a")
    assert stack.account.runtime.moment == 1000.0
    usual = Stack(Account().free("a"))
    usual.up("a")
    usual.account.calls.clear()
    usual.up("a")
    assert usual.account.count("GetCluster") == usual.account.count("ListApplication") == 0


def test_who_cannot_tell_whether_its_application_is_gone_says_what_edas_said() -> None:
    """A destroy with another account's credentials forgets nothing."""
    stack = Stack(Account().free("a"))
    stack.up("a")
    stack.account.gone = True
    stack.account.refuse_reads["GetCluster"] = BusinessError("GetCluster", "403", "not yours")
    with pytest.raises(ChangeError, match="not yours"):
        stack.destroy()
    stack.recorded = replace(stack.recorded, cluster_id="")
    with pytest.raises(ChangeError, match="application not exist"):
        stack.destroy()
