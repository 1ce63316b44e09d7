"""What has to happen to a deploy group, decided from one reading.

This file decides. It never asks EDAS anything, never waits, and knows no clock. Its laws, each a property test:

1. After success the members of the group are the desired ones plus, unless ``exclusive``, the foreign ones;
   deciding again gives an empty plan.
2. The plan is minimal: no member that is to stay and is not broken is ever in an order.
3. Scale out, verify, then scale in; no order of ours takes the running members below ``minRunning``.
4. Foreign members are scaled in only under ``exclusive``, and only members that the reading showed in this group.
5. The order and the spelling of ids do not matter.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeVar

from pulumi_edas_scale.domain.choices import ForceScaleIn, WaitFor
from pulumi_edas_scale.domain.model import Floor, MemberState, Policy, TaskState

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from pulumi_edas_scale.domain.model import Application, Member
    from pulumi_edas_scale.domain.resolution import Absent

_T = TypeVar("_T")


VISIBILITY_LAG_SECONDS: Final = 60.0
"""How long a reading may contradict an order that ended well, before that is a failure."""


class OrderKind(enum.Enum):
    """The two ways EDAS changes who is in a group."""

    SCALE_OUT = "scale out"
    SCALE_IN = "scale in"


class Wait(enum.Enum):
    """What a round of the loop ended with, when it did not end with nothing left to do."""

    AGAIN = "again, at once"
    PAUSE = "the pause between two change orders"
    GROUP = "the deploy group"
    ABSENT = "instances that are not there yet"
    UNSEEN = "the reading to show what an order did"
    RISING = "joined instances to run"
    FLOOR = "joined instances to run, because of minRunning"
    LATE = "an instance that an earlier run scaled out to be listed"
    QUIET = "Pulumi to have its answers about all resources of the program"
    STARTING = "adopted members to run, which EDAS still starts"


@dataclass(frozen=True, slots=True)
class Order:
    """One change order to submit.

    Attributes:
        kind: scale out or scale in.
        ecu_ids: the machines it is about, in the order of the call.
        ecc_ids: for a scale in, the placements to remove, side by side with ``ecu_ids``; else empty.
        force: whether to send ``ForceStatus=true``.
        repair: whether it takes out or brings back a member whose join had failed.
    """

    kind: OrderKind
    ecu_ids: tuple[str, ...]
    ecc_ids: tuple[str, ...] = ()
    force: bool = False
    repair: bool = False


@dataclass(frozen=True, slots=True)
class History:
    """What this operation has had accepted so far, as ECU ids; an instance is in each set at most once.

    ``removed`` are the ECC ids that accepted scale ins take away: they may be listed for a while all the same.
    """

    scaled_out: frozenset[str] = frozenset()
    scaled_in: frozenset[str] = frozenset()
    repair_out: frozenset[str] = frozenset()
    repair_in: frozenset[str] = frozenset()
    removed: frozenset[str] = frozenset()

    def after(self, order: Order) -> History:
        """Return the history once the order was accepted."""
        ecu_ids = frozenset(order.ecu_ids)
        out = order.kind is OrderKind.SCALE_OUT
        return History(
            self.scaled_out | ecu_ids if out and not order.repair else self.scaled_out,
            self.scaled_in | ecu_ids if not out and not order.repair else self.scaled_in,
            self.repair_out | ecu_ids if out and order.repair else self.repair_out,
            self.repair_in | ecu_ids if not out and order.repair else self.repair_in,
            self.removed.union(order.ecc_ids),
        )

    @property
    def ordered(self) -> frozenset[str]:
        """Every ECU id this operation had scaled out, repairs included."""
        return self.scaled_out | self.repair_out


@dataclass(frozen=True, slots=True)
class PlanInput:
    """All that a decision depends on.

    Attributes:
        group_id: the group whose members are managed.
        live: one reading of the application.
        desired: ECU ids that must be members.
        managed: ECU ids that recorded state calls ours; only they may leave without ``exclusive``.
        settled: by ECU id, the ECC id of members the last operation left as they were: whatever they are, it is
            no failed join.
        unsettled: ECU ids the last operation failed to bring up.
        protected: ids, in either spelling, that another membership of this run claims for this group.
        other_floor: what another membership of this run states for this group; a delete has no floor but this.
        ready: ECU ids that may be scaled out to now.
        absent: desired ids that are neither members nor ready; while there is one, nothing is sent.
        policy: how the change may run.
        deleting: whether the membership itself goes: neither ``exclusive`` nor its own floor applies.
        our_scale_out_failed: whether a recorded order of ours ended badly.
        unknown_ids: how many desired ids a preview does not know; None when not even their number is known.
        history: what this operation has done so far.
        ghosts: ECC ids that are listed although an order which ended just now has taken them away.
    """

    group_id: str
    live: Application
    desired: frozenset[str]
    managed: frozenset[str] = frozenset()
    settled: Mapping[str, str] = field(default_factory=dict)
    unsettled: frozenset[str] = frozenset()
    protected: frozenset[str] = frozenset()
    other_floor: Floor = field(default_factory=Floor)
    ready: frozenset[str] = frozenset()
    absent: tuple[Absent, ...] = ()
    policy: Policy = field(default_factory=Policy)
    deleting: bool = False
    our_scale_out_failed: bool = False
    unknown_ids: int | None = 0
    history: History = History()
    ghosts: frozenset[str] = frozenset()

    @property
    def floor(self) -> Floor:
        """How many members of the group must run after every scale in, and who says so."""
        own = Floor(0 if self.deleting else self.policy.min_running)
        return self.other_floor if self.other_floor.min_running > own.min_running else own


class Refusal(enum.Enum):
    """Why a plan must not be carried out."""

    MIN_RUNNING = "minRunning"
    MAX_REMOVALS = "maxRemovals"


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do, and what it costs.

    Attributes:
        orders: every order in the order of its submission, on the belief that each ends well.
        join: ECU ids to scale out.
        adopt: members that are desired and were not managed: no order.
        leave: managed members to scale in.
        evict: foreign members that ``exclusive`` scales in.
        kept: members that would leave, but that another membership of this run claims.
        broken: members whose join failed, to be taken out and added again.
        awaited: ECU ids that must run, or be listed, before anything is scaled in.
        vanishing: placements that an order has taken away and that are still listed, as far as anything rests on them:
            those of accepted orders of this operation, and those of desired and managed members.
        foreign: members of the group that are neither desired nor managed, whether evicted or not.
        absent: desired ids that are not there yet.
        running_now, lowest_running, finally_running: running members before, at the worst, and at the end.
        finally_members: how many members the group has at the end.
        refusals: what forbids the plan for every value of what is not known yet.
        doubts: what may forbid it, depending on what is not known yet.
    """

    orders: tuple[Order, ...]
    join: tuple[str, ...]
    adopt: tuple[Member, ...]
    leave: tuple[Member, ...]
    evict: tuple[Member, ...]
    kept: tuple[Member, ...]
    broken: tuple[Member, ...]
    awaited: tuple[str, ...]
    vanishing: tuple[Member, ...]
    foreign: tuple[Member, ...]
    absent: tuple[Absent, ...]
    running_now: int
    lowest_running: int
    finally_running: int
    finally_members: int
    refusals: tuple[Refusal, ...]
    doubts: tuple[Refusal, ...]

    @property
    def removals(self) -> int:
        """How many members leave for good; repairs do not count."""
        return len(self.leave) + len(self.evict)

    @property
    def changes_membership(self) -> bool:
        """Whether anybody joins or leaves, now or as soon as it is there."""
        return bool(self.orders or self.absent)

    @property
    def next_order(self) -> Order | None:
        """The order to submit now; None when there is none, or when something must be waited for first."""
        if self.absent or self.vanishing or not self.orders:
            return None
        first = self.orders[0]
        if self.awaited and first.kind is OrderKind.SCALE_IN:
            return None
        return first


