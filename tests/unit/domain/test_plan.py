from __future__ import annotations

from dataclasses import replace

from pulumi_edas_scale.domain.model import MemberState, Policy, TaskState
from pulumi_edas_scale.domain.plan import History, Order, OrderKind, PlanInput, Refusal, breaks_floor, decide
from pulumi_edas_scale.domain.resolution import Absent, Cause
from tests.unit.readings import application, listed, member


def plan_input(**changes: object) -> PlanInput:
    """Return a situation of group-1 in which a and b are managed members that run."""
    given: dict[str, object] = {
        "group_id": "group-1",
        "live": application(member("a"), member("b")),
        "desired": frozenset({"ecu-a", "ecu-b"}),
        "managed": frozenset({"ecu-a", "ecu-b"}),
        **changes,
    }
    return PlanInput(**given)  # type: ignore[arg-type] # the fields by name


def test_nothing_to_do_is_an_empty_plan() -> None:
    """Where the members are the desired ones, nobody is in an order and nothing changes."""
    plan = decide(plan_input())
    assert plan.orders == ()
    assert not plan.changes_membership
    assert plan.removals == 0
    assert (plan.running_now, plan.lowest_running, plan.finally_running) == (2, 2, 2)


def test_a_swap_goes_out_before_in() -> None:
    """The new one joins first, and then the old one leaves by its ECC."""
    plan = decide(plan_input(desired=frozenset({"ecu-a", "ecu-c"}), ready=frozenset({"ecu-c"})))
    assert plan.orders == (
        Order(OrderKind.SCALE_OUT, ("ecu-c",)),
        Order(OrderKind.SCALE_IN, ("ecu-b",), ("ecc-b",)),
    )
    assert plan.changes_membership


def test_an_accepted_joiner_that_is_not_listed_is_awaited() -> None:
    """A reading may lag behind an order: its joiner is awaited, not ordered again, and nobody leaves meanwhile."""
    done = History().after(Order(OrderKind.SCALE_OUT, ("ecu-c",)))
    plan = decide(plan_input(desired=frozenset({"ecu-a", "ecu-c"}), ready=frozenset({"ecu-c"}), history=done))
    assert plan.awaited == ("ecu-c",)
    assert plan.join == ()
    assert plan.next_order is None


def test_a_member_that_left_by_an_accepted_order_is_vanishing() -> None:
    """A reading may lag behind a scale in: the member is in no second order."""
    done = History().after(Order(OrderKind.SCALE_IN, ("ecu-b",), ("ecc-b",)))
    plan = decide(plan_input(desired=frozenset({"ecu-a"}), history=done))
    assert [each.ecu_id for each in plan.vanishing] == ["ecu-b"]
    assert plan.orders == ()


def test_an_absent_instance_changes_membership_and_stops_everything() -> None:
    """While a listed instance is not there nothing is sent, but the preview says that something will be."""
    missing = Absent(listed("i-z")[0], Cause.NOT_IN_CLUSTER)
    plan = decide(plan_input(desired=frozenset({"ecu-a"}), absent=(missing,)))
    assert plan.changes_membership
    assert plan.next_order is None


def test_a_failed_join_is_repaired_by_one_pair() -> None:
    """A member whose join failed is taken out and added again, beside one that runs."""
    broken = member("b", MemberState.STOPPED, task=TaskState.FAILED)
    plan = decide(
        plan_input(live=application(member("a"), broken), unsettled=frozenset({"ecu-b"}), policy=Policy())
    )
    assert plan.orders == (
        Order(OrderKind.SCALE_IN, ("ecu-b",), ("ecc-b",), repair=True),
        Order(OrderKind.SCALE_OUT, ("ecu-b",), repair=True),
    )
    assert plan.removals == 0


def test_a_member_that_was_added_again_leaves_once_in_an_operation() -> None:
    """Its scale in was accepted and it came back under another ECC: not even ``exclusive`` sends it out again."""
    done = History().after(Order(OrderKind.SCALE_IN, ("ecu-b",), ("ecc-before",)))
    plan = decide(plan_input(desired=frozenset({"ecu-a"}), history=done, policy=Policy(exclusive=True)))
    assert plan.orders == ()
    assert [each.ecu_id for each in plan.foreign] == ["ecu-b"]


def test_a_delete_leaves_foreign_members_alone() -> None:
    """``exclusive`` is about what the group must hold; who deletes wants nothing of it any more."""
    plan = decide(
        plan_input(
            live=application(member("a"), member("c")),
            desired=frozenset(),
            managed=frozenset({"ecu-a"}),
            policy=Policy(exclusive=True),
            deleting=True,
        )
    )
    assert [order.ecu_ids for order in plan.orders] == [("ecu-a",)]
    assert plan.evict == ()


