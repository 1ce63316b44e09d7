from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pulumi_edas_scale.domain.choices import ForceScaleIn
from pulumi_edas_scale.domain.model import Listed, MemberState, TaskState
from pulumi_edas_scale.domain.plan import OrderKind, PlanInput, Refusal, breaks_floor, decide
from pulumi_edas_scale.domain.resolution import resolve
from tests.property.worlds import (
    ECUS,
    GROUP,
    POLICIES,
    SOME_ECUS,
    QuietEdas,
    instance_of,
    machine,
    readings,
    situations,
)

if TYPE_CHECKING:
    from pulumi_edas_scale.domain.model import Application, Member, Policy
    from pulumi_edas_scale.domain.plan import Order

MANY = settings(max_examples=max(300, settings().max_examples))


def in_group(plan_input: PlanInput) -> dict[str, Member]:
    """Return the members of the group by ECU id."""
    return {each.ecu_id: each for each in plan_input.live.members_of(GROUP)}


def looks_broken(member: Member) -> bool:
    """Tell whether a join may have failed."""
    return member.state is MemberState.STOPPED and member.task is TaskState.FAILED


@MANY
@given(situations())
def test_a_quiet_world_ends_as_desired_and_stays(plan_input: PlanInput) -> None:
    """Law 1: the members are the desired ones, the kept ones and, unless exclusive, the foreign ones; then nothing."""
    first = decide(plan_input)
    assume(not first.absent and not first.refusals)
    edas = QuietEdas(plan_input)
    last = edas.run()
    assume(not last.awaited)
    before = in_group(plan_input)
    foreign = frozenset(each.ecu_id for each in first.foreign)
    kept = frozenset(each.ecu_id for each in first.kept)
    stays = foreign if plan_input.deleting or not plan_input.policy.exclusive else frozenset[str]()
    assert edas.members == plan_input.desired | stays | kept
    assert not last.orders
    assert not last.leave
    assert not last.evict
    assert not set(first.join) & before.keys()


@MANY
@given(situations())
def test_planning_again_is_empty(plan_input: PlanInput) -> None:
    """Law 1, across runs: after success another operation with the same wish has nothing to send."""
    first = decide(plan_input)
    assume(not first.absent and not first.refusals and not plan_input.deleting)
    edas = QuietEdas(plan_input)
    assume(not edas.run().awaited)
    live = edas.plan_input.live
    again = PlanInput(
        group_id=GROUP,
        live=live,
        desired=plan_input.desired,
        managed=plan_input.desired,
        settled={each.ecu_id: each.ecc_id for each in live.members_of(GROUP)},
        protected=plan_input.protected,
        policy=plan_input.policy,
    )
    assert decide(again).orders == ()


@MANY
@given(situations())
def test_the_plan_is_minimal(plan_input: PlanInput) -> None:
    """Law 2: who stays and is not broken is in no order, and nobody is in more orders than he needs."""
    edas = QuietEdas(plan_input)
    plan = decide(plan_input)
    assume(not plan.refusals)
    edas.run()
    present = in_group(plan_input)
    outs = Counter(ecu for order in edas.sent if order.kind is OrderKind.SCALE_OUT for ecu in order.ecu_ids)
    ins = Counter(ecu for order in edas.sent if order.kind is OrderKind.SCALE_IN for ecu in order.ecu_ids)
    for ecu in plan_input.desired & present.keys():
        broken = looks_broken(present[ecu]) and plan_input.settled.get(ecu) != present[ecu].ecc_id
        assert outs[ecu] == ins[ecu]
        assert outs[ecu] <= (1 if broken else 0)
    assert max([*outs.values(), *ins.values()], default=0) <= 1
    assert outs.keys() <= plan_input.desired


@MANY
@given(situations())
def test_what_is_planned_is_what_happens(plan_input: PlanInput) -> None:
    """The preview cannot say something else: a quiet world sees exactly the planned orders, in that order."""
    assume(not plan_input.absent)
    plan = decide(plan_input)
    assume(not plan.refusals and not plan.awaited)
    edas = QuietEdas(plan_input)
    edas.settle()
    assume(edas.running == plan.running_now)
    edas.run()
    assert [(each.kind, each.ecu_ids, each.repair, each.force) for each in edas.sent] == [
        (each.kind, each.ecu_ids, each.repair, each.force) for each in plan.orders
    ]
    assert edas.running == plan.finally_running
    assert len(edas.members) == plan.finally_members


@MANY
@given(situations())
def test_no_order_takes_too_many_runners(plan_input: PlanInput) -> None:
    """Law 3: scale out comes before scale in, and a plan that is not refused never goes below the floor."""
    assume(not plan_input.absent and not plan_input.deleting)
    plan = decide(plan_input)
    assume(not plan.refusals)
    edas = QuietEdas(plan_input)
    edas.settle()
    started = edas.running
    while (order := decide(edas.plan_input).next_order) is not None:
        floor = plan_input.policy.min_running
        assert not breaks_floor(order, edas.plan_input.live, GROUP, floor)
        edas.carry_out(order)
        edas.settle()
    healthy = [each.kind for each in edas.sent if not each.repair]
    assert healthy == sorted(healthy, key=lambda kind: kind is OrderKind.SCALE_IN)
    assert edas.lowest >= min(started, plan_input.policy.min_running) or not edas.sent
    if started == plan.running_now:
        assert min(edas.lowest, started) == plan.lowest_running