def decide(plan_input: PlanInput) -> Plan:
    """Decide who joins, leaves, is adopted, is repaired or stays.

    Pure and total; the laws in this module's docstring hold.

    Args:
        plan_input: one reading, the target, and what is recorded.

    Returns:
        A Plan whose parts are sorted by ECU id; ``leave`` and ``evict`` begin with members that do not run.
    """
    listed = plan_input.live.members_of(plan_input.group_id)
    vanishing = tuple(each for each in listed if _is_vanishing(plan_input, each))
    # A ghost counts for nothing: it neither runs, nor stays, nor has to leave.
    members = tuple(each for each in listed if each not in vanishing and each.ecc_id not in plan_input.ghosts)
    present = {member.ecu_id: member for member in members}
    broken = _broken(plan_input, members)
    join = tuple(sorted(_joining(plan_input, present)))
    going = [each for each in members if _shall_go(plan_input, each)]
    kept = tuple(
        each for each in going if not plan_input.protected.isdisjoint({each.ecu_id, each.instance_id})
    )
    leaving = [each for each in going if each not in kept]
    foreign = tuple(
        each for each in members if each.ecu_id not in plan_input.desired and not is_managed(plan_input, each)
    )
    awaited = tuple(sorted(_awaited(plan_input, present, {each.ecu_id for each in broken})))
    outlook = _outlook(plan_input, members, join, leaving, broken)
    refusals, doubts = _verdicts(plan_input, leaving, outlook)
    return Plan(
        orders=_orders(plan_input, join, leaving, broken),
        join=join,
        adopt=tuple(
            each
            for each in members
            if each.ecu_id in plan_input.desired
            and each.ecu_id not in plan_input.managed
            and each.ecu_id not in plan_input.history.ordered
        ),
        leave=tuple(sorted((each for each in leaving if each not in foreign), key=_leaving_order)),
        evict=tuple(sorted((each for each in leaving if each in foreign), key=_leaving_order)),
        kept=kept,
        broken=broken,
        awaited=awaited,
        vanishing=vanishing,
        foreign=foreign,
        absent=plan_input.absent,
        running_now=outlook.now,
        lowest_running=outlook.lowest,
        finally_running=outlook.finally_running,
        finally_members=outlook.finally_members,
        refusals=refusals,
        doubts=doubts,
    )