def test_a_member_that_was_left_as_it_was_is_no_failed_join() -> None:
    """It was seen running under this ECC, or an operation that ended well left it so: stopping is not ours to mend."""
    stopped = member("b", MemberState.STOPPED, task=TaskState.FAILED)
    situation = {"live": application(member("a"), stopped)}
    assert decide(plan_input(**situation, settled={"ecu-b": "ecc-b"})).orders == ()
    assert decide(plan_input(**situation, settled={"ecu-b": "ecc-before"})).orders != ()


def test_a_bad_deployment_is_not_repaired_machine_by_machine() -> None:
    """Where nobody runs, the deployment may be bad, unless an order of ours is known to have failed."""
    down = [member(name, MemberState.STOPPED, task=TaskState.FAILED) for name in "ab"]
    assert decide(plan_input(live=application(*down))).orders == ()
    repaired = decide(plan_input(live=application(*down), our_scale_out_failed=True)).orders
    assert [order.kind for order in repaired] == [OrderKind.SCALE_IN, OrderKind.SCALE_OUT]


# -- what forbids a plan, to the last member ------------------------------------------------------------------------


def test_the_floor_is_kept_to_the_last_member() -> None:
    """Exactly ``minRunning`` may be left, and one fewer may not; who does not run cannot break the floor."""
    leaving = {"desired": frozenset({"ecu-a"}), "live": application(member("a"), member("b"))}
    assert decide(plan_input(**leaving, policy=Policy(min_running=1))).refusals == ()
    assert decide(plan_input(**leaving, policy=Policy(min_running=2))).refusals == (Refusal.MIN_RUNNING,)
    stopped = member("b", MemberState.STOPPED)
    plan = decide(
        plan_input(
            desired=frozenset({"ecu-a"}), live=application(member("a"), stopped), policy=Policy(min_running=2)
        )
    )
    assert plan.refusals == ()


def test_removals_are_counted_to_the_last_member() -> None:
    """Exactly ``maxRemovals`` may leave; what this operation has removed counts, and a delete has no such limit."""
    both = {"desired": frozenset[str]()}
    assert decide(plan_input(**both, policy=Policy(min_running=0, max_removals=2))).refusals == ()
    assert decide(plan_input(**both, policy=Policy(min_running=0, max_removals=1))).refusals == (
        Refusal.MAX_REMOVALS,
    )
    assert (
        decide(plan_input(**both, policy=Policy(min_running=0, max_removals=1), deleting=True)).refusals == ()
    )
    assert decide(plan_input(policy=Policy(min_running=0, max_removals=0))).refusals == ()
    done = History().after(Order(OrderKind.SCALE_IN, ("ecu-z",), ("ecc-z",)))
    one = {"desired": frozenset({"ecu-a"}), "history": done}
    assert decide(plan_input(**one, policy=Policy(min_running=0, max_removals=2))).refusals == ()
    assert decide(plan_input(**one, policy=Policy(min_running=0, max_removals=1))).refusals == (
        Refusal.MAX_REMOVALS,
    )


def test_what_unknown_ids_may_still_turn_out_to_be_is_a_doubt() -> None:
    """Each of them may be a member that would leave; only what is sure for every value is refused."""
    leaving = {"desired": frozenset[str](), "managed": frozenset({"ecu-a", "ecu-b"})}
    plan = decide(plan_input(**leaving, policy=Policy(min_running=2), unknown_ids=1))
    assert (plan.refusals, plan.doubts) == ((), (Refusal.MIN_RUNNING,))
    plan = decide(plan_input(**leaving, policy=Policy(min_running=2), unknown_ids=None))
    assert (plan.refusals, plan.doubts) == ((), (Refusal.MIN_RUNNING,))
    plan = decide(plan_input(**leaving, policy=Policy(min_running=0, max_removals=0), unknown_ids=1))
    assert (plan.refusals, plan.doubts) == ((Refusal.MAX_REMOVALS,), ())
    for unknown in (2, None):
        plan = decide(
            plan_input(**leaving, policy=Policy(min_running=0, max_removals=0), unknown_ids=unknown)
        )
        assert (plan.refusals, plan.doubts) == ((), (Refusal.MAX_REMOVALS,))