@MANY
@given(situations())
def test_nothing_is_scaled_in_while_somebody_is_awaited(plan_input: PlanInput) -> None:
    """Law 3: the next order is no scale in while a joiner is not up, and none at all while an instance is absent."""
    plan = decide(plan_input)
    if plan.next_order is not None:
        assert not plan.absent
        assert not plan.awaited or plan.next_order.kind is OrderKind.SCALE_OUT


@MANY
@given(situations())
def test_only_ours_leave(plan_input: PlanInput) -> None:
    """Law 4: who is scaled in is a member of this group and managed; or foreign, and the membership is exclusive."""
    present = in_group(plan_input)
    for order in scale_ins(plan_input):
        assert order.ecu_ids
        assert len(order.ecu_ids) == len(order.ecc_ids) <= plan_input.policy.batch_size
        for ecu, ecc in zip(order.ecu_ids, order.ecc_ids, strict=True):
            assert present[ecu].ecc_id == ecc
            assert ecu not in plan_input.protected
            if order.repair:
                assert ecu in plan_input.desired
            elif ecu not in plan_input.managed:
                assert plan_input.policy.exclusive
                assert not plan_input.deleting


@MANY
@given(situations())
def test_force_is_for_members_whose_agent_is_off(plan_input: PlanInput) -> None:
    """ForceStatus goes only with members that the reading showed offline, and these leave last and alone."""
    present = in_group(plan_input)
    seen_silent = False
    for order in (each for each in scale_ins(plan_input) if not each.repair):
        silent = {present[ecu].agent_off for ecu in order.ecu_ids}
        assert len(silent) == 1
        assert order.force == (silent == {True} and plan_input.policy.force_scale_in is ForceScaleIn.OFFLINE)
        assert not (seen_silent and silent == {False})
        seen_silent = seen_silent or silent == {True}


def scale_ins(plan_input: PlanInput) -> list[Order]:
    """Return the planned scale ins."""
    return [each for each in decide(plan_input).orders if each.kind is OrderKind.SCALE_IN]


@given(readings(), SOME_ECUS, SOME_ECUS, POLICIES, st.randoms(use_true_random=False))
def test_order_and_spelling_do_not_matter(
    live: Application,
    desired: frozenset[str],
    managed: frozenset[str],
    policy: Policy,
    rng: st.Randoms,  # type: ignore[name-defined]
) -> None:
    """Law 5: the ids in another order, and each in either spelling, give the same plan."""
    machines = [machine(each) for each in ECUS if all(one.ecu_id != each for one in live.members)]
    plans = []
    for _ in range(3):
        ids = [each if rng.random() < 0.5 else instance_of(each) for each in desired]
        rng.shuffle(ids)
        rng.shuffle(machines)
        found = resolve([Listed("", each) for each in ids], live, GROUP, machines=machines)
        plan = decide(
            PlanInput(
                GROUP,
                live,
                frozenset(found.ecu_ids.values()),
                managed,
                ready=frozenset(found.ready),
                policy=policy,
            )
        )
        plans.append(plan)
        assert len(found.absent) == len(desired & {e.ecu_id for e in live.members if e.group_id != GROUP})
    assert plans[0] == plans[1] == plans[2]


@settings(max_examples=300)
@given(situations(), st.integers(1, 2))
def test_what_is_refused_for_unknown_ids_is_refused_for_every_value(
    plan_input: PlanInput, unknown: int
) -> None:
    """With ids the preview does not know, a refusal holds for all of their values, and an eviction is the most."""
    assume(not plan_input.absent and not plan_input.deleting)
    vague = decide(replace(plan_input, unknown_ids=unknown))
    candidates = sorted((plan_input.ready | in_group(plan_input).keys()) - plan_input.desired)
    for chosen in itertools.combinations(candidates, unknown):
        known = decide(replace(plan_input, desired=plan_input.desired | frozenset(chosen)))
        assert set(vague.refusals) <= set(known.refusals)
        assert {each.ecu_id for each in known.evict} <= {each.ecu_id for each in vague.evict}
        assert {each.ecu_id for each in known.leave} <= {each.ecu_id for each in vague.leave}


@given(situations())
def test_of_a_list_nobody_knows_nothing_is_refused(plan_input: PlanInput) -> None:
    """With a whole list unknown every refusal is a doubt only."""
    vague = decide(replace(plan_input, unknown_ids=None))
    assert vague.refusals == ()


@MANY
@given(situations())
def test_a_refusal_is_about_leavers(plan_input: PlanInput) -> None:
    """A plan without leavers is never refused, and a delete never is."""
    plan = decide(plan_input)
    if plan_input.deleting or not (plan.leave or plan.evict):
        assert plan.refusals == ()
    if plan_input.policy.max_removals is not None and not plan_input.deleting:
        refused = Refusal.MAX_REMOVALS in plan.refusals
        assert refused == (plan.removals > plan_input.policy.max_removals and plan.removals > 0)