def breaks_floor(
    order: Order,
    live: Application,
    group_id: str,
    min_running: int,
    ghosts: Collection[str] = (),
) -> bool:
    """Return whether the order would take a running member and leave fewer than ``min_running`` running."""
    members = (each for each in live.members_of(group_id) if each.ecc_id not in ghosts)
    running = {member.ecu_id for member in members if member.runs}
    taken = running.intersection(order.ecu_ids)
    return order.kind is OrderKind.SCALE_IN and bool(taken) and len(running) - len(taken) < min_running


def is_managed(plan_input: PlanInput, member: Member) -> bool:
    """Return whether a member is ours: recorded as such, and still the placement we know.

    Once a scale in of ours was accepted, the machine under another ECC was added again by somebody, who may (law 13).
    """
    history = plan_input.history
    added_again = member.ecu_id in history.scaled_in and member.ecc_id not in history.removed
    return member.ecu_id in plan_input.managed and not added_again


def join_failed(member: Member) -> bool:
    """Return whether a member looks as a failed join leaves it: stopped, by a task that failed."""
    return member.state is MemberState.STOPPED and member.task is TaskState.FAILED


def is_up(member: Member, *, deployed: bool, policy: Policy) -> bool:
    """Return whether a joined member counts as done: it runs, or it needs no more than to be listed.

    A group that was never deployed leaves its members stopped (edas-api, section 2), so there is nothing to wait for.
    """
    return member.runs or policy.wait_for is WaitFor.ORDER or not deployed


def _joining(plan_input: PlanInput, present: Mapping[str, Member]) -> set[str]:
    history = plan_input.history
    missing = {each for each in plan_input.desired if each not in present and each in plan_input.ready}
    # Once an operation: who was added and is not there has failed to come, or was taken out by somebody who may.
    fresh = {each for each in missing if each not in history.ordered and each not in history.repair_in}
    # A repair is half done while its member is out: to stop here would cost the group a machine.
    return fresh | {each for each in missing if each in history.repair_in and each not in history.repair_out}