def test_a_scale_in_that_leaves_too_few_running_breaks_the_floor() -> None:
    """Counted are the running members of that group which are no ghosts; a scale out breaks no floor."""
    live = application(
        member("a"), member("b"), member("c", group_id="group-2"), member("d", MemberState.STOPPED)
    )
    take_b = Order(OrderKind.SCALE_IN, ("ecu-b",), ("ecc-b",))
    assert not breaks_floor(take_b, live, "group-1", 1)
    assert breaks_floor(take_b, live, "group-1", 2)
    assert breaks_floor(take_b, live, "group-1", 1, {"ecc-a"})
    assert not breaks_floor(Order(OrderKind.SCALE_IN, ("ecu-d",), ("ecc-d",)), live, "group-1", 5)
    assert not breaks_floor(Order(OrderKind.SCALE_IN, ("ecu-c",), ("ecc-c",)), live, "group-1", 5)
    assert not breaks_floor(Order(OrderKind.SCALE_OUT, ("ecu-b",)), live, "group-1", 5)


# -- who, in which order --------------------------------------------------------------------------------------------


def test_who_does_not_run_leaves_first_and_who_is_silent_last() -> None:
    """Among equals by ECU id, in the lists that are shown and in the orders that are sent."""
    live = application(
        member("a"), member("b"), member("c", MemberState.STOPPED), member("d", online=False), member("e")
    )
    managed = frozenset({"ecu-a", "ecu-b", "ecu-c", "ecu-d"})
    plan = decide(
        plan_input(live=live, desired=frozenset({"ecu-e"}), managed=managed, policy=Policy(batch_size=2))
    )
    assert [each.ecu_id for each in plan.leave] == ["ecu-c", "ecu-a", "ecu-b", "ecu-d"]
    assert [each.ecu_ids for each in plan.orders] == [("ecu-c", "ecu-a"), ("ecu-b",), ("ecu-d",)]
    exclusive = Policy(exclusive=True)
    plan = decide(plan_input(live=live, desired=frozenset({"ecu-e"}), managed=frozenset(), policy=exclusive))
    assert [each.ecu_id for each in plan.evict] == ["ecu-c", "ecu-a", "ecu-b", "ecu-d"]


def test_an_accepted_order_is_remembered_as_what_it_was() -> None:
    """A scale out, a scale in, and both halves of a repair are told apart; nothing is forgotten."""
    done = History(
        frozenset({"out"}), frozenset({"in"}), frozenset({"again"}), frozenset({"broken"}), frozenset({"ecc"})
    )
    cases = (
        (Order(OrderKind.SCALE_OUT, ("x",)), {"scaled_out": done.scaled_out | {"x"}}),
        (Order(OrderKind.SCALE_OUT, ("x",), repair=True), {"repair_out": done.repair_out | {"x"}}),
        (
            Order(OrderKind.SCALE_IN, ("x",), ("ecc-x",)),
            {"scaled_in": done.scaled_in | {"x"}, "removed": done.removed | {"ecc-x"}},
        ),
        (
            Order(OrderKind.SCALE_IN, ("x",), ("ecc-x",), repair=True),
            {"repair_in": done.repair_in | {"x"}, "removed": done.removed | {"ecc-x"}},
        ),
    )
    for order, changed in cases:
        assert done.after(order) == replace(done, **changed)


def test_nobody_is_repaired_in_a_group_that_is_gone_or_was_never_deployed() -> None:
    """Nor by a delete: there is nothing to bring up."""
    broken = member("b", MemberState.STOPPED, task=TaskState.FAILED)
    unsettled = {"unsettled": frozenset({"ecu-b"})}
    members = (member("a"), broken)
    assert decide(plan_input(**unsettled, live=application(*members))).orders
    assert decide(plan_input(**unsettled, live=application(*members, deployed=False))).orders == ()
    gone = replace(application(*members), groups=())
    assert decide(plan_input(**unsettled, live=gone)).orders == ()
    assert all(
        not each.repair
        for each in decide(plan_input(**unsettled, live=application(*members), deleting=True)).orders
    )


def test_the_numbers_of_a_plan_count_who_comes_and_who_goes() -> None:
    """Joiners, absent ones and unknown ids come; a joiner that is not listed yet is a member already."""
    missing = Absent(listed("i-z")[0], Cause.NOT_IN_CLUSTER)
    plan = decide(
        plan_input(
            absent=(missing,),
            unknown_ids=2,
            ready=frozenset({"ecu-c"}),
            desired=frozenset({"ecu-a", "ecu-b", "ecu-c"}),
        )
    )
    assert (plan.running_now, plan.finally_running, plan.finally_members) == (2, 6, 6)
    done = History().after(Order(OrderKind.SCALE_OUT, ("ecu-c",)))
    plan = decide(plan_input(desired=frozenset({"ecu-a", "ecu-c"}), history=done))
    assert (plan.running_now, plan.finally_running, plan.finally_members) == (2, 2, 2)
