from __future__ import annotations

from pulumi_edas_scale.domain.model import MemberState, Policy, TaskState
from pulumi_edas_scale.domain.plan import History, Order, OrderKind, PlanInput, decide
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