def _shall_go(plan_input: PlanInput, member: Member) -> bool:
    if is_managed(plan_input, member):
        return plan_input.deleting or member.ecu_id not in plan_input.desired
    if member.ecu_id in plan_input.history.scaled_in:
        return False  # no matter who added it again, in this operation it leaves once
    return plan_input.policy.exclusive and not plan_input.deleting and member.ecu_id not in plan_input.desired


def _is_vanishing(plan_input: PlanInput, member: Member) -> bool:
    """Return whether an order has taken the member away, as far as anything rests on its being there."""
    if member.ecc_id in plan_input.history.removed:
        return True  # by this operation, which sends no second order for it
    # Whether a desired machine is there looks the same as a ghost: nothing is decided until it has gone, or stays.
    rests = member.ecu_id in plan_input.desired or is_managed(plan_input, member)
    return rests and member.ecc_id in plan_input.ghosts


def _broken(plan_input: PlanInput, members: Sequence[Member]) -> tuple[Member, ...]:
    """Return the desired members whose join failed, unless it may be the deployment that is bad."""
    group = plan_input.live.group(plan_input.group_id)
    ordered = plan_input.history.ordered
    # A bad deployment stops every member. Then a repair would take all of them out, and bring none of them up; it is
    # a single join that failed where somebody runs. A joiner of ours, and a member that leaves, prove nothing.
    proving = (each for each in members if each.ecu_id not in ordered and not _shall_go(plan_input, each))
    somebody_runs = any(each.runs for each in proving)
    if plan_input.deleting or group is None or not group.deployed:
        return ()
    if not somebody_runs and not plan_input.our_scale_out_failed:
        # The first member of a group has nobody beside it; then the bad end of our own order is the evidence.
        return ()
    return tuple(
        each
        for each in members
        if each.ecu_id in plan_input.desired
        and join_failed(each)
        and each.online is not False  # the agent, which is off, would have to carry the repair out
        and plan_input.settled.get(each.ecu_id) != each.ecc_id
        and each.ecu_id not in ordered
        and each.ecu_id not in plan_input.history.repair_in
    )


def _joiners(plan_input: PlanInput) -> set[str]:
    """Return the desired ECU ids that this operation ordered, or the last one failed to bring up."""
    return set((plan_input.history.ordered | plan_input.unsettled) & plan_input.desired)


def _awaited(plan_input: PlanInput, present: Mapping[str, Member], broken: Collection[str]) -> set[str]:
    """Return the joiners that are not up, or not even listed after their order."""
    group = plan_input.live.group(plan_input.group_id)
    deployed = group is not None and group.deployed
    waiting = set()
    for ecu_id in _joiners(plan_input) - set(broken):
        member = present.get(ecu_id)
        if member is None:
            # One that the last operation failed to bring up and that is gone is not a joiner: it is added again.
            if ecu_id in plan_input.history.ordered:
                waiting.add(ecu_id)
        elif not is_up(member, deployed=deployed, policy=plan_input.policy):
            waiting.add(ecu_id)
    return waiting


def _leaving_order(member: Member) -> tuple[bool, bool, str]:
    """Sort key: members that do not run leave first, members whose agent is off last."""
    return (member.agent_off, member.runs, member.ecu_id)


def _orders(
    plan_input: PlanInput, join: Sequence[str], leaving: Sequence[Member], broken: Sequence[Member]
) -> tuple[Order, ...]:
    size = plan_input.policy.batch_size
    again = [each for each in join if each in plan_input.history.repair_in]
    fresh = [each for each in join if each not in plan_input.history.repair_in]
    reachable = sorted((each for each in leaving if not each.agent_off), key=_leaving_order)
    silent = sorted((each for each in leaving if each.agent_off), key=_leaving_order)
    force = plan_input.policy.force_scale_in is ForceScaleIn.OFFLINE
    broken_ids = [each.ecu_id for each in broken]
    # Who joins comes first, so that capacity never falls for who leaves. A repair follows the healthy orders, for it
    # may fail again. Members whose agent is off leave last and alone: such an order may fail, or need ForceStatus.
    return (
        *(Order(OrderKind.SCALE_OUT, tuple(part)) for part in _chunks(fresh, size)),
        *(_scale_in(part, repair=True) for part in _chunks(broken, size)),
        *(
            Order(OrderKind.SCALE_OUT, tuple(part), repair=True)
            for part in _chunks([*again, *broken_ids], size)
        ),
        *(_scale_in(part) for part in _chunks(reachable, size)),
        *(_scale_in(part, force=force) for part in _chunks(silent, size)),
    )


def _scale_in(members: Sequence[Member], *, force: bool = False, repair: bool = False) -> Order:
    return Order(
        OrderKind.SCALE_IN,
        tuple(each.ecu_id for each in members),
        tuple(each.ecc_id for each in members),
        force,
        repair,
    )


def _chunks(items: Sequence[_T], size: int) -> list[Sequence[_T]]:
    return [items[start : start + size] for start in range(0, len(items), size)]


@dataclass(frozen=True, slots=True)
class _Outlook:
    now: int
    before_scale_in: int
    lowest: int
    finally_running: int
    finally_members: int


def _outlook(
    plan_input: PlanInput,
    members: Sequence[Member],
    join: Sequence[str],
    leaving: Sequence[Member],
    broken: Sequence[Member],
) -> _Outlook:
    """Count who runs, on the belief that joiners of a deployed group come up."""
    group = plan_input.live.group(plan_input.group_id)
    deployed = group is not None and group.deployed
    unknown = plan_input.unknown_ids or 0
    now = sum(each.runs for each in members)
    # Absent ones and ids that a preview does not know count as joiners that will run: nothing is sent without them.
    absent = len(plan_input.absent)
    coming = len(join) + absent + unknown
    present = {each.ecu_id for each in members}
    settling = _joiners(plan_input) & (present | plan_input.history.ordered) - set(join)
    # A member whose join failed does not come up by itself, but by its repair, before anybody leaves.
    rising = len(settling - {each.ecu_id for each in members if each.runs or join_failed(each)}) + len(broken)
    before = now + (coming + rising if deployed else 0)
    final = before - sum(each.runs for each in leaving)
    total = len(members) + coming + len(settling - present) - len(leaving)
    return _Outlook(now, before, min(now, final), final, total)


def _verdicts(
    plan_input: PlanInput, leaving: Sequence[Member], outlook: _Outlook
) -> tuple[tuple[Refusal, ...], tuple[Refusal, ...]]:
    """Return what forbids the plan for sure, and what may forbid it once everything is known."""
    policy = plan_input.policy
    running = sum(each.runs for each in leaving)
    done = len(plan_input.history.scaled_in)
    # An id that is not known yet may turn out to be any live member, so as many of the leavers may stay.
    unknown = plan_input.unknown_ids
    sure_running = 0 if unknown is None else max(running - unknown, 0)
    sure_total = 0 if unknown is None else max(len(leaving) - unknown, 0)
    refusals: list[Refusal] = []
    doubts: list[Refusal] = []
    # A scale in that takes nothing that runs cannot break the floor, however far below it the group is already.
    if running and outlook.before_scale_in - running < plan_input.floor.min_running:
        confirmed = sure_running > 0 and outlook.before_scale_in - sure_running < plan_input.floor.min_running
        (refusals if confirmed else doubts).append(Refusal.MIN_RUNNING)
    if (
        policy.max_removals is not None
        and leaving
        and not plan_input.deleting
        and len(leaving) + done > policy.max_removals
    ):
        confirmed = sure_total > 0 and sure_total + done > policy.max_removals
        (refusals if confirmed else doubts).append(Refusal.MAX_REMOVALS)
    return tuple(refusals), tuple(doubts)
